import { rspToHub } from '../../api/convert/rsp-to-hub.ts';
import { type FederatedKind, federatedKinds } from '../../api/federated-kinds.ts';
import type { FederatedHub, HubPlacement, PreferenceHub } from '../../api/hub.ts';
import { scheduledAnnotation, type ScheduledReason, scheduledCondition } from '../../api/names.ts';
import { type Clock, HansaError, isJsonObject, type Json, type Logger, type Rng } from '../../base/index.ts';
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
  type ResourceType,
  runController,
} from '../../kube/index.ts';
import { isReady, type Member, type Members } from '../../members/index.ts';
import type { Propagation } from '../engine.ts';
import type { FederatedRecord } from '../federated-record.ts';
import { type ObjectKey, objectKey, parseObjectKey } from '../object-key.ts';
import { type FederatedCondition, timestamp } from '../status.ts';
import { countPods, type WorkloadCount } from '../plan/count-pods.ts';
import { listPods } from './list-pods.ts';
import {
  type PreferencePlan,
  planPreference,
  type ScheduledNote,
  undoPreference,
} from '../plan/plan-preference.ts';

export interface ReplicaSchedulingOptions {
  readonly host: ApiClient;
  readonly members: Members;
  readonly propagation: Propagation;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
}

interface PreferenceRecord extends Cached {
  readonly source: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly deleting: boolean;
  readonly parsed:
    | { readonly ok: true; readonly hub: PreferenceHub }
    | {
        readonly ok: false;
        readonly problems: readonly { readonly field: string; readonly message: string }[];
      };
  readonly status: PreferenceStatus | undefined;
}

interface PreferenceStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly FederatedCondition[];
  readonly clusters?: readonly {
    readonly name: string;
    readonly replicas: number;
    readonly because?: string;
  }[];
  readonly overflow?: Readonly<Record<string, number>>;
  readonly unplaced?: number;
}

/** Both groups serve the same kind. */
const preferenceTypes: readonly ResourceType[] = [
  { group: 'scheduling.kubefed.io', version: 'v1alpha1' },
  { group: 'scheduling.federation.k8s.io', version: 'v1alpha1' },
].map((group) => ({
  ...group,
  kind: 'ReplicaSchedulingPreference',
  plural: 'replicaschedulingpreferences',
  namespaced: true,
}));

/** Each pod that turns ready is a change in a member; the plan needs them only in sum. */
const countsDebounceMs = 500;
/** Of a target and a preference no further apart than this, the one applied first had no time to mean anything. */
const madeTogetherMs = 60_000;
const concurrency = 4;

/**
 * Carries out ReplicaSchedulingPreferences: divides the replicas over the ready members and writes placement and
 * overrides into the federated object, as KubeFed does; when the preference goes, it takes them back.
 */
export class ReplicaScheduling {
  readonly #options: ReplicaSchedulingOptions;
  readonly #caches: readonly Cache<PreferenceRecord>[];
  readonly #queue: KeyedQueue;
  #signal: AbortSignal = AbortSignal.abort();

  constructor(options: ReplicaSchedulingOptions) {
    this.#options = options;
    const { host: client, clock, rng, logger, metrics } = options;
    const common = { client, clock, rng, logger, ...(metrics ? { metrics } : {}) };
    this.#queue = new KeyedQueue({ ...common, name: 'replicas', backoffMs: { first: 200, max: 60_000 } });
    this.#caches = preferenceTypes.map((type) => {
      const cache = new Cache<PreferenceRecord>({
        ...common,
        name: `host/${type.plural}.${type.group}`,
        type,
        project: (object) => preferenceRecord(type, object),
      });
      cache.onChange((key, { old, next }) => {
        // Our own status is no news.
        if (old && next && old.generation === next.generation && old.deleting === next.deleting) return;
        this.#queue.add(key);
      });
      return cache;
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { propagation, members, logger, metrics } = this.#options;
    propagation.onFederated((key) => this.#wake(key, 0));
    propagation.onMemberObject((_, key) => this.#wake(key, countsDebounceMs));
    const all = () => {
      for (const cache of this.#caches) for (const record of cache.values()) this.#queue.add(keyOf(record));
    };
    members.onMember({ added: all, changed: all, removed: all });
    await Promise.all([
      ...this.#caches.map((cache) => cache.run(signal)),
      runController({
        name: 'replicas',
        queue: this.#queue,
        concurrency,
        reconcile: (key) => this.#reconcile(key),
        logger,
        signal,
        ...(metrics ? { metrics } : {}),
      }),
    ]);
  }

  #wake(key: ObjectKey, afterMs: number): void {
    const { row, namespace, name } = parseObjectKey(key);
    if (row.target.plural === 'namespaces') {
      for (const cache of this.#caches) {
        for (const record of cache.values())
          if (record.namespace === namespace) this.#queue.add(keyOf(record));
      }
      return;
    }
    if (!row.hasReplicas) return;
    const cacheKey = keyOf({ namespace, name });
    const scheduled = this.#options.propagation.sources.find(key).record?.scheduled !== undefined;
    if (scheduled || this.#find(cacheKey)) this.#queue.add(cacheKey, { afterMs });
  }

  #find(cacheKey: string): PreferenceRecord | undefined {
    for (const cache of this.#caches) {
      const record = cache.get(cacheKey);
      if (record && !record.deleting) return record;
    }
    return undefined;
  }

  async #reconcile(cacheKey: string): Promise<Outcome> {
    if (!this.#options.propagation.isReady) return { again: 'after', afterMs: 100 };
    const preference = this.#find(cacheKey);
    if (!preference) {
      // Absence counts only while both lists are seen in full.
      if (this.#caches.every(({ state }) => state.kind === 'live')) await this.#takeBack(cacheKey);
      return { again: 'on-change' };
    }
    if (!preference.parsed.ok) {
      const message = preference.parsed.problems
        .map(({ field, message }) => `${field}: ${message}`)
        .join('; ');
      await this.#tell(preference, { status: 'False', reason: 'InvalidSpec', message });
      return { again: 'on-change' };
    }
    const { spec } = preference.parsed.hub;
    const row = (federatedKinds as readonly FederatedKind[]).find(
      (each) => each.federatedKind === spec.targetKind && each.hasReplicas,
    );
    if (!row) {
      await this.#tell(preference, {
        status: 'False',
        reason: 'TargetKindNotServed',
        message: `spec.targetKind: "${spec.targetKind}" is not a kind with replicas that Hansa propagates; use FederatedDeployment`,
      });
      return { again: 'on-change' };
    }
    const { sources } = this.#options.propagation;
    const key = objectKey(row, preference);
    const target = sources.find(key).record;
    if (!target || target.deleting || !target.spec.ok) {
      await this.#tell(preference, {
        status: 'False',
        reason: 'TargetNotFound',
        message: target
          ? `${row.federatedKind} "${cacheKey}" cannot be scheduled: it is being deleted or its spec is wrong`
          : `there is no ${row.federatedKind} "${preference.name}" in namespace "${preference.namespace}": create it`,
      });
      return { again: 'on-change' };
    }
    return this.#schedule(preference, preference.parsed.hub, key, target, target.spec.hub);
  }

  async #schedule(
    preference: PreferenceRecord,
    { spec }: PreferenceHub,
    key: ObjectKey,
    target: FederatedRecord,
    hub: FederatedHub,
  ): Promise<Outcome> {
    const { members, propagation, clock } = this.#options;
    // A member that was not probed yet would count as lost, and its replicas would go to the others.
    if (members.list().some(({ health }) => health.kind === 'unknown'))
      return { again: 'after', afterMs: 200 };
    const ready = members.list().filter(isReady);
    // A member whose list is not read yet would count as empty, and lose its replicas to the others.
    if (
      ready.some(
        ({ name }) => !propagation.hasSynced(name, target.row) && !propagation.isUnserved(name, target.row),
      )
    ) {
      return { again: 'after', afterMs: 200 };
    }
    const { counts, recheckAfterMs } = await this.#count(ready, key, hub);
    const namespaceRecord = propagation.sources.namespaceOf(target.namespace);
    const plan = planPreference({
      spec,
      target: hub,
      note: readNote(target.scheduled),
      namespacePlacement: namespaceRecord?.spec.ok ? namespaceRecord.spec.hub.placement : undefined,
      members: ready.filter(({ name }) => !propagation.isUnserved(name, target.row)).map(({ view }) => view),
      counts,
      key: keyOf(target),
      isNew: areMadeTogether(target, preference),
    });
    if (plan.kind === 'no-cluster') {
      await this.#tell(preference, { status: 'False', reason: 'NoReadyCluster', message: plan.message });
      return { again: 'on-change' };
    }
    await this.#writeSpec(target, hub, plan.placement, plan.overrides, plan.note);
    await this.#tell(preference, conditionOf(plan, spec.totalReplicas), plan, clock.now());
    return recheckAfterMs === undefined
      ? { again: 'on-change' }
      : { again: 'after', afterMs: recheckAfterMs };
  }

  async #count(
    ready: readonly Member[],
    key: ObjectKey,
    hub: FederatedHub,
  ): Promise<{
    readonly counts: ReadonlyMap<string, WorkloadCount>;
    readonly recheckAfterMs: number | undefined;
  }> {
    const { propagation, clock } = this.#options;
    const counts = new Map<string, WorkloadCount>();
    let recheckAfterMs: number | undefined;
    await Promise.all(
      ready.map(async ({ name, client }) => {
        const observed = propagation.observedIn(name, key);
        if (!observed || !client) return;
        const { replicas = 0, readyReplicas = 0 } = observed;
        if (replicas === readyReplicas) {
          counts.set(name, { current: readyReplicas });
          return;
        }
        const pods = await listPods(client, {
          namespace: parseObjectKey(key).namespace,
          matchLabels: matchLabelsOf(hub),
          signal: this.#signal,
        });
        const count = countPods(pods, replicas, clock.now());
        recheckAfterMs = count.recheckAfterMs ?? recheckAfterMs;
        counts.set(name, count);
      }),
    );
    return { counts, recheckAfterMs };
  }

  async #takeBack(cacheKey: string): Promise<void> {
    for (const row of federatedKinds as readonly FederatedKind[]) {
      if (!row.hasReplicas) continue;
      const { namespace = '', name } = refOf(cacheKey);
      const target = this.#options.propagation.sources.find(objectKey(row, { namespace, name })).record;
      const note = readNote(target?.scheduled);
      if (!target || target.deleting || !target.spec.ok || !note) continue;
      const { placement, overrides } = undoPreference(target.spec.hub, note);
      await this.#writeSpec(target, target.spec.hub, placement, overrides, undefined);
      this.#options.logger.info('replica scheduling taken back', {
        namespace,
        name,
        kind: row.federatedKind,
      });
    }
  }

  async #writeSpec(
    target: FederatedRecord,
    hub: FederatedHub,
    placement: HubPlacement,
    overrides: FederatedHub['overrides'],
    note: ScheduledNote | undefined,
  ): Promise<void> {
    const text = note ? JSON.stringify(note) : undefined;
    const isSame =
      text === target.scheduled &&
      JSON.stringify(placement) === JSON.stringify(hub.placement) &&
      JSON.stringify(overrides) === JSON.stringify(hub.overrides);
    if (isSame) return;
    const cache = this.#options.propagation.sources.cacheOf(target);
    const took = cache.beforeWrite(keyOf(target));
    const answer = await this.#options.host.patch(
      target.source,
      target,
      {
        metadata: {
          uid: target.uid,
          resourceVersion: target.resourceVersion,
          annotations: { [scheduledAnnotation]: text ?? null },
        },
        spec: {
          placement: writtenPlacement(placement, hub.overrideStyle),
          overrides: overrides.length > 0 ? (overrides as unknown as Json) : null,
        },
      },
      { type: 'merge', fieldManager: 'hansa-replica-scheduling', signal: this.#signal },
    );
    took(answer);
  }

  async #tell(
    preference: PreferenceRecord,
    condition: {
      readonly status: 'True' | 'False';
      readonly reason: ScheduledReason;
      readonly message: string;
    },
    plan?: Extract<PreferencePlan, { kind: 'planned' }>,
    nowMs: number = this.#options.clock.now(),
  ): Promise<void> {
    const old = preference.status?.conditions?.find(({ type }) => type === scheduledCondition);
    const same = old?.status === condition.status && old.reason === condition.reason;
    const status: PreferenceStatus = {
      observedGeneration: preference.generation,
      conditions: [
        {
          type: scheduledCondition,
          ...condition,
          lastTransitionTime: (same && old.lastTransitionTime) || timestamp(nowMs),
        },
      ],
      ...(plan
        ? {
            clusters: Object.entries(plan.replicas).map(([name, replicas]) => ({
              name,
              replicas,
              ...(plan.because[name] ? { because: plan.because[name] } : {}),
            })),
            unplaced: plan.unplaced,
          }
        : {}),
    };
    // A map is merged by a merge patch, so what is no longer there must be sent as null.
    const before = preference.status ?? {};
    const overflow = plan?.overflow ?? {};
    const shown = { ...status, ...(Object.keys(overflow).length > 0 ? { overflow } : {}) };
    if (sorted(before) === sorted(shown)) return;
    const cleared = Object.fromEntries(Object.keys(before.overflow ?? {}).map((name) => [name, null]));
    const cache = this.#caches.find((each) => each.get(keyOf(preference)) === preference);
    const took = cache?.beforeWrite(keyOf(preference));
    try {
      const answer = await this.#options.host.patch(
        preference.source,
        preference,
        JSON.parse(
          JSON.stringify({
            metadata: { uid: preference.uid },
            status: {
              ...status,
              overflow: Object.keys(overflow).length > 0 ? { ...cleared, ...overflow } : null,
              ...(plan ? {} : { clusters: null, unplaced: null }),
            },
          }),
        ) as Json,
        { type: 'merge', subresource: 'status', signal: this.#signal },
      );
      took?.(answer);
    } catch (error) {
      if (error instanceof HansaError && ['NotFound', 'Conflict'].includes(error.reason)) return;
      throw error;
    }
  }
}

function preferenceRecord(source: ResourceType, object: KubeObject): PreferenceRecord {
  const { metadata } = object;
  const parsed = rspToHub(object);
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    source,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    createdAt: metadata.creationTimestamp ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    parsed,
    status: object['status'] as PreferenceStatus | undefined,
  };
}

function conditionOf(plan: Extract<PreferencePlan, { kind: 'planned' }>, totalReplicas: number) {
  const trouble = plan.problems.map(({ field, message }) => `${field}: ${message}`).join('; ');
  if (plan.unplaced > 0) {
    return {
      status: 'False' as const,
      reason: 'NotAllPlaced' as const,
      message: `${plan.unplaced} of ${totalReplicas} replicas have no place${trouble ? `; ${trouble}` : ''}`,
    };
  }
  if (trouble) return { status: 'False' as const, reason: 'InvalidSpec' as const, message: trouble };
  const division = Object.entries(plan.replicas)
    .map(([name, replicas]) => `${name} ${replicas}`)
    .join(', ');
  return { status: 'True' as const, reason: 'AllPlaced' as const, message: division };
}

function matchLabelsOf({ template }: FederatedHub): Readonly<Record<string, string>> {
  const spec = isJsonObject(template['spec']) ? template['spec'] : {};
  const selector = isJsonObject(spec['selector']) ? spec['selector'] : {};
  return (isJsonObject(selector['matchLabels']) ? selector['matchLabels'] : {}) as Readonly<
    Record<string, string>
  >;
}

/** The placement in the shape of the user's own group; null takes a field away in a merge patch. */
function writtenPlacement(
  { clusters, clusterSelector }: HubPlacement,
  style: FederatedHub['overrideStyle'],
): Json {
  const selector = (clusterSelector ?? null) as Json;
  return style === 'dotted'
    ? { clusterNames: clusters?.map(({ name }) => name) ?? null, clusterSelector: selector }
    : { clusters: clusters?.map(({ name }) => ({ name })) ?? null, clusterSelector: selector };
}

function readNote(text: string | undefined): ScheduledNote | undefined {
  if (text === undefined) return undefined;
  try {
    const note = JSON.parse(text) as ScheduledNote;
    return isJsonObject(note.replicas) && isJsonObject(note.placement) && isJsonObject(note.replicaOverrides)
      ? note
      : undefined;
  } catch {
    return undefined;
  }
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function areMadeTogether(
  one: { readonly createdAt: string },
  other: { readonly createdAt: string },
): boolean {
  return Math.abs(Date.parse(one.createdAt) - Date.parse(other.createdAt)) <= madeTogetherMs;
}
