import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { addressOf, federatedGroups, federatedKinds } from '../../api/federated-kinds.ts';
import { type Clock, HansaError, type Progress, silentProgress } from '../../base/index.ts';
import { type ApiClient, type KubeObject, namespaceType, type ResourceType } from '../../kube/index.ts';
import {
  addHostNamespaceOption,
  addHostOptions,
  type HostFlags,
  interruptSignal,
  openHost,
  printData,
  readOutput,
} from '../host-options.ts';

interface InstallFlags extends HostFlags {
  readonly namespace: string;
  readonly kubefedNamespace?: string;
  readonly finalizerPolicy?: boolean;
  readonly dryRun?: boolean;
  readonly output?: string;
}

/** `hansa install`: prepares a host. */
export function addInstallCommand(program: Command): void {
  const command = program
    .command('install')
    .description("prepare a host: Hansa's CRDs and its namespace; again after an upgrade");
  addHostNamespaceOption(addHostOptions(command))
    .option(
      '--finalizer-policy',
      'let the host itself put the finalizer on federated objects: one write less for each (Kubernetes 1.36)',
    )
    .option('--dry-run', 'let the host check everything, write nothing')
    .option('-o, --output <format>', 'json or yaml')
    .action(async (flags: InstallFlags) => {
      const format = readOutput(flags.output, ['json', 'yaml']);
      const host = await openHost(flags);
      const { systemClock } = await import('../../kube/index.ts');
      const { createProgress } = await import('../progress.ts');
      try {
        const { explained } = await import('../../members/join/index.ts');
        const work = installHost({
          hostClient: host.client,
          namespace: flags.kubefedNamespace ?? flags.namespace,
          crds: await readCrds(),
          policies: flags.finalizerPolicy ? await readPolicies() : [],
          dryRun: flags.dryRun ?? false,
          clock: systemClock,
          progress: createProgress(),
          signal: interruptSignal(),
        });
        const result = await explained(work, 'the host', host.client);
        if (format) await printData(result, format);
        else process.stdout.write(`${renderInstall(result, host.client.server)}\n`);
      } finally {
        await host.client.close();
      }
    });
}

const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/** The CRDs that come with this package. */
export function readCrds(): Promise<readonly KubeObject[]> {
  return readShipped('crds', (file) => file.endsWith('.yaml'));
}

/** Admission policies that spare the controller writes; hosts before Kubernetes 1.36 don't serve their kind. */
export function readPolicies(): Promise<readonly KubeObject[]> {
  return readShipped('deploy', (file) => file === 'finalizer-policy.yaml');
}

/** Reads from a directory beside `src/` in a checkout, or beside the bundle in a release. */
async function readShipped(
  directory: string,
  isWanted: (file: string) => boolean,
): Promise<readonly KubeObject[]> {
  const { parseAllDocuments } = await import('yaml');
  for (const path of ['../../../', '../', './']) {
    const place = fileURLToPath(new URL(`${path}${directory}/`, import.meta.url));
    const files = await readdir(place).catch(() => []);
    const names = files.filter(isWanted).sort();
    if (names.length === 0) continue;
    const texts = await Promise.all(names.map((name) => readFile(`${place}${name}`, 'utf8')));
    return texts.flatMap((text) => parseAllDocuments(text).map((each) => each.toJS() as KubeObject));
  }
  throw new HansaError(`the directory ${directory}/ is missing from this installation of Hansa`, {
    reason: 'FilesMissing',
    retry: 'never',
  });
}

export interface InstallOptions {
  readonly hostClient: ApiClient;
  readonly namespace: string;
  readonly crds: readonly KubeObject[];
  /** Admission policies; left out on a host that doesn't serve their kind. */
  readonly policies?: readonly KubeObject[];
  readonly dryRun?: boolean;
  readonly clock: Clock;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export interface InstallResult {
  readonly namespace: string;
  readonly crds: readonly string[];
  /** False on hosts before Kubernetes 1.36: the controller then adds finalizers with writes of its own. */
  readonly hasFinalizerPolicy: boolean;
  readonly dryRun: boolean;
}

const establishLimitMs = 30_000;
const establishPauseMs = 50;
const policyLimitMs = 90_000;

/**
 * Applies namespace and CRDs and waits until their kinds are served.
 *
 * Guarantees: can be repeated at any time; an object in place is not written (server-side apply of the same content
 * changes nothing); a newer CRD is taken over field by field, stored objects stay.
 */
export async function installHost(options: InstallOptions): Promise<InstallResult> {
  const {
    hostClient,
    namespace,
    crds,
    policies = [],
    dryRun = false,
    progress = silentProgress,
    signal,
  } = options;
  const call = signal ? { signal } : {};
  let hasFinalizerPolicy = false;
  const step = progress.step(`Apply ${crds.length} CRDs and the namespace ${namespace}`);
  try {
    const apply = (type: ResourceType, object: KubeObject) =>
      hostClient.apply(type, object, { ...call, fieldManager: 'hansa-install', force: true, dryRun });
    await apply(namespaceType, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await Promise.all(crds.map((crd) => apply(crdType, crd)));
    if (!dryRun) await waitUntilServed(options);
    step.done();
    if (policies.length > 0) hasFinalizerPolicy = await installPolicies(options, apply);
  } catch (error) {
    step.fail('');
    throw error;
  }
  return { namespace, crds: crds.map(({ metadata }) => metadata.name), hasFinalizerPolicy, dryRun };
}

const policyTypes: Readonly<Record<string, ResourceType>> = Object.fromEntries(
  (
    [
      ['MutatingAdmissionPolicy', 'mutatingadmissionpolicies'],
      ['MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings'],
    ] as const
  ).map(([kind, plural]) => [
    kind,
    { group: 'admissionregistration.k8s.io', version: 'v1', kind, plural, namespaced: false },
  ]),
);

/**
 * Applies the policies and waits until they let objects through: the API server looks for new kinds every 30 s only,
 * and till then it refuses what a policy matches.
 */
async function installPolicies(
  { hostClient, namespace, policies = [], dryRun, clock, progress = silentProgress, signal }: InstallOptions,
  apply: (type: ResourceType, object: KubeObject) => Promise<KubeObject>,
): Promise<boolean> {
  const step = progress.step('Apply the finalizer policy');
  for (const policy of policies) {
    const type = policyTypes[policy.kind];
    if (!type) throw new Error(`no type for ${policy.kind}`);
    try {
      await apply(type, policy);
    } catch (error) {
      step.fail('');
      if (error instanceof HansaError && error.reason === 'KindNotServed') return false;
      throw error;
    }
  }
  step.update('waiting until the API server has taken it up');
  for (const untilMs = clock.monotonic() + policyLimitMs; !dryRun; await clock.sleep(1_000, signal)) {
    try {
      await hostClient.create(
        addressOf(federatedKinds[1], federatedGroups.current),
        {
          apiVersion: 'types.kubefed.io/v1beta1',
          kind: 'FederatedConfigMap',
          metadata: { name: 'probe', namespace },
          spec: {},
        },
        { dryRun: true, ...(signal ? { signal } : {}) },
      );
      break;
    } catch (error) {
      if (
        !(error instanceof HansaError) ||
        error.reason !== 'ServiceUnavailable' ||
        clock.monotonic() > untilMs
      )
        throw error;
    }
  }
  step.done();
  return true;
}

/** `Established` comes a moment before the path answers everywhere, so each kind is asked for as well. */
async function waitUntilServed({ hostClient, crds, clock, signal }: InstallOptions): Promise<void> {
  const call = signal ? { signal } : {};
  const untilMs = clock.monotonic() + establishLimitMs;
  const waiting = new Set(crds);
  while (waiting.size > 0) {
    for (const crd of waiting) {
      const seen = await hostClient.get(crdType, { name: crd.metadata.name }, call);
      if (isEstablished(seen) && (await isServed(hostClient, seen, call))) waiting.delete(crd);
    }
    if (waiting.size === 0) return;
    if (clock.monotonic() >= untilMs) {
      const names = [...waiting].map(({ metadata }) => metadata.name).join(', ');
      throw new HansaError(`the host does not serve these CRDs yet: ${names}; see their status.conditions`, {
        reason: 'CrdNotEstablished',
      });
    }
    await clock.sleep(establishPauseMs, signal);
  }
}

function isEstablished(crd: KubeObject): boolean {
  const { conditions } = (crd['status'] ?? {}) as { conditions?: { type: string; status: string }[] | null };
  return conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false;
}

async function isServed(
  client: ApiClient,
  crd: KubeObject,
  call: { readonly signal?: AbortSignal },
): Promise<boolean> {
  const spec = crd['spec'] as {
    group: string;
    versions: { name: string; served: boolean }[];
    names: { plural: string };
  };
  const version = spec.versions.find(({ served }) => served)?.name;
  if (!version) return true;
  try {
    await client.raw(`/apis/${spec.group}/${version}/${spec.names.plural}?limit=1`, call);
    return true;
  } catch (error) {
    if (error instanceof HansaError && ['KindNotServed', 'NotFound', 'ServerError'].includes(error.reason))
      return false;
    throw error;
  }
}

export function renderInstall(
  { namespace, crds, hasFinalizerPolicy, dryRun }: InstallResult,
  server: string,
): string {
  return dryRun
    ? `Dry run: the host ${server} accepts ${crds.length} CRDs and the namespace ${namespace}.`
    : `The host ${server} is ready: ${crds.length} CRDs, namespace ${namespace}${hasFinalizerPolicy ? ', finalizer policy' : ''}.\nNext: "hansa controller", and "hansa join NAME" for each member.`;
}
