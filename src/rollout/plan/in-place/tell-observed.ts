import type { KubeObject } from '../../../kube/index.ts';
import { shareOf } from '../steps/index.ts';
import type { MemberObserved, Side } from '../steps/types.ts';
import { healthOf } from './health.ts';
import { isStepped, shareOrdered } from './partition.ts';

type Seen = Extract<MemberObserved, { kind: 'seen' }>;

export interface TellInput {
  /** The objects of the revision there, as they are now; those that are missing aside. */
  readonly objects: readonly KubeObject[];
  /** All of the new revision are in place. */
  readonly installed: boolean;
  readonly revision: string | undefined;
  /** The member holds an older revision, or held one that is partly there still. */
  readonly hasIncumbent: boolean;
}

/**
 * What the stepper hears of objects that change in place: the contender is nothing until it is installed, and then
 * everything but the pods that a StatefulSet's partition keeps old.
 */
export function tellInPlace({ objects, installed, revision, hasIncumbent }: TellInput): Seen {
  const healths = objects.map((object) => ({ object, health: healthOf(object) }));
  const total = sum(healths.map(({ health }) => health.total));
  const problem = healths.find(({ health }) => health.problem)?.health.problem;
  const ready = sum(healths.map(({ health }) => Math.min(health.ready, health.total)));
  const isWhole = healths.every(({ health }) => health.isWhole);
  const base = { kind: 'seen', revision, installed, total, problem } as const;
  if (!installed) {
    return {
      ...base,
      contender: { ...none, capacityPercent: undefined },
      incumbent: hasIncumbent
        ? { ...none, capacityPercent: 100, desired: total, ready, capacityReady: isWhole, withTraffic: ready }
        : undefined,
    };
  }
  const stepped = healths.filter(({ object }) => isStepped(object));
  const percent = Math.min(100, ...stepped.map(({ object }) => shareOrdered(object) ?? 100));
  const parts = healths.map(({ object, health }) => partOf(object, health));
  const wanted = sum(parts.map((part) => part.wanted));
  const fresh = sum(parts.map((part) => part.fresh));
  const capacityReady = parts.every((part) => part.isReady);
  return {
    ...base,
    contender: {
      ...none,
      capacityPercent: percent,
      desired: wanted,
      ready: fresh,
      capacityReady,
      withTraffic: fresh,
    },
    incumbent: hasIncumbent
      ? {
          ...none,
          capacityPercent: 100 - percent,
          desired: total - wanted,
          ready: Math.max(0, ready - fresh),
          capacityReady,
          withTraffic: Math.max(0, ready - fresh),
        }
      : undefined,
  };
}

/** One object's part of the contender: how many of its pods shall be new, and how many are new and ready. */
function partOf(
  object: KubeObject,
  { total, updated, ready, isWhole, isMixed }: ReturnType<typeof healthOf>,
) {
  const share = isStepped(object) ? (shareOrdered(object) ?? 100) : 100;
  const wanted = shareOf(total, share);
  // Pods are not told apart by revision and readiness at once, so those not ready are taken for new ones.
  const fresh = Math.max(0, Math.min(updated, ready - (total - updated)));
  return {
    wanted,
    fresh,
    // Pods of a first revision are all of that one, whatever the share.
    isReady:
      share === 100 ? isWhole : updated >= wanted && ready >= total && (updated === wanted || !isMixed),
  };
}

const none: Side = {
  capacityPercent: 0,
  desired: 0,
  ready: 0,
  capacityReady: true,
  trafficPercent: undefined,
  trafficReady: true,
  withTraffic: 0,
};

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
