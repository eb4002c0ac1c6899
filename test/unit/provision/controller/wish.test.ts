import { describe, expect, it } from 'vitest';
import { viewCluster, viewMachine } from '../../../../src/provision/controller/views.ts';
import { forgottenIn, wishOf } from '../../../../src/provision/controller/wish.ts';

const forget = 'provision.hansa.dev/forget-machine';

function asked({
  version = '1.36.3',
  annotations = {},
  machine = {},
}: {
  version?: string;
  annotations?: Record<string, string>;
  machine?: { annotations?: Record<string, string>; deletionTimestamp?: string; resourceVersion?: string };
} = {}) {
  return {
    cluster: viewCluster({
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeCluster',
      metadata: { name: 'shop', namespace: 'clusters', uid: 'u', annotations },
      spec: { version },
    }),
    machines: [
      viewMachine({
        apiVersion: 'provision.hansa.dev/v1alpha1',
        kind: 'KubeMachine',
        metadata: { name: 'm1', namespace: 'clusters', uid: 'm', ...machine },
        spec: { clusterName: 'shop', role: 'control-plane', host: '10.0.0.1' },
      }),
    ],
  };
}

describe('what is asked for', () => {
  it('is the same however often its objects are written', () => {
    expect(wishOf(asked({ machine: { resourceVersion: '7' } }))).toBe(wishOf(asked()));
    expect(wishOf(asked({ annotations: { team: 'shop' } }))).toBe(wishOf(asked()));
  });

  it.each([
    ['another version', { version: '1.36.4' }],
    ['a machine that is deleted', { machine: { deletionTimestamp: '2026-11-23T12:00:00Z' } }],
    ['a machine that is given up', { machine: { annotations: { [forget]: 'm1' } } }],
    ['a Node that is given up', { annotations: { [forget]: 'w7' } }],
  ])('is another with %s', (_, change) => {
    expect(wishOf(asked(change))).not.toBe(wishOf(asked()));
  });
});

describe('machines that are given up', () => {
  it('are those whose name is written out, so that a copied annotation forgets nobody', () => {
    expect(forgottenIn(asked({ machine: { annotations: { [forget]: 'm1' } } }))).toEqual(['m1']);
    expect(forgottenIn(asked({ machine: { annotations: { [forget]: 'm2' } } }))).toEqual([]);
    expect(forgottenIn(asked({ machine: { annotations: { [forget]: 'true' } } }))).toEqual([]);
  });

  it('are the Nodes too that the cluster names', () => {
    expect(forgottenIn(asked({ annotations: { [forget]: 'w7, w8' } }))).toEqual(['w7', 'w8']);
  });
});
