import { rolloutAddress } from '../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { rolloutPolicyAddress } from '../api/rollout.hansa.dev/v1alpha1/rollout-policy.ts';
import { pinsAnnotation } from '../api/rollout.hansa.dev/v1alpha1/words.ts';
import type { Clock, Logger, Rng } from '../base/index.ts';
import {
  type ApiClient,
  Cache,
  type Cached,
  keyOf,
  type KubeMetrics,
  type KubeObject,
} from '../kube/index.ts';
import { type AppliesTo, policyApplies } from '../scheduling/index.ts';
import type { FederatedRecord } from './federated-record.ts';

export interface RolloutIndexOptions {
  readonly host: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  /** Federated objects that may be rolled out now and were not before, or the other way about. */
  readonly onChange: (concerned: {
    readonly namespace: string;
    readonly ref?: { readonly kind: string; readonly name: string };
  }) => void;
}

interface RolloutRecord extends Cached {
  readonly namespace: string;
  readonly name: string;
  readonly federatedRef: { readonly kind: string; readonly name: string };
}

interface PolicyRecord extends Cached {
  readonly namespace: string;
  readonly name: string;
  readonly appliesTo: AppliesTo | undefined;
}

/** Which federated objects are rolled out, so that none of their changes goes everywhere before a rollout spoke. */
export class RolloutIndex {
  readonly #rollouts: Cache<RolloutRecord>;
  readonly #policies: Cache<PolicyRecord>;

  constructor({ host, onChange, ...common }: RolloutIndexOptions) {
    this.#rollouts = new Cache<RolloutRecord>({
      ...common,
      client: host,
      name: 'host/rollouts-by-object',
      type: rolloutAddress,
      project: rolloutRecord,
      indices: { object: ({ namespace, federatedRef }) => [objectOf(namespace, federatedRef)] },
    });
    this.#rollouts.onChange((_, { old, next }) => {
      if (old && next && objectOf('', old.federatedRef) === objectOf('', next.federatedRef)) return;
      for (const record of [old, next]) {
        if (record) onChange({ namespace: record.namespace, ref: record.federatedRef });
      }
    });
    this.#policies = new Cache<PolicyRecord>({
      ...common,
      client: host,
      name: 'host/rolloutpolicies-by-object',
      type: rolloutPolicyAddress,
      project: policyRecord,
      indices: { namespace: ({ namespace }) => [namespace] },
    });
    this.#policies.onChange((_, { old, next }) => {
      if (old && next && JSON.stringify(old.appliesTo) === JSON.stringify(next.appliesTo)) return;
      const namespace = (next ?? old)?.namespace;
      if (namespace !== undefined) onChange({ namespace });
    });
  }

  /** A sentence on whom the object waits for; undefined where it is pinned already, or is not rolled out. */
  awaitedBy({ row, namespace, name, labels, pins, spec }: FederatedRecord): string | undefined {
    // A namespace goes with its first object; to hold it back would hold back all of them.
    if (!row.target.namespaced) return undefined;
    if (pins === 'unreadable') {
      return `metadata.annotations[${pinsAnnotation}] cannot be read: remove it, and the rollout writes it anew`;
    }
    if (pins) return undefined;
    const kind = row.federatedKind;
    const policy = spec.ok ? spec.hub.rollout?.policy : undefined;
    const [rollout] = this.#rollouts.keysBy('object', objectOf(namespace, { kind, name }));
    if (rollout !== undefined) {
      return `the Rollout "${rollout}" has not said yet which cluster gets what: see its status`;
    }
    if (policy !== undefined) {
      return this.#policies.get(keyOf({ namespace, name: policy }))
        ? `the RolloutPolicy "${policy}" says how this goes through the clusters, and its Rollout is being made`
        : `spec.rollout.policy names "${policy}", and there is no such RolloutPolicy in namespace "${namespace}": create it, or leave spec.rollout out`;
    }
    for (const key of this.#policies.keysBy('namespace', namespace)) {
      if (policyApplies(this.#policies.get(key)?.appliesTo, { kind, labels })) {
        return `the RolloutPolicy "${key}" says how this goes through the clusters, and its Rollout is being made`;
      }
    }
    return undefined;
  }

  /** Resolves when both lists have been read once, or the host is known not to have these kinds. */
  async ready(): Promise<void> {
    await Promise.all([known(this.#rollouts), known(this.#policies)]);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#rollouts.run(signal), this.#policies.run(signal)]);
  }
}

function known<T extends Cached>(cache: Cache<T>): Promise<void> {
  return new Promise((resolve) => {
    void cache.synced.then(resolve);
    cache.onState((state) => {
      if (state.kind === 'stale' && state.reason === 'KindNotServed') resolve();
    });
  });
}

function objectOf(
  namespace: string,
  { kind, name }: { readonly kind: string; readonly name: string },
): string {
  return `${kind}|${namespace}/${name}`;
}

function rolloutRecord({ metadata, ...rest }: KubeObject): RolloutRecord | undefined {
  const spec = rest['spec'] as
    | { readonly source?: { readonly federatedRef?: { readonly kind: string; readonly name: string } } }
    | undefined;
  const ref = spec?.source?.federatedRef;
  // One that is being deleted takes its pins away itself; after that the object is free.
  if (!ref || metadata.deletionTimestamp !== undefined) return undefined;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    federatedRef: { kind: ref.kind, name: ref.name },
  };
}

function policyRecord({ metadata, ...rest }: KubeObject): PolicyRecord {
  const spec = rest['spec'] as { readonly appliesTo?: AppliesTo } | undefined;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    appliesTo: spec?.appliesTo,
  };
}
