import { describe, expect, it } from 'vitest';
import { type NodeObject, patchFor } from '../../../../src/provision/steps/set-node.ts';

const worker = { role: 'worker', labels: {}, taints: undefined } as const;
const node = (metadata: Partial<NodeObject['metadata']> = {}, taints?: NodeObject['spec']): NodeObject => ({
  metadata: { resourceVersion: '7', ...metadata },
  ...(taints && { spec: taints }),
});
const controlPlane = {
  'node-role.kubernetes.io/control-plane': '',
  'node.kubernetes.io/exclude-from-external-load-balancers': '',
};

describe('labels of a node', () => {
  it('are set, and only those that differ', () => {
    const patch = patchFor(node({ labels: { zone: 'a', other: 'x' } }), {
      ...worker,
      labels: { zone: 'a', disk: 'ssd' },
    });
    expect(patch).toMatchObject({ metadata: { resourceVersion: '7', labels: { disk: 'ssd' } } });
    expect(patch).not.toHaveProperty('metadata.labels.zone');
  });

  it('go when they leave the spec, and others’ stay', () => {
    const before = node({
      labels: { zone: 'a', other: 'x' },
      annotations: { 'provision.hansa.dev/labels': 'zone' },
    });
    expect(patchFor(before, worker)).toMatchObject({ metadata: { labels: { zone: null } } });
  });

  it('that are right already cost no write', () => {
    const before = node({ labels: { zone: 'a' }, annotations: { 'provision.hansa.dev/labels': 'zone' } });
    expect(patchFor(before, { ...worker, labels: { zone: 'a' } })).toBeUndefined();
    expect(patchFor(node(), worker)).toBeUndefined();
  });
});

describe('taints of a node', () => {
  const tainted = node(
    {},
    {
      taints: [
        { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' },
        { key: 'old', effect: 'NoSchedule' },
      ],
    },
  );

  it('are exactly those of the spec, beside Kubernetes’ own', () => {
    const taints = [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' as const }];
    expect(patchFor(tainted, { ...worker, taints })).toMatchObject({
      spec: {
        taints: [
          { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' },
          { key: 'gpu', value: 'yes', effect: 'NoSchedule' },
        ],
      },
    });
  });

  it('stay as they are where the spec says nothing', () => {
    expect(patchFor(tainted, worker)).toBeUndefined();
  });

  it('of a single machine go, so that it runs what its users give it', () => {
    const single = node(
      { labels: controlPlane },
      { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] },
    );
    expect(patchFor(single, { role: 'control-plane', labels: {}, taints: [] })).toMatchObject({
      spec: { taints: [] },
    });
  });
});

describe('a control plane', () => {
  const spec = { role: 'control-plane', labels: {}, taints: undefined } as const;

  it('whose machine was restarted before kubeadm marked it is marked', () => {
    expect(patchFor(node(), spec)).toMatchObject({
      metadata: { labels: controlPlane },
      spec: { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] },
    });
  });

  it('that somebody has opened for pods stays open', () => {
    expect(patchFor(node({ labels: controlPlane }), spec)).toBeUndefined();
  });
});
