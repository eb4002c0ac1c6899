import { type RolloutStatus, rolloutAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { type Cache, keyOf } from '../../kube/index.ts';
import type { RolloutView } from '../mode.ts';
import { statusPatch } from '../plan/controller/index.ts';
import { invalidConditions } from '../plan/steps/index.ts';
import type { Transition } from '../plan/steps/types.ts';
import type { Memory } from './memory.ts';
import { noRolloutMetrics } from './metrics.ts';
import type { RolloutControllerOptions } from './options.ts';
import { type RolloutRecord, subjectOf } from './rollout-record.ts';
import type { Trouble } from './trouble.ts';

export interface TellerDeps {
  readonly options: RolloutControllerOptions;
  readonly rollouts: Cache<RolloutRecord>;
}

/** Tells how a rollout stands: in its status, and to whoever listens. */
export class Teller {
  readonly #deps: TellerDeps;

  constructor(deps: TellerDeps) {
    this.#deps = deps;
  }

  /** Writes a difference; the version keeps two controllers from writing over each other. */
  async write(record: RolloutRecord, status: RolloutStatus, signal: AbortSignal): Promise<void> {
    const patch = statusPatch(record.status, status);
    if (!patch) return;
    const took = this.#deps.rollouts.beforeWrite(keyOf(record));
    took(
      await this.#deps.options.host.patch(
        rolloutAddress,
        record,
        // The version keeps a controller that lost its Lease from writing over the next one's memory.
        { metadata: { uid: record.uid, resourceVersion: record.resourceVersion }, status: patch },
        { type: 'merge', subresource: 'status', signal },
      ),
    );
  }

  /** The condition Valid says why nothing goes on. */
  async tellTrouble(record: RolloutRecord, { reason, message }: Trouble, signal: AbortSignal): Promise<void> {
    const before = record.status ?? {};
    const now = new Date(this.#deps.options.clock.now()).toISOString();
    const conditions = invalidConditions(before.conditions ?? [], { reason, message }, now);
    const old = before.conditions?.find(({ type }) => type === 'Valid');
    await this.write(
      record,
      { ...before, observedGeneration: record.generation, summary: message, conditions },
      signal,
    );
    if (old?.status === 'False' && old.message === message) return;
    this.#deps.options.tell?.(subjectOf(record), {
      type: 'Warning',
      reason,
      action: 'Rollout',
      note: message,
    });
  }

  /** Events, notifications, metrics. */
  tell(record: RolloutRecord, view: RolloutView, transition: Transition): void {
    const { tell, notifier, metrics = noRolloutMetrics } = this.#deps.options;
    const { type, reason, message } = transition;
    tell?.(subjectOf(record), { type, reason, action: 'Rollout', note: message });
    notifier?.tell(view, transition);
    metrics.onTransition({ type, reason });
  }

  measure(record: RolloutRecord, status: RolloutStatus, memory: Memory): void {
    const { metrics = noRolloutMetrics, clock } = this.#deps.options;
    const clusters: Record<string, number> = {};
    for (const { name, phase, stage = '' } of status.clusters ?? []) {
      clusters[phase] = (clusters[phase] ?? 0) + 1;
      const before = memory.stages.get(name);
      if (before?.stage === stage) continue;
      if (before && before.stage !== '') {
        metrics.onStage({ stage: before.stage, tookMs: clock.monotonic() - before.sinceMs });
      }
      memory.stages.set(name, { stage, sinceMs: clock.monotonic() });
    }
    const { namespace, name } = record;
    metrics.onStatus({ namespace, name, phase: status.phase ?? 'Idle', step: status.step, clusters });
  }
}
