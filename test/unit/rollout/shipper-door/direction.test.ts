import { describe, expect, it } from 'vitest';
import { goesBack } from '../../../../src/rollout/plan/shipper-door/direction.ts';

const staging = {
  name: 'staging',
  capacity: { incumbent: 100, contender: 1 },
  traffic: { incumbent: 100, contender: 1 },
};
const half = {
  name: '50/50',
  capacity: { incumbent: 50, contender: 50 },
  traffic: { incumbent: 50, contender: 50 },
};
const at = (percent: number, weight: number) => [{ percent, weight }];

describe('a step is reached by the way back', () => {
  it('from a step that was achieved, as in Shipper', () => {
    expect(goesBack(staging, { achievedStep: 1, targetStep: 0 }, at(50, 50), at(50, 50))).toBe(true);
  });

  it('from a step that was commanded and never achieved', () => {
    // The contender has grown already, and the incumbent is as it was.
    expect(goesBack(staging, { achievedStep: 0, targetStep: 0 }, at(50, 1), at(100, 100))).toBe(true);
    // The incumbent is being reduced.
    expect(goesBack(staging, { achievedStep: 0, targetStep: 0 }, at(100, 100), at(0, 0))).toBe(true);
  });

  it('in one cluster, when only that one is behind', () => {
    const incumbent = [...at(100, 100), ...at(50, 100)];
    expect(goesBack(staging, { achievedStep: 0, targetStep: 0 }, at(1, 1), incumbent)).toBe(true);
  });
});

describe('a step is reached by the way forward', () => {
  it('when the contender grows and the incumbent shrinks', () => {
    expect(goesBack(half, { achievedStep: 0, targetStep: 1 }, at(1, 1), at(100, 100))).toBe(false);
  });

  it('when all is as it shall be', () => {
    expect(goesBack(half, { achievedStep: 1, targetStep: 1 }, at(50, 50), at(50, 50))).toBe(false);
  });

  it('when a strategy shrinks both', () => {
    const less = { name: 'less', capacity: { incumbent: 0, contender: 20 }, traffic: half.traffic };
    expect(goesBack(less, { achievedStep: 1, targetStep: 2 }, at(50, 50), at(50, 50))).toBe(false);
  });

  it('when what is behind still has to grow: the way back would leave it without traffic', () => {
    expect(goesBack(half, { achievedStep: 2, targetStep: 1 }, at(0, 0), at(50, 50))).toBe(false);
  });
});
