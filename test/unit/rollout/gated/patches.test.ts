import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/base/index.ts';
import {
  armingOf,
  disarmingOf,
  gatedPatches,
  gatedRefusal,
  orderShares,
  readGatedState,
  writeGatedState,
  type GatedState,
} from '../../../../src/rollout/plan/gated/index.ts';

const noDeadline = 2_147_483_647;
const plain = { isSteered: false };
const deployment: JsonObject = {
  replicas: 3,
  progressDeadlineSeconds: 600,
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
};

describe('arming a Deployment', () => {
  it('keeps its surge, and lets Kubernetes neither remove pods nor lose patience', () => {
    expect(armingOf('Deployment', deployment, plain)).toEqual({
      kind: 'change',
      spec: {
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '25%' } },
        progressDeadlineSeconds: noDeadline,
      },
      before: { strategy: deployment['strategy'], progressDeadlineSeconds: 600 },
    });
  });

  it('gives it a surge where it had none', () => {
    const spec = { ...deployment, strategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } };
    expect(armingOf('Deployment', spec, plain)).toMatchObject({
      spec: { strategy: { rollingUpdate: { maxSurge: 1 } } },
    });
  });

  it('makes room for all new pods beside the old ones while traffic is steered', () => {
    expect(armingOf('Deployment', deployment, { isSteered: true })).toMatchObject({
      spec: { strategy: { rollingUpdate: { maxSurge: '100%' } } },
    });
  });

  it('is done once, and undone to what was before', () => {
    const verdict = armingOf('Deployment', deployment, plain);
    if (verdict.kind !== 'change') throw new Error(verdict.kind);
    const armed = { ...deployment, ...verdict.spec };
    expect(armingOf('Deployment', armed, plain)).toEqual({ kind: 'fits' });
    const undone = disarmingOf('Deployment', armed, { values: verdict.before, manager: 'team' });
    expect({ ...armed, ...undone }).toEqual(deployment);
  });

  it('is not undone where somebody has set something else meanwhile', () => {
    const theirs = { ...deployment, progressDeadlineSeconds: 90 };
    const values = { strategy: { type: 'RollingUpdate' }, progressDeadlineSeconds: 600 };
    expect(disarmingOf('Deployment', theirs, { values, manager: undefined })).toBeUndefined();
  });
});

describe('what can not be held back', () => {
  it.each([
    ['Deployment', { strategy: { type: 'Recreate' } }, /strategy Recreate .*RollingUpdate/],
    ['Deployment', { revisionHistoryLimit: 0 }, /revisionHistoryLimit 0 .*1 or more/],
    ['DaemonSet', { updateStrategy: { type: 'OnDelete' } }, /updateStrategy OnDelete .*RollingUpdate/],
    [
      'DaemonSet',
      { template: { spec: { containers: [{ ports: [{ containerPort: 80, hostPort: 80 }] }] } } },
      /ports of their node.*InPlace/,
    ],
    ['StatefulSet', {}, /not for StatefulSet.*InPlace/],
  ])('%s %j', (kind, spec, sentence) => {
    expect(gatedRefusal(kind, { spec })).toMatch(sentence);
    expect(gatedPatches({ spec }, { kind })).toEqual([]);
  });
});

describe('patches for pins', () => {
  it('arm a federated Deployment as others are armed in the member', () => {
    expect(gatedPatches({ spec: { strategy: { rollingUpdate: { maxSurge: 2 } } } })).toEqual([
      {
        path: '/spec/strategy',
        value: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 2 } },
      },
      { path: '/spec/progressDeadlineSeconds', value: noDeadline },
    ]);
  });

  it('let a DaemonSet surge', () => {
    expect(gatedPatches({}, { kind: 'DaemonSet' })).toEqual([
      {
        path: '/spec/updateStrategy',
        value: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      },
    ]);
  });
});

describe('the state in the member', () => {
  const state: GatedState = {
    workload: { kind: 'Deployment', name: 'web', uid: 'u' },
    stable: { hash: 'a', revision: 'r1' },
    contender: { hash: 'b', revision: 'r2' },
    shares: { hash: 'b', contender: 50, incumbent: 50 },
    originals: { values: { progressDeadlineSeconds: 600 }, manager: 'team' },
  };

  it('comes back as it was written, and nothing comes of what is not ours', () => {
    expect(readGatedState(writeGatedState(state))).toEqual(state);
    for (const text of [undefined, '', '{', '[]', '{"stable":{}}'])
      expect(readGatedState(text)).toBeUndefined();
  });

  it('takes a greater share of the old pods for a smaller one of the new', () => {
    expect(orderShares(state, 'b', { capacity: { incumbent: 90 } })).toMatchObject({
      contender: 10,
      incumbent: 90,
    });
    expect(orderShares(state, 'b', { capacity: { incumbent: 20 } })).toMatchObject({
      contender: 50,
      incumbent: 20,
    });
    expect(orderShares(state, 'b', { capacity: { contender: 70 } })).toMatchObject({
      contender: 70,
      incumbent: 50,
    });
  });

  it('knows of no share for pods that nobody ordered anything for', () => {
    expect(orderShares(state, 'c', {})).toEqual({ hash: 'c', contender: 0, incumbent: 100 });
  });
});
