import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { revisionLabel, rolloutLabel } from '../../../../src/api/rollout.hansa.dev/v1alpha1/words.ts';
import type { KubeObject } from '../../../../src/kube/index.ts';
import {
  healthOf,
  identityOf,
  isOwn,
  isStepped,
  numbersInPlace,
  orderObjects,
  ownObject,
  partitionFor,
  rolloutLabelValue,
  shareOrdered,
  tellInPlace,
  withShare,
} from '../../../../src/rollout/plan/in-place/index.ts';
import { nextStage } from '../../../../src/rollout/plan/steps/index.ts';

function object(kind: string, name = 'web', more: object = {}): KubeObject {
  const apiVersion = ['Deployment', 'StatefulSet', 'DaemonSet'].includes(kind) ? 'apps/v1' : 'v1';
  return { apiVersion, kind, metadata: { name, generation: 1 }, ...more };
}

interface SetLife {
  readonly replicas: number;
  readonly updated: number;
  readonly ready?: number;
  readonly share?: number;
  readonly isMixed?: boolean;
}

/** A StatefulSet in the middle of its life. */
function statefulSet({ replicas, updated, ready = replicas, share, isMixed = true }: SetLife): KubeObject {
  const live = object('StatefulSet', 'db', {
    spec: { replicas },
    status: {
      observedGeneration: 1,
      replicas,
      updatedReplicas: updated,
      readyReplicas: ready,
      currentRevision: 'db-1',
      updateRevision: isMixed ? 'db-2' : 'db-1',
    },
  });
  return share === undefined ? live : withShare(live, replicas, share);
}

describe('objects', () => {
  it('are put in place after what they need', () => {
    const kinds = ['Deployment', 'Widget', 'Service', 'ConfigMap', 'CustomResourceDefinition', 'Namespace'];
    expect(orderObjects(kinds.map((kind) => object(kind))).map(({ kind }) => kind)).toEqual([
      'Namespace',
      'CustomResourceDefinition',
      'ConfigMap',
      'Service',
      'Widget',
      'Deployment',
    ]);
  });

  it('carry rollout and revision, and the namespace of the rollout where they say none', () => {
    const owner = { rollout: 'shop', revision: '11112222', namespace: 'ns' };
    const own = ownObject(object('ConfigMap', 'a', { status: { x: 1 } }), owner);
    expect(own.metadata).toMatchObject({
      name: 'a',
      namespace: 'ns',
      labels: { [rolloutLabel]: 'shop' },
      annotations: { [revisionLabel]: '11112222' },
    });
    expect(own).not.toHaveProperty('status');
    expect(isOwn(own, 'shop')).toBe(true);
    expect(isOwn(own, 'other')).toBe(false);
    expect(
      ownObject(object('Namespace', 'n'), { ...owner, namespace: undefined }).metadata,
    ).not.toHaveProperty('namespace');
  });

  it('are the same in any version of their group, and others in another namespace', () => {
    const a = { ...object('HorizontalPodAutoscaler'), apiVersion: 'autoscaling/v1' };
    expect(identityOf(a, 'ns')).toBe(identityOf({ ...a, apiVersion: 'autoscaling/v2' }, 'ns'));
    expect(identityOf(a, 'ns')).not.toBe(identityOf(a, 'other'));
  });

  it('have a label that is one, however long the name of the rollout is', () => {
    expect(rolloutLabelValue('web')).toBe('web');
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{60,200}[a-z0-9])$/), (name) => {
        expect(rolloutLabelValue(name)).toMatch(/^[a-z0-9A-Z]([-_.a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/);
      }),
    );
  });
});

describe('the partition of a StatefulSet', () => {
  it.each([
    [4, 0, 4],
    [4, 25, 3],
    [3, 1, 2],
    [3, 34, 1],
    [5, 100, 0],
  ])('of %i pods at %i %% is %i', (total, percent, partition) => {
    expect(partitionFor(total, percent)).toBe(partition);
  });

  it('is written with the share, which can be read back, and leaves the rest of the strategy', () => {
    const set = withShare(
      object('StatefulSet', 'db', {
        spec: { replicas: 4, updateStrategy: { rollingUpdate: { maxUnavailable: 2 } } },
      }),
      4,
      25,
    );
    expect(set['spec']).toEqual({
      replicas: 4,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2, partition: 3 } },
    });
    expect(shareOrdered(set)).toBe(25);
    expect(shareOrdered(object('StatefulSet'))).toBeUndefined();
  });

  it('is of no use where people say which pods become new', () => {
    expect(isStepped(object('StatefulSet'))).toBe(true);
    expect(isStepped(object('StatefulSet', 'db', { spec: { updateStrategy: { type: 'OnDelete' } } }))).toBe(
      false,
    );
    expect(isStepped(object('Deployment'))).toBe(false);
  });
});

describe('health', () => {
  const deployment = (status: object, generation = 1): KubeObject => ({
    ...object('Deployment', 'web', { spec: { replicas: 2 }, status }),
    metadata: { name: 'web', generation },
  });
  const good = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

  it('of a Deployment is good when all pods are new and available, and no old one is left', () => {
    expect(healthOf(deployment(good))).toMatchObject({ isWhole: true, total: 2, ready: 2 });
    expect(healthOf(deployment({ ...good, replicas: 3 })).isWhole).toBe(false);
    expect(healthOf(deployment({ ...good, availableReplicas: 1 })).isWhole).toBe(false);
    expect(healthOf(deployment({ ...good, updatedReplicas: 1 })).isWhole).toBe(false);
  });

  it('is not good before the last change was noticed', () => {
    expect(healthOf(deployment(good, 2))).toMatchObject({ isWhole: false, updated: 0 });
  });

  it('says what no waiting mends', () => {
    const refused = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' };
    expect(healthOf(deployment({ ...good, conditions: [refused] })).problem?.message).toContain('quota');
    const failed = object('Job', 'migrate', {
      status: { conditions: [{ type: 'Failed', status: 'True', message: 'backoff limit' }] },
    });
    expect(healthOf(failed)).toMatchObject({ isWhole: false, problem: { reason: 'ClusterFailed' } });
  });

  it.each([
    ['Job', { conditions: [{ type: 'Complete', status: 'True' }] }, true],
    ['Job', {}, false],
    ['CustomResourceDefinition', { conditions: [{ type: 'Established', status: 'True' }] }, true],
    ['CustomResourceDefinition', {}, false],
    [
      'DaemonSet',
      { observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberReady: 2 },
      true,
    ],
    [
      'DaemonSet',
      { observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberReady: 2 },
      false,
    ],
    ['ConfigMap', {}, true],
    ['Widget', { conditions: [{ type: 'Ready', status: 'False' }] }, true],
  ])('of a %s with %j is %s', (kind, status, isWhole) => {
    expect(healthOf(object(kind, 'a', { status })).isWhole).toBe(isWhole);
  });
});

describe('what the stepper hears of objects in place', () => {
  const tell = (objects: readonly KubeObject[], installed: boolean, hasIncumbent = true) =>
    tellInPlace({ objects, installed, revision: installed ? 'new' : 'old', hasIncumbent });
  const options = { revision: 'new', ignoreIncumbentHealth: false, minHealthyPercent: 100 };

  it('is an incumbent alone before the installation', () => {
    expect(tell([statefulSet({ replicas: 4, updated: 4, isMixed: false })], false)).toMatchObject({
      contender: { capacityPercent: undefined, desired: 0 },
      incumbent: { capacityPercent: 100, desired: 4, ready: 4 },
      total: 4,
    });
  });

  it('counts the pods that the partition lets be new', () => {
    const seen = tell([statefulSet({ replicas: 4, updated: 1, share: 25 })], true);
    expect(seen).toMatchObject({
      contender: { capacityPercent: 25, desired: 1, ready: 1, capacityReady: true },
      incumbent: { capacityPercent: 75, desired: 3, ready: 3, capacityReady: true },
    });
  });

  it('waits for a new pod that is not ready, and for one too many to be old again', () => {
    const late = tell([statefulSet({ replicas: 4, updated: 1, ready: 3, share: 25 })], true);
    expect(late.contender).toMatchObject({ ready: 0, capacityReady: false });
    const tooMany = tell([statefulSet({ replicas: 4, updated: 3, share: 25 })], true);
    expect(tooMany.contender.capacityReady).toBe(false);
  });

  it('takes all pods of a first revision for what was asked, whatever the share', () => {
    const first = tell([statefulSet({ replicas: 4, updated: 4, share: 25, isMixed: false })], true, false);
    expect(first.contender.capacityReady).toBe(true);
    const numbers = numbersInPlace({ capacity: { contender: 25, incumbent: 75 } }, true);
    expect(nextStage(numbers, first, options)).toEqual({ kind: 'reached' });
  });

  it('is all or nothing where there are no steps', () => {
    const seen = tell([object('ConfigMap')], true);
    expect(seen).toMatchObject({ contender: { capacityPercent: 100, capacityReady: true }, total: 0 });
    const numbers = numbersInPlace(
      { capacity: { contender: 10, incumbent: 100 }, traffic: { contender: 0, incumbent: 100 } },
      false,
    );
    expect(numbers).toEqual({ capacity: { contender: 100, incumbent: 0 } });
    expect(nextStage(numbers, seen, options)).toEqual({ kind: 'reached' });
  });

  it('leads through every step of a StatefulSet, one order at a time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 100 }), (replicas, contender) => {
        const numbers = numbersInPlace({ capacity: { contender, incumbent: 100 - contender } }, true);
        const wanted = replicas - partitionFor(replicas, contender);
        const before = tell([statefulSet({ replicas, updated: 0, share: 0 })], true);
        const decision = nextStage(numbers, before, options);
        if (contender === 0) expect(decision).toEqual({ kind: 'reached' });
        else expect(decision).toMatchObject({ kind: 'set', capacity: { contender } });
        const after = tell([statefulSet({ replicas, updated: wanted, share: contender })], true);
        expect(nextStage(numbers, after, options)).toEqual({ kind: 'reached' });
      }),
    );
  });
});
