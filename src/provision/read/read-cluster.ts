import {
  kubeClusterSchema,
  type KubeClusterSpec,
} from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import {
  kubeMachineSchema,
  type KubeMachineSpec,
} from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { provisionGroup } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { isJsonObject } from '../../base/index.ts';
import type { KindSettings } from '../kind/plan/kind-settings.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import { assembleCluster } from './cluster.ts';
import { readKind } from './kind.ts';
import { checkProxy } from './kubeadm.ts';
import {
  Findings,
  InvalidClusterError,
  type ObjectFindings,
  parseStrictly,
  type ReadProblem,
} from './problems.ts';
import { checkSecret, readSecret, type SecretNeed, secretNeeds, type SecretValues } from './secrets.ts';

/** A cluster as it stands in a file, or in the host's API. */
export interface ReadCluster {
  readonly spec: ClusterSpec;
  /** kind makes its nodes, like this; undefined: its nodes are machines. */
  readonly kind: KindSettings | undefined;
  /** Names of the SSH credentials that its machines and bastions use. */
  readonly credentials: readonly string[];
  /** Every Secret it needs, credentials among them. */
  readonly needs: readonly SecretNeed[];
  /** What was given of them in the same file. Secret: to be sealed, never shown. */
  readonly secrets: SecretValues;
  /** Where programs and images come from, if the cluster says so itself. */
  readonly bundle: { readonly path: string | undefined; readonly publicKey: string | undefined } | undefined;
  /** KubeMachines that are being deleted; the spec is without them. */
  readonly leaving: readonly string[];
  /** The objects it was read from, without the Secrets and as they were given. */
  readonly objects: readonly Readonly<Record<string, unknown>>[];
  /** Worth a look, and no reason to stop. */
  readonly warnings: readonly ReadProblem[];
}

/**
 * Reads the one cluster of these objects: a KubeCluster, its KubeMachines, and Secrets for them.
 * @throws InvalidClusterError (a HansaError InvalidSpec) with every problem that was found, each with its field and mend
 */
export function readCluster(objects: readonly unknown[]): ReadCluster {
  const clusters = readClusters(objects);
  const [first, second] = clusters;
  if (first && !second) return first;
  const names = clusters.map(({ spec }) => spec.name).join(', ');
  throw new InvalidClusterError([
    {
      object: '',
      field: '',
      message: first
        ? `there are several clusters here (${names}): name one of them`
        : `there is no KubeCluster here (apiVersion ${provisionGroup}/v1alpha1)`,
    },
  ]);
}

/**
 * Reads all clusters of these objects, in their order.
 * @throws InvalidClusterError with the problems of all of them
 */
export function readClusters(objects: readonly unknown[]): readonly ReadCluster[] {
  const findings = new Findings();
  const sorted = sortObjects(objects, findings);
  // What is said of the file as a whole goes to its first cluster.
  const general = [...findings.warnings];
  const clusters = sorted.clusters.map((cluster, index) => {
    const read = readOne(cluster, sorted, findings);
    return index === 0 ? { ...read, warnings: [...general, ...read.warnings] } : read;
  });
  for (const { name, namespace, spec } of sorted.machines) {
    const hasCluster = sorted.clusterKeys.has(keyOf(namespace, spec.clusterName));
    if (!hasCluster) {
      findings
        .on(`KubeMachine ${name}`)
        .problem(
          'spec.clusterName',
          `names the KubeCluster ${namespace}/${spec.clusterName}, which is not there`,
        );
    }
  }
  if (findings.problems.length > 0) throw new InvalidClusterError(findings.problems);
  return clusters;
}

interface Sorted {
  readonly clusters: readonly Named<KubeClusterSpec>[];
  readonly machines: readonly Named<KubeMachineSpec>[];
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Those too that could not be read, so that their machines are not called orphans. */
  readonly clusterKeys: ReadonlySet<string>;
}

interface Named<Spec> {
  readonly name: string;
  readonly namespace: string;
  readonly isLeaving: boolean;
  readonly spec: Spec;
  readonly object: Readonly<Record<string, unknown>>;
}

function readOne(cluster: Named<KubeClusterSpec>, sorted: Sorted, findings: Findings): ReadCluster {
  const { name, namespace } = cluster;
  const warningsBefore = findings.warnings.length;
  const own = sorted.machines.filter(
    (each) => each.namespace === namespace && each.spec.clusterName === name,
  );
  const staying = own.filter(({ isLeaving }) => !isLeaving);
  const kind = cluster.spec.provider ? readKind(cluster, staying, findings) : undefined;
  const spec = kind?.spec ?? assembleCluster(cluster, staying, findings);
  const needs = secretNeeds(spec);
  const secrets = new Map<string, Readonly<Record<string, string>>>();
  for (const need of needs) {
    const values = sorted.secrets.get(keyOf(namespace, need.name));
    if (!values) continue;
    secrets.set(need.name, values);
    checkSecret(need.use, values, findings.on(`Secret ${need.name}`));
  }
  const { bundle } = cluster.spec;
  return {
    spec,
    kind: kind?.settings,
    credentials: needs.filter(({ use }) => use === 'ssh').map((need) => need.name),
    needs,
    secrets,
    bundle: bundle && { path: bundle.path, publicKey: bundle.publicKey },
    leaving: own.filter(({ isLeaving }) => isLeaving).map((each) => each.name),
    objects: [cluster.object, ...own.map(({ object }) => object)],
    warnings: findings.warnings.slice(warningsBefore),
  };
}

function sortObjects(objects: readonly unknown[], findings: Findings): Sorted {
  const clusters: Named<KubeClusterSpec>[] = [];
  const machines: Named<KubeMachineSpec>[] = [];
  const secrets = new Map<string, Readonly<Record<string, string>>>();
  const clusterKeys = new Set<string>();
  for (const [index, object] of objects.flatMap(itemsOf).entries()) {
    const head = headOf(object, index, findings);
    if (!head) continue;
    const { name, namespace, group, kind } = head;
    const found = findings.on(`${kind} ${name}`);
    const key = keyOf(namespace, name);
    switch (`${kind}.${group}`) {
      case `KubeCluster.${provisionGroup}`: {
        if (clusterKeys.has(key))
          found.problem('metadata.name', 'is there twice: give each KubeCluster a name of its own');
        clusterKeys.add(key);
        const named = read(kubeClusterSchema, head, found);
        if (named) clusters.push(named);
        break;
      }
      case `KubeMachine.${provisionGroup}`: {
        const named = read(kubeMachineSchema, head, found);
        if (named) machines.push(named);
        break;
      }
      case 'Secret.':
        if (secrets.has(key)) found.problem('metadata.name', 'is there twice: keep one of them');
        secrets.set(key, readSecret(head.object, found));
        break;
      // Namespaces and whatever else is applied together with a cluster are not for us.
      default:
        if (group === provisionGroup) break;
        if (kind !== 'Namespace') found.warning('', 'is left alone: it is no part of a cluster');
    }
  }
  return { clusters, machines, secrets, clusterKeys };
}

interface Head {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly isLeaving: boolean;
  readonly object: Readonly<Record<string, unknown>>;
}

function headOf(object: unknown, index: number, findings: Findings): Head | undefined {
  if (object === null || object === undefined) return undefined;
  const found = findings.on(`document ${index + 1}`);
  if (!isJsonObject(object)) {
    found.problem('', 'must be a Kubernetes object');
    return undefined;
  }
  const { apiVersion, kind, metadata } = object;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    found.problem('', 'has no apiVersion and kind');
    return undefined;
  }
  const name = isJsonObject(metadata) ? metadata['name'] : undefined;
  if (!isJsonObject(metadata) || typeof name !== 'string' || name === '') {
    found.problem('metadata.name', `is missing in this ${kind}`);
    return undefined;
  }
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  if (group === provisionGroup && version !== 'v1alpha1') {
    findings
      .on(`${kind} ${name}`)
      .problem('apiVersion', `${apiVersion} is not known to this Hansa: write ${provisionGroup}/v1alpha1`);
    return undefined;
  }
  const { namespace, deletionTimestamp } = metadata;
  return {
    group: group ?? '',
    kind,
    name,
    namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default',
    isLeaving: typeof deletionTimestamp === 'string',
    object,
  };
}

function read<S extends typeof kubeClusterSchema | typeof kubeMachineSchema>(
  schema: S,
  { name, namespace, isLeaving, object }: Head,
  found: ObjectFindings,
): Named<S extends typeof kubeClusterSchema ? KubeClusterSpec : KubeMachineSpec> | undefined {
  const { spec } = object;
  if (schema === kubeClusterSchema && !checkProxy(spec, found)) return undefined;
  // A status from an API server is no business of whoever reads the spec, and may be of a newer Hansa.
  const parsed = parseStrictly(schema, { spec }, found);
  return parsed && { name, namespace, isLeaving, spec: parsed.spec as never, object };
}

/** `kubectl get -o yaml` gives lists. */
function itemsOf(object: unknown): readonly unknown[] {
  if (!isJsonObject(object) || object['kind'] !== 'List' || !Array.isArray(object['items'])) return [object];
  return object['items'] as readonly unknown[];
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
