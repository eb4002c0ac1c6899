import { rolloutAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import {
  type RolloutPolicySpec,
  rolloutPolicyAddress,
  rolloutPolicySchema,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout-policy.ts';
import { type Clock, HansaError, type JsonObject, type Logger, type Rng } from '../../base/index.ts';
import {
  type ApiClient,
  Cache,
  type Cached,
  KeyedQueue,
  keyOf,
  type KubeMetrics,
  type KubeObject,
  type Outcome,
  refOf,
  runController,
} from '../../kube/index.ts';
import { policyApplies } from '../../scheduling/index.ts';
import {
  followsPolicy,
  policyLabel,
  policyRolloutName,
  policyRolloutSpec,
} from '../plan/controller/index.ts';
import { rolloutLabelValue } from '../plan/in-place/index.ts';
import type { FederatedEntry, FederatedObjects } from './federated-objects.ts';
import type { RolloutRecord } from './rollout-record.ts';

interface PolicyRecord extends Cached {
  readonly namespace: string;
  readonly name: string;
  readonly spec: RolloutPolicySpec | undefined;
}

export interface PolicyRolloutsOptions {
  readonly host: ApiClient;
  readonly rollouts: Cache<RolloutRecord>;
  readonly federated: FederatedObjects;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
}

const policyManager = 'hansa-rollout-policy';
const concurrency = 4;

/**
 * Makes a Rollout for each federated object that a RolloutPolicy is for, keeps it in line with the policy, and takes it
 * away when no policy is for the object any more. A Rollout that a person wrote for the same object wins.
 */
export class PolicyRollouts {
  readonly #options: PolicyRolloutsOptions;
  readonly #policies: Cache<PolicyRecord>;
  readonly #queue: KeyedQueue;

  constructor(options: PolicyRolloutsOptions) {
    this.#options = options;
    const { host: client, federated, rollouts: _, ...common } = options;
    this.#queue = new KeyedQueue({
      ...common,
      name: 'rollout-policies',
      backoffMs: { first: 200, max: 60_000 },
    });
    this.#policies = new Cache<PolicyRecord>({
      ...common,
      client,
      name: 'host/rolloutpolicies',
      type: rolloutPolicyAddress,
      project: policyRecord,
      indices: { namespace: ({ namespace }) => [namespace] },
    });
    this.#policies.onChange((_key, { old, next }) => {
      federated.start();
      const namespace = (next ?? old)?.namespace;
      for (const entry of federated.values(namespace)) this.#queue.add(objectKey(entry));
    });
  }

  get unsettled(): number {
    return this.#queue.readyCount + this.#queue.runningCount;
  }

  onFederated(old: FederatedEntry | undefined, next: FederatedEntry | undefined): void {
    const entry = next ?? old;
    if (!entry?.row.target.namespaced) return;
    const isSame =
      old &&
      next &&
      old.uid === next.uid &&
      old.deleting === next.deleting &&
      old.policy === next.policy &&
      JSON.stringify(old.labels) === JSON.stringify(next.labels);
    if (!isSame) this.#queue.add(objectKey(entry), { priority: old ? 'high' : 'low' });
  }

  onRollout(old: RolloutRecord | undefined, next: RolloutRecord | undefined): void {
    if (old && next && old.generation === next.generation && old.deleting === next.deleting) return;
    for (const record of [old, next]) {
      const ref = record ? refOfSource(record) : undefined;
      if (record && ref) this.#queue.add(keyFor(ref.kind, record.namespace, ref.name));
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { logger, metrics } = this.#options;
    await Promise.all([
      this.#policies.run(signal),
      runController({
        name: 'rollout-policies',
        queue: this.#queue,
        concurrency,
        reconcile: (key) => this.#reconcile(key, signal),
        logger,
        signal,
        ...(metrics ? { metrics } : {}),
      }),
    ]);
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { federated, rollouts } = this.#options;
    const isUnserved =
      this.#policies.state.kind === 'stale' && this.#policies.state.reason === 'KindNotServed';
    if (isUnserved) return { again: 'on-change' };
    if (!federated.isReady || !rollouts.hasSynced || !this.#policies.hasSynced) {
      return { again: 'after', afterMs: 200 };
    }
    const bar = key.indexOf('|');
    const kind = key.slice(0, bar);
    const { namespace = '', name } = refOf(key.slice(bar + 1));
    const entry = federated.find(kind, { namespace, name });
    const all = [...rollouts.keysBy('object', key)].flatMap((each) => rollouts.get(each) ?? []);
    const handMade = all.some((record) => !record.deleting && !isMade(record));
    const policy = entry && !entry.deleting && !handMade ? this.#policyFor(entry) : undefined;
    const made = all.filter((record) => isMade(record) && !record.deleting);
    if (entry && policy?.spec) {
      await this.#ensure(entry, policy, policy.spec, made, signal);
      return { again: 'on-change' };
    }
    // Absence counts only while everything is seen; a policy that can't be read is not one that went.
    const isSure =
      handMade ||
      (this.#policies.state.kind === 'live' && (entry !== undefined || federated.isTrustworthy(kind)));
    if (made.length > 0 && !isSure) return { again: 'after', afterMs: 2_000 };
    if (!policy) for (const record of made) await this.#remove(record, signal);
    return { again: 'on-change' };
  }

  /** The policy that the object names, else the first by name that is for it. */
  #policyFor({ namespace, policy, row, labels }: FederatedEntry): PolicyRecord | undefined {
    if (policy !== undefined) return this.#policies.get(keyOf({ namespace, name: policy }));
    return [...this.#policies.keysBy('namespace', namespace)]
      .toSorted()
      .flatMap((key) => this.#policies.get(key) ?? [])
      .find(({ spec }) => policyApplies(spec?.appliesTo, { kind: row.federatedKind, labels }));
  }

  async #ensure(
    entry: FederatedEntry,
    policy: PolicyRecord,
    policySpec: RolloutPolicySpec,
    made: readonly RolloutRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    const { group, version, kind } = entry.source;
    const name = policyRolloutName(kind, entry.name);
    const spec = policyRolloutSpec(policySpec, { apiVersion: `${group}/${version}`, kind, name: entry.name });
    const label = rolloutLabelValue(policy.name);
    const known = made.find((record) => record.name === name);
    const isSame =
      known?.spec.ok === true &&
      known.labels[policyLabel] === label &&
      known.controller === entry.uid &&
      followsPolicy(known.spec.value, spec);
    if (isSame) return;
    const { rollouts, host } = this.#options;
    const took = rollouts.beforeWrite(keyOf({ namespace: entry.namespace, name }));
    const object: KubeObject = {
      apiVersion: `${rolloutAddress.group}/${rolloutAddress.version}`,
      kind: rolloutAddress.kind,
      metadata: {
        name,
        namespace: entry.namespace,
        labels: { [policyLabel]: label },
        ownerReferences: [
          { apiVersion: `${group}/${version}`, kind, name: entry.name, uid: entry.uid, controller: true },
        ],
      },
      spec: JSON.parse(JSON.stringify(spec)) as JsonObject,
    };
    took(await host.apply(rolloutAddress, object, { fieldManager: policyManager, force: true, signal }));
  }

  async #remove({ namespace, name, uid }: RolloutRecord, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.host.remove(
        rolloutAddress,
        { namespace, name },
        { signal, body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } } },
      );
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'NotFound') throw error;
    }
  }
}

/** Hansa made it for a policy. */
export function isMade({ labels }: RolloutRecord): boolean {
  return labels[policyLabel] !== undefined;
}

function objectKey({ row, namespace, name }: FederatedEntry): string {
  return keyFor(row.federatedKind, namespace, name);
}

function keyFor(kind: string, namespace: string, name: string): string {
  return `${kind}|${keyOf({ namespace, name })}`;
}

function refOfSource({ spec }: RolloutRecord): { readonly kind: string; readonly name: string } | undefined {
  return spec.ok ? spec.value.source.federatedRef : undefined;
}

function policyRecord({ metadata, ...rest }: KubeObject): PolicyRecord {
  const parsed = rolloutPolicySchema.shape.spec.safeParse(rest['spec']);
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    spec: parsed.success ? parsed.data : undefined,
  };
}
