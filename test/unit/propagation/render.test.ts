import { describe, expect, it } from 'vitest';
import { renderFor } from '../../../src/propagation/index.ts';
import { hub, member } from './builders.ts';

const m1 = member('m1', { alias: 'A' });

function rendered(federated: ReturnType<typeof hub>) {
  const result = renderFor({ federated, member: m1, members: [m1] });
  if (!result.ok) throw new Error(result.failure.message);
  return result;
}

describe('what a member shall hold', () => {
  it('has kind and apiVersion of the target, and name and namespace of the federated object', () => {
    const { object } = rendered(
      hub({ template: { metadata: { name: 'other', namespace: 'else' }, spec: {} } }),
    );
    expect(object).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop', labels: { 'kubefed.io/managed': 'true' } },
      spec: {},
    });
    expect(rendered(hub({ kind: 'FederatedConfigMap' })).object.apiVersion).toBe('v1');
  });

  it('keeps an apiVersion that the template names', () => {
    expect(rendered(hub({ template: { apiVersion: 'apps/v1beta2' } })).object.apiVersion).toBe(
      'apps/v1beta2',
    );
  });

  it('has no namespace if the kind has none', () => {
    const { object } = rendered(hub({ kind: 'FederatedNamespace', name: 'shop' }));
    expect(object.metadata).not.toHaveProperty('namespace');
  });

  it('keeps labels and annotations of the template; the managed label is forced', () => {
    const metadata = { labels: { a: 'b', 'kubefed.io/managed': 'false' }, annotations: { c: 'd' } };
    expect(rendered(hub({ template: { metadata } })).object.metadata).toEqual({
      name: 'web',
      namespace: 'shop',
      labels: { a: 'b', 'kubefed.io/managed': 'true' },
      annotations: { c: 'd' },
    });
  });

  it('is free of what only a server sets, and of the status', () => {
    const { object, warnings } = rendered(
      hub({
        template: {
          metadata: {
            uid: 'u',
            resourceVersion: '7',
            generation: 3,
            creationTimestamp: null,
            deletionTimestamp: '2024-01-01T00:00:00Z',
            deletionGracePeriodSeconds: 30,
            managedFields: [],
            selfLink: '/x',
            generateName: 'web-',
          },
          status: { readyReplicas: 1 },
        },
      }),
    );
    expect(Object.keys(object.metadata).sort()).toEqual(['labels', 'name', 'namespace']);
    expect(object).not.toHaveProperty('status');
    expect(warnings).toEqual([]);
  });

  it('leaves out finalizers and owners, and says so', () => {
    const metadata = { finalizers: ['x/y'], ownerReferences: [{ name: 'o' }] };
    const { object, warnings } = rendered(hub({ template: { metadata } }));
    expect(object.metadata).not.toHaveProperty('finalizers');
    expect(object.metadata).not.toHaveProperty('ownerReferences');
    expect(warnings).toEqual([
      expect.stringMatching(/^spec\.template\.metadata\.finalizers /),
      expect.stringMatching(/^spec\.template\.metadata\.ownerReferences /),
    ]);
  });

  it('has the overrides, which can change an annotation but neither name nor managed label', () => {
    const value = {
      name: 'stolen',
      labels: { 'kubefed.io/managed': 'false', x: 'y' },
      annotations: { z: '1' },
    };
    const overrides = [{ clusterName: 'A', clusterOverrides: [{ path: '/metadata', value }] }];
    expect(rendered(hub({ overrides })).object.metadata).toEqual({
      name: 'web',
      namespace: 'shop',
      labels: { 'kubefed.io/managed': 'true', x: 'y' },
      annotations: { z: '1' },
    });
  });

  it('is the same for both shapes that say the same', () => {
    const today = hub({
      template: { spec: { replicas: 3 } },
      overrides: [{ clusterName: 'm1', clusterOverrides: [{ path: '/spec/replicas', value: 5 }] }],
    });
    const then = hub({
      shape: '2019',
      template: { spec: { replicas: 3 } },
      overrides: [{ clusterName: 'm1', clusterOverrides: [{ path: 'spec.replicas', value: 5 }] }],
    });
    expect(rendered(then).object).toEqual(rendered(today).object);
    expect(rendered(then).object).toMatchObject({ spec: { replicas: 5 } });
  });

  it('is not made from the template itself, which stays as it was', () => {
    const federated = hub({
      template: { metadata: { finalizers: ['x/y'], labels: { a: 'b' } }, spec: { replicas: 1 } },
      overrides: [{ clusterName: 'm1', clusterOverrides: [{ path: '/spec/replicas', value: 5 }] }],
    });
    const copy = structuredClone(federated);
    rendered(federated);
    expect(federated).toEqual(copy);
  });
});

describe('nothing can be made', () => {
  it('of a template of another kind', () => {
    const federated = { ...hub(), template: { kind: 'StatefulSet' } };
    expect(renderFor({ federated, member: m1, members: [m1] })).toMatchObject({
      ok: false,
      failure: { reason: 'ComputeResourceFailed', code: 'wrong-kind', field: 'spec.template.kind' },
    });
  });

  it('where an override fails, and the failure names its field', () => {
    const overrides = [{ clusterName: 'm1', clusterOverrides: [{ op: 'remove', path: '/spec/x/y' }] }];
    expect(renderFor({ federated: hub({ overrides }), member: m1, members: [m1] })).toMatchObject({
      ok: false,
      failure: {
        reason: 'ApplyOverridesFailed',
        code: 'missing-parent',
        field: 'spec.overrides[0].clusterOverrides[0].path',
      },
    });
  });

  it('where an override takes away the kind', () => {
    const overrides = [{ clusterName: 'm1', clusterOverrides: [{ path: '', value: { a: 1 } }] }];
    expect(renderFor({ federated: hub({ overrides }), member: m1, members: [m1] })).toMatchObject({
      ok: false,
      failure: { reason: 'ApplyOverridesFailed', code: 'no-kind' },
    });
  });
});
