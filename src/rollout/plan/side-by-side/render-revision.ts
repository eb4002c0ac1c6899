import { revisionLabel, rolloutLabel } from '../../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { hashOf, isJsonObject, type JsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import { isNamedElsewhere } from './named-elsewhere.ts';
import { type Renaming, referencesOf, rewriteReferences } from './rewrite-references.ts';
import { refusal, tidyObject } from './tidy-object.ts';
import { contentAnnotation, isStepped, labelValueOf, type SteppedKind, versionedName } from './words.ts';

/** A Deployment or ReplicaSet of one revision. */
export interface RenderedWorkload {
  readonly kind: SteppedKind;
  /** As in the manifests. */
  readonly name: string;
  /** With suffix and labels, without replicas: those are the rollout's. */
  readonly object: KubeObject;
  /** Replicas when whole, as the manifests say. */
  readonly replicas: number;
  /** Its HorizontalPodAutoscaler, which comes into being when the revision has the cluster to itself. */
  readonly autoscaler: KubeObject | undefined;
  readonly podLabels: Readonly<Record<string, string>>;
}

/** One revision's objects, as they stand in a member. */
export interface RenderedRevision {
  readonly revision: string;
  /** ConfigMaps and Secrets that the pods use: copies with the revision in their name. */
  readonly versioned: readonly KubeObject[];
  /** One for all revisions: the newest installed revision's version counts. */
  readonly shared: readonly KubeObject[];
  /** By name. */
  readonly workloads: readonly RenderedWorkload[];
}

/**
 * Turns plain manifests into objects that can stand beside those of another revision.
 *
 * *Flow*: workloads get the revision in their name, selector and pod labels; ConfigMaps and Secrets that their pods use
 * become copies under a name of their own, and the pods use those; everything else is shared.
 * *Guarantees*: the pods keep all their labels, so Services and PodDisruptionBudgets select both revisions.
 * @throws HansaError InvalidSpec, with the object and what to do
 */
export function renderRevision(
  objects: readonly KubeObject[],
  revision: string,
  rollout: { readonly name: string; readonly namespace: string },
): RenderedRevision {
  const tidy = objects.map((object) => tidyObject(object, rollout.namespace));
  refuseTwins(tidy);
  const workloads = tidy.filter(({ kind }) => isStepped(kind));
  refuseUnstepped(tidy, workloads);
  const labels = { [rolloutLabel]: labelValueOf(rollout.name), [revisionLabel]: revision };
  const used = workloads.map((workload) => referencesOf(podSpecOf(workload)));
  const isUsed = ({ kind, metadata: { name } }: KubeObject): boolean =>
    (kind === 'ConfigMap' && used.some(({ configMaps }) => configMaps.has(name))) ||
    (kind === 'Secret' && used.some(({ secrets }) => secrets.has(name)));
  const configs = tidy.filter((object) => isCore(object) && isUsed(object));
  const renaming = renamingOf(configs, revision);
  const scaled = new Map(
    tidy.filter(isAutoscaler).flatMap((autoscaler) => {
      const target = scaledBy(autoscaler, workloads);
      return target ? [[target, autoscaler] as const] : [];
    }),
  );
  const own = new Set<KubeObject>([...workloads, ...configs, ...scaled.values()]);
  const others = tidy.filter((object) => !own.has(object));
  refuseScalers(others, workloads);
  // A TLS Secret may serve pods and an Ingress: then both the copy and the original are needed.
  const alsoShared = configs.filter((config) => isNamedElsewhere(config, others));
  return {
    revision,
    versioned: configs.map((config) => stamp(withRevision(config, revision, labels))),
    shared: [...alsoShared, ...others]
      .toSorted(byRank)
      .map((object) => stamp(withLabels(object, labels, false))),
    workloads: workloads
      .map((workload) => renderWorkload(workload, scaled.get(workload), { revision, labels, renaming }))
      .toSorted((a, b) => (`${a.name}/${a.kind}` < `${b.name}/${b.kind}` ? -1 : 1)),
  };
}

interface Setting {
  readonly revision: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly renaming: Renaming;
}

function renderWorkload(
  workload: KubeObject,
  autoscaler: KubeObject | undefined,
  { revision, labels, renaming }: Setting,
): RenderedWorkload {
  const { replicas, selector, template, ...spec } = specOf(workload);
  const what = `${workload.kind} ${workload.metadata.name}`;
  if (!isJsonObject(template) || !isJsonObject(selector)) {
    throw refusal(`${what} has no spec.template or no spec.selector: write both`);
  }
  const metadata = isJsonObject(template['metadata']) ? template['metadata'] : {};
  const podLabels = { ...(metadata['labels'] as Record<string, string> | undefined), ...labels };
  const object = withRevision(workload, revision, labels);
  return {
    kind: workload.kind as SteppedKind,
    name: workload.metadata.name,
    object: stamp({
      ...object,
      spec: {
        ...spec,
        selector: {
          ...selector,
          matchLabels: { ...(selector['matchLabels'] as JsonObject | undefined), ...labels },
        },
        template: {
          ...template,
          metadata: { ...metadata, labels: podLabels },
          spec: rewriteReferences(podSpecOf(workload), renaming),
        },
      },
    }),
    replicas: typeof replicas === 'number' ? replicas : 1,
    autoscaler: autoscaler && renderAutoscaler(autoscaler, workload, revision, labels),
    podLabels,
  };
}

function renderAutoscaler(
  autoscaler: KubeObject,
  workload: KubeObject,
  revision: string,
  labels: Readonly<Record<string, string>>,
): KubeObject {
  const spec = specOf(autoscaler);
  const target = isJsonObject(spec['scaleTargetRef']) ? spec['scaleTargetRef'] : {};
  return stamp({
    ...withRevision(autoscaler, revision, labels),
    spec: {
      ...spec,
      scaleTargetRef: { ...target, name: versionedName(workload.metadata.name, revision) },
    },
  });
}

function withRevision(
  object: KubeObject,
  revision: string,
  labels: Readonly<Record<string, string>>,
): KubeObject {
  const named = {
    ...object,
    metadata: { ...object.metadata, name: versionedName(object.metadata.name, revision) },
  };
  return withLabels(named, labels, true);
}

function withLabels(
  object: KubeObject,
  { [revisionLabel]: revision = '', ...labels }: Readonly<Record<string, string>>,
  isVersioned: boolean,
): KubeObject {
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: {
        ...object.metadata.labels,
        ...labels,
        ...(isVersioned ? { [revisionLabel]: revision } : {}),
      },
    },
  };
}

/** Notes what was wanted; a server gives back more than that, so the objects themselves can't be compared. */
function stamp(object: KubeObject): KubeObject {
  return {
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { ...object.metadata.annotations, [contentAnnotation]: hashOf(object).slice(0, 8) },
    },
  };
}

function renamingOf(configs: readonly KubeObject[], revision: string): Renaming {
  const names = (kind: string) =>
    new Map(
      configs
        .filter((config) => config.kind === kind)
        .map(({ metadata: { name } }) => [name, versionedName(name, revision)] as const),
    );
  return { configMaps: names('ConfigMap'), secrets: names('Secret') };
}

function refuseTwins(objects: readonly KubeObject[]): void {
  const seen = new Set<string>();
  for (const { apiVersion, kind, metadata } of objects) {
    const key = `${apiVersion.split('/')[0] ?? ''} ${kind} ${metadata.name}`;
    if (seen.has(key)) throw refusal(`${kind} ${metadata.name} stands there twice: leave one out`);
    seen.add(key);
  }
}

const unstepped = ['StatefulSet', 'DaemonSet'];

function refuseUnstepped(objects: readonly KubeObject[], workloads: readonly KubeObject[]): void {
  const found = objects.find(({ kind }) => unstepped.includes(kind));
  if (found) {
    throw refusal(
      `two revisions of ${found.kind} ${found.metadata.name} can't stand side by side: set spec.mode to InPlace, or leave it out of the manifests and roll it out by a Rollout with source.workloadRef`,
    );
  }
  if (workloads.length === 0) {
    throw refusal(
      'there is no Deployment or ReplicaSet among the objects, so there is nothing to go in steps: set spec.mode to InPlace',
    );
  }
}

function isAutoscaler({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'HorizontalPodAutoscaler' && apiVersion.startsWith('autoscaling/');
}

function scaledBy(scaler: KubeObject, workloads: readonly KubeObject[]): KubeObject | undefined {
  const { scaleTargetRef, targetRef } = specOf(scaler);
  const ref = [scaleTargetRef, targetRef].find(isJsonObject);
  if (!ref) return undefined;
  return workloads.find(
    // KEDA takes a Deployment for granted.
    ({ kind, metadata }) => metadata.name === ref['name'] && kind === (ref['kind'] ?? 'Deployment'),
  );
}

function refuseScalers(others: readonly KubeObject[], workloads: readonly KubeObject[]): void {
  for (const scaler of others) {
    const target = scaledBy(scaler, workloads);
    if (!target) continue;
    throw refusal(
      `${scaler.kind} ${scaler.metadata.name} is about ${target.kind} ${target.metadata.name}, whose name differs with each revision: use a HorizontalPodAutoscaler, of which Hansa takes care, or mode Gated`,
    );
  }
}

/** What others need comes first. */
const ranks = [
  'Namespace',
  'ResourceQuota',
  'LimitRange',
  'PriorityClass',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'PersistentVolumeClaim',
  'Role',
  'RoleBinding',
  'NetworkPolicy',
  'Service',
];

function byRank(a: KubeObject, b: KubeObject): number {
  return rankOf(a) - rankOf(b);
}

function rankOf({ kind }: KubeObject): number {
  const rank = ranks.indexOf(kind);
  return rank === -1 ? ranks.length : rank;
}

function isCore({ apiVersion }: KubeObject): boolean {
  return apiVersion === 'v1';
}

function specOf({ spec }: KubeObject): JsonObject {
  return isJsonObject(spec) ? spec : {};
}

function podSpecOf(workload: KubeObject): JsonObject {
  const { template } = specOf(workload);
  return isJsonObject(template) && isJsonObject(template['spec']) ? template['spec'] : {};
}
