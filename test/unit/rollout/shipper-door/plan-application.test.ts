import { describe, expect, it } from 'vitest';
import {
  type HistoryRelease,
  planApplication,
} from '../../../../src/rollout/plan/shipper-door/plan-application.ts';
import { hashEnvironment } from '../../../../src/rollout/plan/shipper/index.ts';
import { environment } from '../../../support/shipper-objects.ts';

const template = environment();
const other = { ...environment(), values: { replicaCount: 5 } };

function release(
  generation: number,
  its: Readonly<Record<string, unknown>>,
  further: Partial<HistoryRelease> = {},
): HistoryRelease {
  const hash = hashEnvironment(its);
  return {
    name: `app-${hash}-0`,
    generation,
    isComplete: true,
    hash,
    iteration: 0,
    environment: its,
    isLeaving: false,
    ...further,
  };
}

const plan = (releases: readonly HistoryRelease[], highestObserved?: number) =>
  planApplication({ name: 'app', template, highestObserved, releases });

describe('an Application', () => {
  it('without Releases gets its first', () => {
    const hash = hashEnvironment(template);
    expect(plan([])).toEqual({ kind: 'create', release: `app-${hash}-0`, hash, iteration: 0, generation: 0 });
  });

  it('whose template was edited gets the next', () => {
    expect(plan([release(4, other)], 4)).toMatchObject({ kind: 'create', generation: 5, iteration: 0 });
  });

  it('that goes back to an old template counts how often that was used', () => {
    const releases = [release(0, template), release(1, template, { iteration: 1 }), release(2, other)];
    expect(plan(releases, 2)).toMatchObject({ kind: 'create', iteration: 2, generation: 3 });
  });

  it('is in step with its newest Release, also when it was ended before it could note that', () => {
    expect(plan([release(0, other), release(1, template)], 0)).toMatchObject({
      kind: 'in-step',
      highestObserved: 1,
    });
  });

  it('whose newest Release was deleted goes back to the one before', () => {
    const before = release(1, other);
    expect(plan([before], 2)).toEqual({ kind: 'abort', to: before });
    expect(plan([before, release(2, template, { isLeaving: true })], 2)).toEqual({
      kind: 'abort',
      to: before,
    });
  });

  it('gives no Release the place of one that is just leaving', () => {
    const releases = [release(1, other), release(2, template, { isLeaving: true })];
    expect(plan(releases, 1)).toMatchObject({ kind: 'create', generation: 3, iteration: 1 });
  });

  it('whose only Release is being deleted waits, so that the next has the same name', () => {
    expect(plan([release(0, template, { isLeaving: true })], 0)).toEqual({ kind: 'wait-for-removal' });
  });
});
