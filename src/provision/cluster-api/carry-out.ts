import { type Clock, HansaError, type Logger } from '../../base/index.ts';
import { type ApiClient, type KubeObject, secretType } from '../../kube/index.ts';
import { joinedAsLabel } from '../../members/join/index.ts';
import { hasLabels } from '../registration/membership.ts';
import type { FederationRegistrar } from '../registration/registrar.ts';
import { isSameSource, sourceLabels, sourceOf } from '../registration/words.ts';
import { type ClusterView, sourceOfCluster } from './cluster-view.ts';
import { isOfEarlier, type SeenMember, type Verdict } from './decide.ts';
import { kubeconfigSecretKey, kubeconfigSecretType } from './words.ts';

export interface DoorDeps {
  readonly host: ApiClient;
  readonly registrar: FederationRegistrar;
  readonly namespace: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

interface ClusterRef {
  readonly namespace: string;
  readonly name: string;
}

const retryMs = 15_000;

/** What came of it: `waits` for the kubeconfig, which Cluster API writes seconds after the control plane is up. */
export type JoinEnd = 'joined' | 'waits' | 'nothing-to-do';

/**
 * What the caches show may be a moment old, so the host is asked once more: a join of somebody else is not taken over.
 * @throws HansaError
 */
export async function joinByDoor(
  deps: DoorDeps,
  cluster: ClusterView,
  { member: name, labels }: Extract<Verdict, { kind: 'join' }>,
): Promise<JoinEnd> {
  const { registrar, signal } = deps;
  const now = await registrar.membership(name, signal);
  if (now.kind === 'member' && (!isOwn(now, cluster) || hasLabels(now, labels))) return 'nothing-to-do';
  const kubeconfig = await kubeconfigOf(deps, cluster);
  if (kubeconfig === undefined) return 'waits';
  const context = contextFor(deps, cluster.name);
  try {
    await registrar.join({ name, kubeconfig, labels }, context);
  } catch (error) {
    // A Cluster that was deleted and made again while nobody looked has the member of its predecessor in its way.
    const isTaken = error instanceof HansaError && error.reason === 'NameTaken';
    if (!isTaken || now.kind !== 'member' || !isOfEarlier(now, cluster)) throw error;
    await markLeaving(deps, cluster, name);
    await registrar.leave({ name, kubeconfig: undefined }, context);
    await registrar.join({ name, kubeconfig, labels }, context);
  }
  return 'joined';
}

/**
 * False: it had left already, and the caches don't show it yet.
 * @throws HansaError
 */
export async function leaveByDoor(
  deps: DoorDeps,
  cluster: ClusterRef,
  { member: name, access }: Extract<Verdict, { kind: 'leave' }>,
): Promise<boolean> {
  const { registrar, signal } = deps;
  const context = contextFor(deps, cluster.name);
  const now = await registrar.membership(name, signal);
  if (now.kind === 'absent' || (now.kind === 'member' && !isOwn(now, cluster))) return false;
  await markLeaving(deps, cluster, name);
  switch (access) {
    case 'needed':
      await registrar.leave({ name, kubeconfig: await neededKubeconfig(deps, cluster, name) }, context);
      return true;
    case 'none':
      await registrar.leave({ name, kubeconfig: undefined }, context);
      return true;
    case 'if-possible':
      try {
        await registrar.leave({ name, kubeconfig: await kubeconfigOf(deps, cluster) }, context);
      } catch (error) {
        if (signal.aborted) throw error;
        // It dies, and takes its accounts along.
        await registrar.leave({ name, kubeconfig: undefined }, context);
      }
      return true;
  }
}

/** The Secret outlives the KubeFedCluster in an unjoin, so it is what tells the next process of one that broke off. */
async function markLeaving(
  { host, namespace, signal }: DoorDeps,
  cluster: ClusterRef,
  member: string,
): Promise<void> {
  const labels = sourceLabels(sourceOfCluster(cluster));
  const options = { namespace, labelSelector: `${joinedAsLabel}=${member}`, metadataOnly: true, signal };
  for await (const { items } of host.list(secretType, options)) {
    for (const { metadata } of items) {
      await host.patch(
        secretType,
        { namespace, name: metadata.name },
        { metadata: { labels } },
        { type: 'merge', fieldManager: 'hansa-join', signal },
      );
    }
  }
}

async function neededKubeconfig(deps: DoorDeps, cluster: ClusterRef, member: string): Promise<string> {
  const kubeconfig = await kubeconfigOf(deps, cluster);
  if (kubeconfig !== undefined) return kubeconfig;
  throw new HansaError(
    `Secret ${cluster.namespace}/${cluster.name}-kubeconfig is not there, so member ${member} can't be asked to let go of its account: bring it back, or run "hansa unjoin ${member} --force"`,
    { reason: 'KubeconfigMissing', retry: { afterMs: retryMs } },
  );
}

async function kubeconfigOf(
  { host, signal }: DoorDeps,
  { namespace, name }: ClusterRef,
): Promise<string | undefined> {
  const ref = { namespace, name: `${name}-kubeconfig` };
  const secret = await readSecret(host, ref, signal);
  if (!secret) return undefined;
  if (secret.type !== kubeconfigSecretType) {
    throw new HansaError(
      `Secret ${namespace}/${ref.name} is of type ${secret.type ?? 'Opaque'}, not ${kubeconfigSecretType}: Cluster API did not make it, and it is not used`,
      { reason: 'KubeconfigUnusable', retry: { afterMs: retryMs } },
    );
  }
  const value = secret.data?.[kubeconfigSecretKey];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}

type StoredSecret = KubeObject & {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
};

async function readSecret(
  host: ApiClient,
  ref: ClusterRef,
  signal: AbortSignal,
): Promise<StoredSecret | undefined> {
  try {
    return await host.get<StoredSecret>(secretType, ref, { signal });
  } catch (error) {
    if (error instanceof HansaError && (error.reason === 'NotFound' || error.reason === 'NamespaceNotFound'))
      return undefined;
    throw error;
  }
}

function isOwn(member: Pick<SeenMember, 'labels'>, cluster: ClusterRef): boolean {
  return isSameSource(sourceOf(member.labels), sourceOfCluster(cluster));
}

function contextFor({ clock, logger, signal }: DoorDeps, cluster: string) {
  return { clock, signal, update: (detail: string) => logger.debug('cluster api', { cluster, detail }) };
}
