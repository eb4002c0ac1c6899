import { type Clock, HansaError, type JsonObject, type Progress, silentProgress } from '../../base/index.ts';
import {
  type Access,
  type ApiClient,
  type CallOptions,
  createApiClient,
  type KubeObject,
  secretType,
} from '../../kube/index.ts';
import { accessOf, clusterRecord } from '../cluster-record.ts';
import { clusterType } from '../registry.ts';
import { during, isReason, unlessAbsent } from './during.ts';
import { explained } from './explain-access.ts';
import {
  type Endpoint,
  type EndpointOverrides,
  endpointFrom,
  endpointWarnings,
  hostSecret,
  kubeFedCluster,
} from './host-objects.ts';
import {
  accountName,
  checkAlias,
  checkMemberName,
  defaultSecretName,
  hostNameFrom,
  joinedAsLabel,
  joinedByLabel,
  joinFieldManager,
} from './join-names.ts';
import {
  clusterUidOf,
  type HostView,
  type JoinedCluster,
  joinConflict,
  readHost,
} from './joined-clusters.ts';
import { type PlannedObject, serviceAccountType } from './joined-types.ts';
import { type MemberAccount, memberNamespace, memberRoles, memberServiceAccount } from './member-rbac.ts';
import { type Proof, proveAccess } from './prove-access.ts';
import { type MemberToken, requestToken, tokenLifeOf } from './renew-token.ts';

export interface JoinOptions {
  /** Both with an administrator's rights; the host's for KubeFedClusters and Secrets in `namespace` at least. */
  readonly hostClient: ApiClient;
  readonly memberClient: ApiClient;
  /** Where the kubeconfig says the member is: address, CA, proxy. Its credentials are not stored. */
  readonly memberAccess: Access;
  readonly name: string;
  /** Of the KubeFedCluster on the host and of the ServiceAccount in the member. */
  readonly namespace: string;
  /** What the host calls itself in names; a kubeconfig context will do. */
  readonly hostName: string;
  /** Added to those that the cluster object has; null takes one away. */
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly alias?: string | undefined;
  readonly endpoint?: EndpointOverrides;
  readonly secretName?: string | undefined;
  readonly errorOnExisting?: boolean;
  /** Looks at everything and writes nothing. */
  readonly dryRun?: boolean;
  /** Only brings the roles of a member that has joined up to date. */
  readonly updateRbac?: boolean;
  /** How long to wait for the controller's own word on the new member; 0 = don't. */
  readonly waitMs?: number;
  readonly clock: Clock;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** The network, for tests. */
  readonly connect?: (access: Access) => ApiClient;
}

export interface JoinResult {
  readonly name: string;
  readonly done: 'joined' | 'joined-again' | 'rights-updated' | 'nothing-dry-run';
  readonly apiEndpoint: string;
  readonly clusterUid: string;
  /** Of the member's Kubernetes; absent where nothing was proven. */
  readonly version?: string;
  readonly account: { readonly namespace: string; readonly name: string };
  readonly secretName: string;
  readonly tokenExpiresAt?: string;
  /** What the controller says of the member; `unseen` if it said nothing in time. */
  readonly controller?: { readonly kind: 'ready' | 'not-ready' | 'unseen'; readonly message: string };
  readonly warnings: readonly string[];
  /** Objects that are written, or would be, without the token. */
  readonly objects: readonly {
    readonly where: 'member' | 'host';
    readonly kind: string;
    readonly name: string;
  }[];
}

/**
 * Makes a cluster a member.
 *
 * Flow: look at both clusters; in the member an account with just the rights Hansa needs, and a token for it; use the
 * member once exactly as the host will; then a Secret and, last, the KubeFedCluster on the host.
 * Guarantees: each step may be repeated, so a join that broke off is run again; the host gets no KubeFedCluster that
 * has not been proven; what is made carries labels by which unjoin finds it; no object of somebody else is taken over.
 * Assumes: the caller's rights in the member cover those it hands out (the API server refuses escalation otherwise).
 * Caveats: the proof comes from where this runs. With `waitMs` the controller's own probe is waited for as well.
 */
export async function joinMember(options: JoinOptions): Promise<JoinResult> {
  checkMemberName(options.name);
  if (options.alias !== undefined) checkAlias(options.alias);
  const call: CallOptions = options.signal ? { signal: options.signal } : {};
  const progress = options.progress ?? silentProgress;
  const plan = await prepare(options, call, progress);
  const result = resultOf(options, plan);
  if (options.dryRun) return { ...result, done: 'nothing-dry-run' };

  await during(progress, `Grant rights in member ${options.name}`, () => grantRights(options, plan, call));
  if (options.updateRbac) return { ...result, done: 'rights-updated' };
  const token = await during(progress, 'Ask for a token', () => askForToken(options, plan));
  const secret = secretOf(options, plan, token);
  const proof = await during(progress, `Use ${plan.endpoint.apiEndpoint} as the host will`, () =>
    prove(options, plan, secret),
  );
  await during(progress, 'Record the member on the host', () => record(options, plan, secret, call));
  const controller = options.waitMs
    ? await during(progress, 'Wait for the controller', () => waitForController(options, call))
    : undefined;
  return {
    ...result,
    done: plan.existing ? 'joined-again' : 'joined',
    version: proof.version,
    tokenExpiresAt: new Date(token.expiresAtMs).toISOString(),
    ...(controller ? { controller } : {}),
  };
}

interface Plan {
  readonly host: HostView;
  readonly existing: JoinedCluster | undefined;
  readonly memberUid: string;
  readonly endpoint: Endpoint;
  readonly secretName: string;
  readonly account: MemberAccount;
  readonly warnings: readonly string[];
}

async function prepare(options: JoinOptions, call: CallOptions, progress: Progress): Promise<Plan> {
  const { hostClient, memberClient, name, namespace } = options;
  const host = await during(progress, 'Look at the host', () =>
    explained(readHost(hostClient, namespace, call), 'the host', hostClient),
  );
  const memberUid = await during(progress, `Look at member ${name}`, () =>
    explained(clusterUidOf(memberClient, call), `member ${name}`, memberClient),
  );
  const endpoint = endpointFrom(options.memberAccess, options.endpoint ?? {});
  const existing = host.clusters.find((cluster) => cluster.name === name);
  const conflict = joinConflict(
    {
      name,
      alias: options.alias,
      memberUid,
      apiEndpoint: endpoint.apiEndpoint,
      errorOnExisting: options.errorOnExisting ?? false,
    },
    host.clusters,
  );
  if (conflict) throw conflict;
  if (options.updateRbac && !existing) {
    throw new HansaError(`"${name}" has not joined: run "hansa join ${name}" without --update-rbac`, {
      reason: 'NotJoined',
      retry: 'never',
    });
  }
  const secretName = options.secretName ?? (existing?.secretName || defaultSecretName(name));
  const stored = await explained(readSecret(options, secretName, existing, call), 'the host', hostClient);
  const recorded = stored && tokenLifeOf(stored)?.account;
  const account: MemberAccount = {
    member: name,
    hostUid: host.uid,
    namespace: recorded?.namespace ?? namespace,
    account: recorded?.name ?? accountName(name, hostNameFrom(options.hostName)),
  };
  await explained(checkAccount(options, account, existing, call), `member ${name}`, memberClient);
  const warnings = endpointWarnings(endpoint, options.memberAccess, hostClient.server);
  return { host, existing, memberUid, endpoint, secretName, account, warnings };
}

/** The Secret of that name, if it is there and ours to write. */
async function readSecret(
  { hostClient, namespace, name }: JoinOptions,
  secretName: string,
  existing: JoinedCluster | undefined,
  call: CallOptions,
): Promise<KubeObject | undefined> {
  const secret = await unlessAbsent(
    hostClient.get(secretType, { namespace, name: secretName }, { ...call, metadataOnly: true }),
  );
  const isOurs = secret?.metadata.labels?.[joinedAsLabel] === name || existing?.secretName === secretName;
  if (!secret || isOurs) return secret;
  throw new HansaError(
    `the host has a Secret ${namespace}/${secretName} that no join of "${name}" made: name another with --secret-name`,
    { reason: 'SecretTaken', retry: 'never' },
  );
}

async function checkAccount(
  { memberClient, name }: JoinOptions,
  account: MemberAccount,
  existing: JoinedCluster | undefined,
  call: CallOptions,
): Promise<void> {
  const ref = { namespace: account.namespace, name: account.account };
  const found = await unlessAbsent(
    memberClient.get(serviceAccountType, ref, { ...call, metadataOnly: true }),
  );
  if (!found) return;
  const labels = found.metadata.labels ?? {};
  if (labels[joinedByLabel] === account.hostUid && labels[joinedAsLabel] === name) return;
  // KubeFed's join left no label; where the host knows the member from KubeFed, its account becomes ours.
  if (labels[joinedByLabel] === undefined && existing && !existing.clusterUid) return;
  throw new HansaError(
    `member ${name} has a ServiceAccount ${ref.namespace}/${ref.name} that this host did not make: ` +
      'give this host another name with --host-cluster-name',
    { reason: 'AccountTaken', retry: 'never' },
  );
}

async function grantRights(options: JoinOptions, plan: Plan, call: CallOptions): Promise<void> {
  const { memberClient, name } = options;
  const work = async () => {
    await ensureNamespace(options, memberNamespace(plan.account), call);
    for (const planned of [memberServiceAccount(plan.account), ...memberRoles(plan.account)]) {
      await apply(memberClient, planned, call);
    }
  };
  await explained(work(), `member ${name}`, memberClient);
}

const namespaceLimitMs = 30_000;
const namespacePauseMs = 500;

/**
 * A namespace that was there keeps its labels: without ours, unjoin leaves it alone. One that an unjoin has just
 * deleted takes some seconds to go.
 */
async function ensureNamespace(
  { memberClient, name, clock, signal }: JoinOptions,
  { type, object }: PlannedObject,
  call: CallOptions,
): Promise<void> {
  const ref = { name: object.metadata.name };
  const untilMs = clock.monotonic() + namespaceLimitMs;
  for (;;) {
    const found = await unlessAbsent(memberClient.get(type, ref, { ...call, metadataOnly: true }));
    if (!found) break;
    if (!found.metadata.deletionTimestamp) return;
    if (clock.monotonic() >= untilMs) {
      throw new HansaError(
        `member ${name}: its namespace ${ref.name} is being deleted and does not go: see its status.conditions there`,
        { reason: 'NamespaceTerminating', retry: 'never' },
      );
    }
    await clock.sleep(namespacePauseMs, signal);
  }
  await memberClient
    .create(type, object, { ...call, fieldManager: joinFieldManager })
    .catch((error: unknown) => {
      if (!isReason(error, 'AlreadyExists')) throw error;
    });
}

async function apply(
  client: ApiClient,
  { type, object }: PlannedObject,
  call: CallOptions,
): Promise<KubeObject> {
  return client.apply(type, object, { ...call, fieldManager: joinFieldManager, force: true });
}

async function askForToken(
  { memberClient, name, clock, signal }: JoinOptions,
  { account }: Plan,
): Promise<MemberToken> {
  const ref = { namespace: account.namespace, name: account.account };
  return explained(
    requestToken(memberClient, ref, { nowMs: clock.now(), signal }),
    `member ${name}`,
    memberClient,
  );
}

function secretOf({ name, namespace }: JoinOptions, plan: Plan, token: MemberToken): KubeObject {
  return hostSecret({
    name: plan.secretName,
    namespace,
    member: name,
    clusterUid: plan.memberUid,
    token,
    account: { namespace: plan.account.namespace, name: plan.account.account },
    ca: plan.endpoint.ca,
  });
}

function clusterOf({ name, namespace, alias, labels = {} }: JoinOptions, plan: Plan): KubeObject {
  const kept = Object.entries(labels).filter((entry): entry is [string, string] => entry[1] !== null);
  return kubeFedCluster({
    name,
    namespace,
    labels: Object.fromEntries(kept),
    alias,
    clusterUid: plan.memberUid,
    endpoint: plan.endpoint,
    secretName: plan.secretName,
  });
}

/** Reads the objects back as the controller does, so that a proof here holds there. */
async function prove(options: JoinOptions, plan: Plan, secret: KubeObject): Promise<Proof> {
  const { name, clock, signal, connect = createApiClient } = options;
  const client = connect(accessOf(clusterRecord(clusterOf(options, plan)), secret));
  try {
    const proof = await proveAccess(client, { name, clock, signal });
    const seenUid = await clusterUidOf(client, signal ? { signal } : {});
    if (seenUid === plan.memberUid) return proof;
    throw new HansaError(
      `member ${name}: ${client.server} leads to another cluster than the kubeconfig's context; check --api-endpoint`,
      { reason: 'WrongCluster', retry: 'never' },
    );
  } finally {
    await client.close();
  }
}

async function record(
  options: JoinOptions,
  plan: Plan,
  secret: KubeObject,
  call: CallOptions,
): Promise<void> {
  const { hostClient } = options;
  const work = async () => {
    await apply(hostClient, { type: secretType, object: secret }, call);
    const cluster = clusterOf(options, plan);
    const { metadata, spec } = cluster as KubeObject & { readonly spec: JsonObject };
    if (!plan.existing) {
      await hostClient.create(clusterType, cluster, { ...call, fieldManager: joinFieldManager });
      return;
    }
    // A merge, so that labels and annotations that this command doesn't name stay; a field of the spec left out goes.
    const gone = { caBundle: null, disabledTLSValidations: null, proxyURL: null };
    await hostClient.patch(
      clusterType,
      { namespace: options.namespace, name: options.name },
      {
        metadata: { labels: { ...options.labels }, annotations: { ...metadata.annotations } },
        spec: { ...gone, ...spec },
      },
      { ...call, type: 'merge', fieldManager: joinFieldManager },
    );
  };
  await explained(work(), 'the host', hostClient);
}

const controllerPollMs = 250;

/** The controller's probe is the only one that really comes from where the host is. */
async function waitForController(
  { hostClient, namespace, name, waitMs = 0, clock, signal }: JoinOptions,
  call: CallOptions,
): Promise<JoinResult['controller']> {
  const untilMs = clock.monotonic() + waitMs;
  let last: JoinResult['controller'] = {
    kind: 'unseen',
    message: 'no controller has looked at the member yet',
  };
  for (;;) {
    const { conditions } = clusterRecord(await hostClient.get(clusterType, { namespace, name }, call));
    const ready = conditions.find(({ type }) => type === 'Ready');
    if (ready?.status === 'True') return { kind: 'ready', message: ready.message ?? '' };
    if (ready) last = { kind: 'not-ready', message: ready.message ?? ready.reason ?? '' };
    if (clock.monotonic() >= untilMs) return last;
    await clock.sleep(controllerPollMs, signal);
  }
}

function resultOf({ name, updateRbac }: JoinOptions, plan: Plan): Omit<JoinResult, 'done'> {
  const inMember = [
    memberNamespace(plan.account),
    memberServiceAccount(plan.account),
    ...memberRoles(plan.account),
  ].map(({ object }) => ({ where: 'member' as const, kind: object.kind, name: qualifiedName(object) }));
  const onHost = [
    { where: 'host' as const, kind: 'Secret', name: plan.secretName },
    { where: 'host' as const, kind: 'KubeFedCluster', name },
  ];
  return {
    name,
    apiEndpoint: plan.endpoint.apiEndpoint,
    clusterUid: plan.memberUid,
    account: { namespace: plan.account.namespace, name: plan.account.account },
    secretName: plan.secretName,
    warnings: plan.warnings,
    objects: updateRbac ? inMember : [...inMember, ...onHost],
  };
}

function qualifiedName({ metadata }: KubeObject): string {
  return metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;
}
