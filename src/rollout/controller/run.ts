import type { RolloutSpec, RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { JsonObject } from '../../base/index.ts';
import type { Revision, RolloutView } from '../mode.ts';
import { numbersInPlace, isStepped } from '../plan/in-place/index.ts';
import type { FleetRevision, Workloads } from '../plan/controller/index.ts';
import { shareOf } from '../plan/steps/index.ts';
import type { Command, MemberObserved, Numbers, RolloutPlan } from '../plan/steps/types.ts';
import { contentOf, type Source, type Target } from './resolve-source.ts';
import type { RolloutRecord } from './rollout-record.ts';

/** A revision with what its record holds. */
export interface Recorded {
  readonly hash: string;
  readonly number: number;
  readonly content: JsonObject | undefined;
}

/** All that one round of one rollout works with: plain data. */
export interface Run {
  readonly record: RolloutRecord;
  readonly spec: RolloutSpec;
  readonly plan: RolloutPlan;
  readonly source: Source;
  readonly target: Target;
  /** The status as last written, with what was answered and adopted since. */
  readonly state: RolloutStatus;
  readonly contender: Recorded;
  readonly stable: Recorded | undefined;
}

/** What executors are shown. In a member whose workload others edit, revisions are the hashes of its own templates. */
export function viewOf(
  { record, spec, plan, source, target, contender, stable }: Run,
  member?: string,
): RolloutView {
  const isDone = stable?.hash === contender.hash;
  const revision = (recorded: Recorded): Revision => {
    const own = member === undefined ? undefined : workloadsOf(source, recorded.content)[member];
    return own === undefined ? revisionOf(recorded, source) : { ...revisionOf(recorded, source), hash: own };
  };
  return {
    name: record.name,
    namespace: record.namespace,
    uid: record.uid,
    spec,
    plan,
    contender: revision(contender),
    incumbent: stable && !isDone ? revision(stable) : undefined,
    isDone,
    target,
  };
}

/** One object for one record, so that executors can keep what they made of it. */
const revisions = new WeakMap<JsonObject, Revision>();

function revisionOf({ hash, number, content }: Recorded, { kind }: Source): Revision {
  const known = content && revisions.get(content);
  if (known?.content.kind === kind && known.hash === hash) return known;
  const made: Revision = { hash, number, content: contentOf(kind, content) };
  if (content) revisions.set(content, made);
  return made;
}

/**
 * A member whose workload nobody edited: this run is about others. A cluster that joined meanwhile is one, too.
 */
export function isUntouched({ source, contender, stable }: Run, name: string): boolean {
  if (source.kind !== 'workload' || !stable || stable.hash === contender.hash) return false;
  const now = workloadsOf(source, contender.content)[name];
  return now !== undefined && (workloadsOf(source, stable.content)[name] ?? now) === now;
}

/** What a member shows, in the revisions of the whole fleet. */
export function inFleetWords(run: Run, name: string, observed: MemberObserved): MemberObserved {
  if (observed.kind !== 'seen' || run.source.kind !== 'workload') return observed;
  if (isUntouched(run, name)) return passingThrough(run, name, observed.total);
  const view = viewOf(run, name);
  if (observed.revision === view.contender.hash) return { ...observed, revision: run.contender.hash };
  if (run.stable && observed.revision === view.incumbent?.hash) {
    return { ...observed, revision: run.stable.hash };
  }
  return observed;
}

/** It is where it shall be, at every step and on the way back. */
function passingThrough(
  { plan, state, contender, stable }: Run,
  name: string,
  total: number,
): MemberObserved {
  const isBack = state.abortedBecause !== undefined;
  const step = state.clusters?.find((cluster) => cluster.name === name)?.step ?? 0;
  const { capacity, traffic } = plan.steps[Math.min(step, plan.steps.length - 1)] ?? wholeStep;
  const side = (who: 'contender' | 'incumbent') => {
    const percent = isBack ? (who === 'incumbent' ? 100 : 0) : capacity[who];
    const pods = shareOf(total, percent);
    return {
      capacityPercent: percent,
      desired: pods,
      ready: pods,
      capacityReady: true,
      trafficPercent: traffic && !isBack ? traffic[who] : undefined,
      trafficReady: true,
      withTraffic: pods,
    };
  };
  return {
    kind: 'seen',
    revision: isBack ? stable?.hash : contender.hash,
    installed: !isBack,
    contender: side('contender'),
    incumbent: side('incumbent'),
    total,
    problem: undefined,
  };
}

const wholeStep: Numbers = { capacity: { contender: 100, incumbent: 0 } };

/** What a record of a workload's revision says of each cluster. */
export function fleetOf({ hash, content }: Recorded): FleetRevision {
  return { revision: hash, workloads: (content?.['workloads'] ?? {}) as Workloads };
}

/** A plan whose steps are what this mode can do with this target. */
export function feasible(
  plan: RolloutPlan,
  source: Source,
  target: Target,
  content: JsonObject | undefined,
): RolloutPlan {
  if (plan.mode !== 'InPlace') return plan;
  const revision = contentOf(source.kind, content);
  const stepped =
    revision.kind === 'objects'
      ? revision.objects.some(isStepped)
      : revision.kind === 'workload' && target?.kind === 'StatefulSet';
  return {
    ...plan,
    steps: plan.steps.map(({ traffic: _, ...step }) => ({ ...step, ...numbersInPlace(step, stepped) })),
  };
}

/** What people said, with defaults. */
export function commandOf({ command = {} }: RolloutSpec): Command {
  const { paused = false, abort, retry, targetStep, promotions = [] } = command;
  return { paused, abort, retry, targetStep, promotions };
}

function workloadsOf(source: Source, content: JsonObject | undefined): Workloads {
  return source.kind === 'workload' ? ((content?.['workloads'] ?? {}) as Workloads) : {};
}
