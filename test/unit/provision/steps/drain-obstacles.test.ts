import { describe, expect, it } from 'vitest';
import { obstaclesTo, podsToMove, readBudgets } from '../../../../src/provision/steps/drain-obstacles.ts';

interface PodWish {
  readonly owner?: string;
  readonly annotations?: Record<string, string>;
  readonly phase?: string;
  readonly volumes?: readonly unknown[];
  readonly labels?: Record<string, string>;
}

const pod = (
  name: string,
  { owner, annotations = {}, phase = 'Running', volumes = [], labels = {} }: PodWish = {},
) => ({
  metadata: {
    namespace: 'shop',
    name,
    labels,
    annotations,
    ownerReferences: owner ? [{ kind: owner, controller: true }] : [],
  },
  spec: { volumes },
  status: { phase },
});

describe('what a drain has to move', () => {
  it('leaves pods of daemon sets, of the node itself, and finished ones', () => {
    const items = [
      pod('proxy', { owner: 'DaemonSet' }),
      pod('etcd-m1', { owner: 'Node', annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      pod('job', { owner: 'Job', phase: 'Succeeded' }),
      pod('web', { owner: 'ReplicaSet' }),
    ];
    expect(podsToMove({ items }).map(({ name }) => name)).toEqual(['web']);
  });

  it('knows pods that would lose data, and pods nothing would make again', () => {
    const items = [
      pod('cache', { owner: 'ReplicaSet', volumes: [{ name: 'c', emptyDir: {} }] }),
      pod('alone'),
    ];
    expect(podsToMove({ items })).toMatchObject([
      { name: 'cache', hasEmptyDir: true, hasController: true },
      { name: 'alone', hasEmptyDir: false, hasController: false },
    ]);
  });
});

describe('a drain that timed out', () => {
  const budget = (name: string, disruptionsAllowed: number, app: string, namespace = 'shop') => ({
    metadata: { namespace, name },
    spec: { minAvailable: 1, selector: { matchLabels: { app } } },
    status: { disruptionsAllowed },
  });
  const web = podsToMove({ items: [pod('web-0', { owner: 'StatefulSet', labels: { app: 'web' } })] });

  it('names the pod and the budget that holds it', () => {
    const budgets = readBudgets({
      items: [budget('web', 0, 'web'), budget('db', 0, 'db'), budget('web', 0, 'web', 'other')],
    });
    expect(obstaclesTo(web, budgets)).toEqual([
      'pod shop/web-0 is held by PodDisruptionBudget shop/web (minAvailable 1, allows no disruption now)',
    ]);
  });

  it('blames no budget that would allow it', () => {
    expect(obstaclesTo(web, readBudgets({ items: [budget('web', 1, 'web')] }))).toEqual([
      'pod shop/web-0 has not ended',
    ]);
  });
});
