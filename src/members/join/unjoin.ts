import { type Clock, HansaError, messageOf, type Progress, silentProgress } from '../../base/index.ts';
import {
  type ApiClient,
  type CallOptions,
  type KubeObject,
  namespaceType,
  type ResourceType,
  secretType,
} from '../../kube/index.ts';
import { clusterType } from '../registry.ts';
import { during, isReason, unlessAbsent } from './during.ts';
import { explained } from './explain-access.ts';
import { checkMemberName, clusterUidAnnotation, joinedAsLabel, joinedByLabel } from './join-names.ts';
import { clusterUidOf, type HostView, readHost } from './joined-clusters.ts';
import {
  clusterRoleBindingType,
  clusterRoleType,
  configMapType,
  podType,
  roleBindingType,
  roleType,
  serviceAccountType,
} from './joined-types.ts';
import { accountSelector } from './member-rbac.ts';
import { findPropagated, type PropagatedChoice, releasePropagated } from './propagated-objects.ts';

export interface UnjoinOptions {
  readonly hostClient: ApiClient;
  /** With an administrator's rights; absent only with `force`. */
  readonly memberClient: ApiClient | undefined;
  readonly name: string;
  readonly namespace: string;
  /** Objects that Hansa put there. Default `keep`: they stay as they are, label and all, as with KubeFed. */
  readonly propagated?: PropagatedChoice;
  /** Goes on where the member can't be reached; what was made there stays. */
  readonly force?: boolean;
  /** Looks at everything and takes nothing away. */
  readonly dryRun?: boolean;
  readonly clock: Clock;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export interface UnjoinResult {
  readonly name: string;
  readonly dryRun: boolean;
  /** What was taken away, or would be. */
  readonly removed: readonly {
    readonly where: 'member' | 'host';
    readonly kind: string;
    readonly name: string;
  }[];
  readonly propagated: { readonly choice: PropagatedChoice; readonly objects: number };
  readonly warnings: readonly string[];
}

/**
 * Lets a member go.
 *
 * Flow: the KubeFedCluster goes first, so that the controller lets go of the member before anything there changes
 * (else it would put back what is deleted, and report trouble for what is meant). Then the propagated objects, by
 * choice; then account and rights in the member; last the host's Secret.
 * Guarantees: the Secret with its label is the record of an unjoin under way: one that broke off is run again and
 * finds by it and by the labels in the member what is left. Only what a join of this name by this host made is taken
 * away; a namespace only if it is empty besides, and never the host's own.
 */
export async function unjoinMember(options: UnjoinOptions): Promise<UnjoinResult> {
  checkMemberName(options.name);
  const { hostClient, name, namespace, propagated = 'keep', force = false, dryRun = false } = options;
  const call: CallOptions = options.signal ? { signal: options.signal } : {};
  const progress = options.progress ?? silentProgress;
  const host = await during(progress, 'Look at the host', () =>
    explained(readHost(hostClient, namespace, call), 'the host', hostClient),
  );
  const cluster = host.clusters.find((each) => each.name === name);
  const secrets = await secretsOf(hostClient, { name, namespace, listed: cluster?.secretName }, call);
  if (!cluster && secrets.length === 0 && !options.memberClient) throw notJoined(name);

  const warnings: string[] = [];
  const knownUid = cluster?.clusterUid ?? secrets[0]?.metadata.annotations?.[clusterUidAnnotation];
  const member = await during(progress, `Look at member ${name}`, () =>
    lookAtMember(options, host, knownUid, force, warnings, call),
  );
  if (!cluster && secrets.length === 0 && !member?.made.length) throw notJoined(name);
  if (member?.made.length === 0) {
    warnings.push(
      `member ${name} holds nothing that a join by this host made; if KubeFed joined it, delete its ServiceAccount and roles by hand`,
    );
  }
  if (member && propagated !== 'keep') checkShared(member, name, propagated, force, warnings);
  const objects = member && propagated !== 'keep' ? await findPropagated(member.client, call) : [];
  const removed = [
    ...(cluster ? [described('host', cluster.object, 'KubeFedCluster')] : []),
    ...(member?.made ?? []).map(({ object, type }) => described('member', object, type.kind)),
    ...secrets.map((secret) => described('host', secret, 'Secret')),
  ];
  const result: UnjoinResult = {
    name,
    dryRun,
    removed,
    propagated: { choice: propagated, objects: objects.length },
    warnings,
  };
  if (dryRun) return result;

  if (cluster) {
    const ref = { namespace, name };
    await during(progress, 'Take the member off the record', () =>
      explained(removeAndWait(options, clusterType, ref, cluster.uid, call), 'the host', hostClient),
    );
  }
  if (member && propagated !== 'keep') {
    const title = propagated === 'delete' ? 'Delete propagated objects' : 'Unlabel propagated objects';
    await during(progress, title, async (step) => {
      const work = releasePropagated(member.client, objects, {
        ...call,
        choice: propagated,
        memberIsHost: member.uid === host.uid,
        onProgress: (done) => step.update(`${done} of ${objects.length}`),
      });
      await explained(work, `member ${name}`, member.client);
    });
  }
  if (member) {
    await during(progress, `Take back the rights in member ${name}`, async () => {
      for (const { type, object } of member.made) await remove(member.client, type, object, call);
    });
  }
  await during(progress, "Delete the host's Secret", async () => {
    for (const secret of secrets)
      await explained(remove(hostClient, secretType, secret, call), 'the host', hostClient);
  });
  return result;
}

/** The cluster's own Secret, and any that a join of this name left behind. */
async function secretsOf(
  hostClient: ApiClient,
  {
    name,
    namespace,
    listed,
  }: { readonly name: string; readonly namespace: string; readonly listed: string | undefined },
  call: CallOptions,
): Promise<readonly KubeObject[]> {
  const options = { ...call, metadataOnly: true };
  const labelled = await collect(hostClient, secretType, {
    ...options,
    namespace,
    labelSelector: `${joinedAsLabel}=${name}`,
  });
  if (!listed || labelled.some(({ metadata }) => metadata.name === listed)) return labelled;
  // KubeFed's join put no label on it, but its KubeFedCluster names it.
  const own = await unlessAbsent(hostClient.get(secretType, { namespace, name: listed }, options));
  return own ? [...labelled, own] : labelled;
}

interface Made {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

interface SeenMember {
  readonly client: ApiClient;
  readonly uid: string;
  /** What our join made there, in the order in which it is taken away. */
  readonly made: readonly Made[];
  /** UIDs of other hosts that have joined it. */
  readonly otherHosts: readonly string[];
}

async function lookAtMember(
  options: UnjoinOptions,
  host: HostView,
  knownUid: string | undefined,
  force: boolean,
  warnings: string[],
  call: CallOptions,
): Promise<SeenMember | undefined> {
  const { memberClient: client, name } = options;
  if (!client) {
    warnings.push(leftBehind(name));
    return undefined;
  }
  let uid: string;
  try {
    uid = await explained(clusterUidOf(client, call), `member ${name}`, client);
  } catch (error) {
    if (!force) {
      throw new HansaError(`${messageOf(error)} (--force goes on without the member)`, {
        reason: error instanceof HansaError ? error.reason : 'Unreachable',
        retry: 'never',
      });
    }
    warnings.push(`${messageOf(error)}: ${leftBehind(name)}`);
    return undefined;
  }
  if (knownUid && knownUid !== uid) {
    throw new HansaError(
      `${client.server} is not the cluster that joined as "${name}": name its context with --cluster-context`,
      { reason: 'WrongCluster', retry: 'never' },
    );
  }
  const made = await explained(
    findMade(client, { ...options, hostUid: host.uid }, uid === host.uid, warnings, call),
    `member ${name}`,
    client,
  );
  const accounts = await collect(client, serviceAccountType, {
    ...call,
    labelSelector: joinedByLabel,
    metadataOnly: true,
  });
  const otherHosts = accounts
    .map(({ metadata }) => metadata.labels?.[joinedByLabel] ?? '')
    .filter((by) => by !== host.uid);
  return { client, uid, made, otherHosts: [...new Set(otherHosts)] };
}

function leftBehind(name: string): string {
  return (
    `what the join made in the member stays there, and its token is good until it expires; when the member is back, ` +
    `run "hansa unjoin ${name}" again`
  );
}

/** Bindings before the rest: the token loses its rights first. */
const madeTypes: readonly ResourceType[] = [
  clusterRoleBindingType,
  roleBindingType,
  clusterRoleType,
  roleType,
  serviceAccountType,
  namespaceType,
];

async function findMade(
  client: ApiClient,
  { name, hostUid }: { readonly name: string; readonly hostUid: string },
  memberIsHost: boolean,
  warnings: string[],
  call: CallOptions,
): Promise<readonly Made[]> {
  const labelSelector = accountSelector({ member: name, hostUid });
  const made: Made[] = [];
  for (const type of madeTypes) {
    for (const object of await collect(client, type, { ...call, labelSelector, metadataOnly: true })) {
      made.push({ type, object });
    }
  }
  const accounts = new Set(
    made.filter(({ type }) => type === serviceAccountType).map(({ object }) => object.metadata.name),
  );
  const kept: Made[] = [];
  for (const each of made) {
    if (each.type !== namespaceType) {
      kept.push(each);
      continue;
    }
    const holds = memberIsHost
      ? 'the host itself'
      : await contentOf(client, each.object.metadata.name, accounts, call);
    if (holds)
      warnings.push(`the namespace ${each.object.metadata.name} stays in the member: it holds ${holds}`);
    else kept.push(each);
  }
  return kept;
}

/** Something in the namespace that is not ours, in words; undefined for an empty one. */
async function contentOf(
  client: ApiClient,
  namespace: string,
  accounts: ReadonlySet<string>,
  call: CallOptions,
): Promise<string | undefined> {
  // Made in each namespace by the cluster itself.
  const isOfCluster = ({ kind, name }: { kind: string; name: string }) =>
    (kind === 'ServiceAccount' && (name === 'default' || accounts.has(name))) ||
    (kind === 'ConfigMap' && name === 'kube-root-ca.crt');
  for (const type of [serviceAccountType, secretType, configMapType, podType]) {
    for (const { metadata } of await collect(client, type, { ...call, namespace, metadataOnly: true })) {
      if (!isOfCluster({ kind: type.kind, name: metadata.name })) return `${type.kind} ${metadata.name}`;
    }
  }
  return undefined;
}

/** Propagated objects don't say which host put them there. */
function checkShared(
  { otherHosts }: SeenMember,
  name: string,
  choice: PropagatedChoice,
  force: boolean,
  warnings: string[],
): void {
  if (otherHosts.length === 0) return;
  const sentence =
    `another host has joined member ${name} too, and propagated objects don't say whose they are: ` +
    `--propagated ${choice} would take that host's as well`;
  if (!force)
    throw new HansaError(`${sentence}; --force does it all the same`, {
      reason: 'MemberShared',
      retry: 'never',
    });
  warnings.push(sentence);
}

const goneLimitMs = 15_000;
const gonePauseMs = 100;

/** The controller works on the member until its object has gone from the API, finalizers included. */
async function removeAndWait(
  { hostClient, name, clock, signal }: UnjoinOptions,
  type: ResourceType,
  ref: { readonly namespace: string; readonly name: string },
  uid: string,
  call: CallOptions,
): Promise<void> {
  await removeByUid(hostClient, type, ref, uid, call);
  const untilMs = clock.monotonic() + goneLimitMs;
  while (await unlessAbsent(hostClient.get(type, ref, { ...call, metadataOnly: true }))) {
    if (clock.monotonic() >= untilMs) {
      throw new HansaError(`KubeFedCluster ${name} is held by a finalizer: see its metadata.finalizers`, {
        reason: 'ClusterDeleting',
      });
    }
    await clock.sleep(gonePauseMs, signal);
  }
}

async function remove(
  client: ApiClient,
  type: ResourceType,
  { metadata }: KubeObject,
  call: CallOptions,
): Promise<void> {
  const { name, namespace, uid = '' } = metadata;
  await removeByUid(client, type, { name, ...(namespace ? { namespace } : {}) }, uid, call);
}

async function removeByUid(
  client: ApiClient,
  type: ResourceType,
  ref: { readonly namespace?: string; readonly name: string },
  uid: string,
  call: CallOptions,
): Promise<void> {
  try {
    await client.remove(type, ref, { ...call, body: { preconditions: { uid } } });
  } catch (error) {
    // Gone already, or another object has its name by now.
    if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
  }
}

async function collect(
  client: ApiClient,
  type: ResourceType,
  options: Parameters<ApiClient['list']>[1],
): Promise<readonly KubeObject[]> {
  const all: KubeObject[] = [];
  for await (const { items } of client.list(type, options)) all.push(...items);
  return all;
}

function described(
  where: 'member' | 'host',
  { metadata }: KubeObject,
  kind: string,
): { readonly where: 'member' | 'host'; readonly kind: string; readonly name: string } {
  return { where, kind, name: metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name };
}

function notJoined(name: string): HansaError {
  return new HansaError(`"${name}" has not joined this host: "hansa get clusters" shows who has`, {
    reason: 'NotJoined',
    retry: 'never',
  });
}
