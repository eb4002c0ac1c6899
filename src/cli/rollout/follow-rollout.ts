import { silentLogger } from '../../base/index.ts';
import { rolloutAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { type ApiClient, Cache, type CacheState, systemClock } from '../../kube/index.ts';
import type { RolloutRef } from './read-rollout.ts';
import type { RolloutObject } from './rollout-object.ts';
import type { Verdict } from './verdict.ts';

/** How the following ended. */
export type FollowEnd =
  | { readonly kind: 'verdict'; readonly verdict: Verdict; readonly rollout: RolloutObject }
  | { readonly kind: 'gone' }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'interrupted' };

export interface FollowOptions {
  readonly client: ApiClient;
  readonly ref: RolloutRef;
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
  /** The verdict on which the following ends; undefined = go on. */
  readonly judge: (rollout: RolloutObject) => Verdict | undefined;
  /** Judge what was seen last once more after this long, as time alone may change the verdict. */
  readonly judgeAgainAfterMs?: number;
  readonly tell: (rollout: RolloutObject) => void;
  /** The host stopped answering, or answers again. */
  readonly tellState?: (state: CacheState) => void;
}

/** Follows one Rollout until there is a verdict, it is deleted, or time is up. */
export async function followRollout(options: FollowOptions): Promise<FollowEnd> {
  const { client, ref, signal, timeoutMs, judge, judgeAgainAfterMs, tell, tellState } = options;
  const stop = new AbortController();
  let end: FollowEnd | undefined;
  let last: RolloutObject | undefined;
  const finish = (how: FollowEnd) => {
    end ??= how;
    stop.abort();
  };
  const decide = () => {
    const verdict = last && judge(last);
    if (last && verdict) finish({ kind: 'verdict', verdict, rollout: last });
  };
  const cache = new Cache<{ readonly resourceVersion: string; readonly rollout: RolloutObject }>({
    name: rolloutAddress.plural,
    client,
    type: rolloutAddress,
    namespace: ref.namespace,
    project: (object) =>
      object.metadata.name === ref.name
        ? { resourceVersion: object.metadata.resourceVersion ?? '', rollout: object as RolloutObject }
        : undefined,
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
  });
  cache.onChange((_, { next }) => {
    // What comes after the end is not told any more.
    if (end) return;
    if (!next) return finish({ kind: 'gone' });
    last = next.rollout;
    tell(last);
    decide();
  });
  if (tellState) cache.onState((state) => tellState(state));
  const cancelTimers = [
    ...(timeoutMs === undefined ? [] : [systemClock.after(timeoutMs, () => finish({ kind: 'timed-out' }))]),
    ...(judgeAgainAfterMs === undefined ? [] : [systemClock.after(judgeAgainAfterMs, decide)]),
  ];
  try {
    const running = cache.run(AbortSignal.any([signal, stop.signal]));
    // Deleted between the command's first look and this list: there will be no change to hear of.
    void cache.synced.then(() => {
      if (cache.size === 0) finish({ kind: 'gone' });
    });
    await running;
  } finally {
    for (const cancel of cancelTimers) cancel();
  }
  return end ?? { kind: 'interrupted' };
}
