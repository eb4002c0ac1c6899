import { describe, expect, it } from 'vitest';
import {
  capacityNote,
  readWorkload,
  sumCapacity,
  totalOf,
  type WorkloadSeen,
  withCapacity,
} from '../../../../src/rollout/plan/side-by-side/index.ts';

const live = (
  { replicas = 4, ready = replicas, percent = 100, total = 4 }: Record<string, number> = {},
  status: object = {},
) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web-1', generation: 2, annotations: { ...capacityNote({ percent, total }) } },
  spec: { replicas },
  status: {
    observedGeneration: 2,
    replicas,
    updatedReplicas: replicas,
    readyReplicas: ready,
    availableReplicas: ready,
    ...status,
  },
});
const seen = (...parts: Parameters<typeof live>): WorkloadSeen => readWorkload(live(...parts), 'web', false);

describe('a workload in a member', () => {
  it('is settled when it has exactly the ordered pods, ready and available, and Kubernetes has seen the order', () => {
    expect(seen().isSettled).toBe(true);
    expect(seen({ replicas: 0, ready: 0, percent: 0 }).isSettled).toBe(true);
  });

  it.each([
    ['a pod is not ready', { readyReplicas: 3 }],
    ['a pod is ready for too short a time', { availableReplicas: 3 }],
    ['a pod more is there', { replicas: 5 }],
    ['a pod has an old template', { updatedReplicas: 3 }],
    ['the order was not seen yet', { observedGeneration: 1 }],
  ])('is not while %s', (_, status) => {
    expect(seen({}, status).isSettled).toBe(false);
  });

  it('gets the share of its replicas, rounded up, and remembers both', () => {
    const object = withCapacity(live() as never, { percent: 1, total: 3 });
    expect(object).toMatchObject({
      spec: { replicas: 1 },
      metadata: { annotations: { 'rollout.hansa.dev/capacity': '{"percent":1,"total":3}' } },
    });
  });
});

describe('the workloads of one revision together', () => {
  it('are ready when each is', () => {
    const sum = sumCapacity([seen(), seen({ replicas: 2, total: 2 })]);
    expect(sum).toEqual({ percent: 100, desired: 6, ready: 6, isReady: true });
    expect(sumCapacity([seen(), seen({}, { readyReplicas: 1 })])).toMatchObject({ ready: 5, isReady: false });
  });

  it('follow the first: until the others have its share, the order is not carried out', () => {
    const half = seen({ replicas: 2, percent: 50 });
    expect(sumCapacity([half, seen()])).toMatchObject({ percent: 50, isReady: false });
    expect(sumCapacity([seen(), half])).toMatchObject({ percent: 100, isReady: false });
  });

  it('are not ready when somebody else has scaled one', () => {
    expect(sumCapacity([seen({ replicas: 3, percent: 100, total: 4 })]).isReady).toBe(false);
  });

  it('are as an autoscaler wants them while one decides', () => {
    const scaled = readWorkload(live({ replicas: 7, percent: 100, total: 4 }), 'web', true);
    expect(sumCapacity([scaled])).toMatchObject({ desired: 7, isReady: true });
    expect(totalOf([], [scaled])).toBe(7);
  });

  it('promise no more than the smaller revision has', () => {
    expect(totalOf([seen({ total: 10 })], [seen({ total: 4 })])).toBe(4);
    expect(totalOf([seen({ total: 10 })], [])).toBe(10);
  });
});
