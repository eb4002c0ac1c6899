import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../src/kube/index.ts';
import { lostSelector, renderRevision } from '../../../../src/rollout/plan/side-by-side/index.ts';

const rollout = { name: 'web', namespace: 'shop' };
const render = (...objects: object[]) => renderRevision(objects as KubeObject[], '3f2a9c01', rollout);

const deployment = (name: string, podSpec: object = {}, spec: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: name } },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'main', image: 'web:1' }], ...podSpec },
    },
    ...spec,
  },
});
const object = (apiVersion: string, kind: string, name: string, rest: object = {}) => ({
  apiVersion,
  kind,
  metadata: { name },
  ...rest,
});
const configMap = (name: string) => object('v1', 'ConfigMap', name, { data: { a: 'b' } });
const secret = (name: string) => object('v1', 'Secret', name, { data: { a: 'Yg==' } });

const ours = { 'rollout.hansa.dev/rollout': 'web', 'rollout.hansa.dev/revision': '3f2a9c01' };

describe('a Deployment of one revision', () => {
  it('has the revision in its name, its selector and its pods, and no replicas of its own', () => {
    const [workload] = render(deployment('web')).workloads;
    expect(workload).toMatchObject({ kind: 'Deployment', name: 'web', replicas: 4, autoscaler: undefined });
    expect(workload?.object).toMatchObject({
      metadata: { name: 'web-3f2a9c01', namespace: 'shop', labels: { app: 'web', ...ours } },
      spec: {
        selector: { matchLabels: { app: 'web', ...ours } },
        template: { metadata: { labels: { app: 'web', ...ours } } },
      },
    });
    expect(workload?.object['spec']).not.toHaveProperty('replicas');
    expect(workload?.podLabels).toEqual({ app: 'web', ...ours });
  });

  it('counts for one replica where the manifests say nothing', () => {
    expect(render(deployment('web', {}, { replicas: undefined })).workloads[0]?.replicas).toBe(1);
  });

  it('comes by name, so that each revision has the same first one', () => {
    const { workloads } = render(deployment('worker'), deployment('api'), {
      ...deployment('web'),
      kind: 'ReplicaSet',
    });
    expect(workloads.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'Deployment api',
      'ReplicaSet web',
      'Deployment worker',
    ]);
  });

  it('carries a hash of what was wanted, which changes with it', () => {
    const stamp = (image: string) =>
      render(deployment('web', { containers: [{ name: 'main', image }] })).workloads[0]?.object.metadata
        .annotations?.['rollout.hansa.dev/content'];
    expect(stamp('web:1')).toMatch(/^[0-9a-f]{8}$/);
    expect(stamp('web:1')).toBe(stamp('web:1'));
    expect(stamp('web:1')).not.toBe(stamp('web:2'));
  });
});

describe('ConfigMaps and Secrets that the pods use', () => {
  const uses = (podSpec: object, ...configs: object[]) => {
    const { versioned, shared, workloads } = render(deployment('web', podSpec), ...configs);
    const { template } = (workloads[0]?.object['spec'] ?? {}) as {
      template: { spec: Record<string, unknown> };
    };
    return {
      versioned: versioned.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      shared: shared.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      podSpec: template.spec,
    };
  };
  const container = (rest: object) => ({ name: 'main', image: 'web:1', ...rest });

  it.each([
    [
      'a volume',
      { volumes: [{ name: 'v', configMap: { name: 'settings', optional: true } }] },
      { volumes: [{ name: 'v', configMap: { name: 'settings-3f2a9c01', optional: true } }] },
    ],
    [
      'a volume of a Secret',
      { volumes: [{ name: 'v', secret: { secretName: 'keys' } }] },
      { volumes: [{ name: 'v', secret: { secretName: 'keys-3f2a9c01' } }] },
    ],
    [
      'a projected volume',
      {
        volumes: [
          {
            name: 'v',
            projected: {
              defaultMode: 420,
              sources: [
                { configMap: { name: 'settings', items: [{ key: 'a', path: 'a' }] } },
                { secret: { name: 'keys' } },
                { serviceAccountToken: { path: 'token' } },
              ],
            },
          },
        ],
      },
      {
        volumes: [
          {
            name: 'v',
            projected: {
              defaultMode: 420,
              sources: [
                { configMap: { name: 'settings-3f2a9c01', items: [{ key: 'a', path: 'a' }] } },
                { secret: { name: 'keys-3f2a9c01' } },
                { serviceAccountToken: { path: 'token' } },
              ],
            },
          },
        ],
      },
    ],
    [
      'envFrom',
      {
        containers: [
          container({
            envFrom: [{ prefix: 'P_', configMapRef: { name: 'settings' } }, { secretRef: { name: 'keys' } }],
          }),
        ],
      },
      {
        containers: [
          container({
            envFrom: [
              { prefix: 'P_', configMapRef: { name: 'settings-3f2a9c01' } },
              { secretRef: { name: 'keys-3f2a9c01' } },
            ],
          }),
        ],
      },
    ],
    [
      'a variable of an init container',
      {
        initContainers: [
          container({
            env: [
              { name: 'A', value: 'settings' },
              { name: 'B', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } },
              { name: 'C', valueFrom: { secretKeyRef: { name: 'keys', key: 'a' } } },
              { name: 'D', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            ],
          }),
        ],
      },
      {
        initContainers: [
          container({
            env: [
              { name: 'A', value: 'settings' },
              { name: 'B', valueFrom: { configMapKeyRef: { name: 'settings-3f2a9c01', key: 'a' } } },
              { name: 'C', valueFrom: { secretKeyRef: { name: 'keys-3f2a9c01', key: 'a' } } },
              { name: 'D', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            ],
          }),
        ],
      },
    ],
    [
      'a pull secret',
      { imagePullSecrets: [{ name: 'keys' }, { name: 'elsewhere' }] },
      { imagePullSecrets: [{ name: 'keys-3f2a9c01' }, { name: 'elsewhere' }] },
    ],
    [
      'a volume driver',
      { volumes: [{ name: 'v', csi: { driver: 'd', nodePublishSecretRef: { name: 'keys' } } }] },
      { volumes: [{ name: 'v', csi: { driver: 'd', nodePublishSecretRef: { name: 'keys-3f2a9c01' } } }] },
    ],
  ])('get copies of their own, named in %s', (_, before, after) => {
    expect(uses(before, configMap('settings'), secret('keys')).podSpec).toMatchObject(after);
  });

  it('are copies only: the plain names are not made, and what is not used is shared', () => {
    const found = uses(
      { volumes: [{ name: 'v', configMap: { name: 'settings' } }] },
      configMap('settings'),
      configMap('unused'),
      secret('keys'),
    );
    expect(found.versioned).toEqual(['ConfigMap settings-3f2a9c01']);
    expect(found.shared).toEqual(['Secret keys', 'ConfigMap unused']);
  });

  it('stay under their plain name too where something else means them', () => {
    const ingress = object('networking.k8s.io/v1', 'Ingress', 'web', {
      spec: { tls: [{ hosts: ['a.example'], secretName: 'keys' }] },
    });
    const found = uses({ volumes: [{ name: 'v', secret: { secretName: 'keys' } }] }, secret('keys'), ingress);
    expect(found.versioned).toEqual(['Secret keys-3f2a9c01']);
    expect(found.shared).toEqual(['Secret keys', 'Ingress web']);
  });

  it('have data only, as a server gives them back', () => {
    const { shared } = render(deployment('web'), {
      ...secret('keys'),
      stringData: { b: 'words' },
    });
    expect(shared[0]).toMatchObject({ data: { a: 'Yg==', b: 'd29yZHM=' } });
    expect(shared[0]).not.toHaveProperty('stringData');
  });
});

describe('everything else', () => {
  it('is shared, without the revision, and what others need comes first', () => {
    const { shared } = render(
      object('v1', 'Service', 'web', { spec: { selector: { app: 'web' } } }),
      object('policy/v1', 'PodDisruptionBudget', 'web', {
        spec: { selector: { matchLabels: { app: 'web' } } },
      }),
      object('v1', 'ServiceAccount', 'web'),
      deployment('web'),
      object('v1', 'Namespace', 'shop'),
    );
    expect(shared.map(({ kind }) => kind)).toEqual([
      'Namespace',
      'ServiceAccount',
      'Service',
      'PodDisruptionBudget',
    ]);
    expect(shared[2]).toMatchObject({
      metadata: { name: 'web', namespace: 'shop', labels: { 'rollout.hansa.dev/rollout': 'web' } },
      spec: { selector: { app: 'web' } },
    });
    expect(shared[2]?.metadata.labels).not.toHaveProperty(['rollout.hansa.dev/revision']);
    // A budget with the plain labels covers the pods of both revisions.
    expect(shared[3]).toMatchObject({ spec: { selector: { matchLabels: { app: 'web' } } } });
    expect(shared[0]?.metadata.namespace).toBeUndefined();
  });

  it('does not keep what only servers write', () => {
    const { shared } = render(deployment('web'), {
      ...object('v1', 'Service', 'web'),
      metadata: { name: 'web', uid: 'u', resourceVersion: '7', managedFields: [], creationTimestamp: 'now' },
      status: { loadBalancer: {} },
    });
    expect(Object.keys(shared[0]?.metadata ?? {}).sort()).toEqual([
      'annotations',
      'labels',
      'name',
      'namespace',
    ]);
    expect(shared[0]).not.toHaveProperty('status');
  });
});

describe('an autoscaler', () => {
  const scaler = (kind: string, apiVersion: string, spec: object) =>
    object(apiVersion, kind, 'web', { spec });

  it('goes with its workload', () => {
    const { workloads, shared } = render(
      deployment('web'),
      scaler('HorizontalPodAutoscaler', 'autoscaling/v2', {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        minReplicas: 2,
        maxReplicas: 8,
      }),
    );
    expect(shared).toEqual([]);
    expect(workloads[0]?.autoscaler).toMatchObject({
      metadata: { name: 'web-3f2a9c01', labels: ours },
      spec: { scaleTargetRef: { name: 'web-3f2a9c01' }, minReplicas: 2, maxReplicas: 8 },
    });
  });

  it.each([
    ['ScaledObject', 'keda.sh/v1alpha1', { scaleTargetRef: { name: 'web' } }],
    ['VerticalPodAutoscaler', 'autoscaling.k8s.io/v1', { targetRef: { kind: 'Deployment', name: 'web' } }],
  ])('is refused if it is a %s, which would lose its workload', (kind, apiVersion, spec) => {
    expect(() => render(deployment('web'), scaler(kind, apiVersion, spec))).toThrow(
      `${kind} web is about Deployment web, whose name differs with each revision`,
    );
  });
});

describe('what cannot stand side by side', () => {
  it.each([
    [
      'a StatefulSet',
      [deployment('web'), object('apps/v1', 'StatefulSet', 'db')],
      "StatefulSet db can't stand side by side: set spec.mode to InPlace",
    ],
    ['a DaemonSet', [deployment('web'), object('apps/v1', 'DaemonSet', 'agent')], 'InPlace'],
    ['no workload at all', [configMap('settings')], 'there is no Deployment or ReplicaSet'],
    [
      'the same object twice',
      [deployment('web'), configMap('a'), configMap('a')],
      'ConfigMap a stands there twice',
    ],
    [
      'an object of another namespace',
      [deployment('web'), { ...configMap('a'), metadata: { name: 'a', namespace: 'other' } }],
      'writes to its own namespace shop only',
    ],
    ['another namespace', [deployment('web'), object('v1', 'Namespace', 'other')], 'Namespace other'],
    [
      'no name',
      [deployment('web'), { ...configMap('a'), metadata: { generateName: 'a-' } }],
      'give it a metadata.name',
    ],
  ])('is refused by name: %s', (_, objects, words) => {
    expect(() => render(...objects)).toThrow(words);
  });
});

describe('a Service whose new selector leaves the old pods out', () => {
  const service = (selector: object) => object('v1', 'Service', 'web', { spec: { selector } });
  const revision = (selector: object, labels: object = {}) =>
    render(
      deployment(
        'web',
        {},
        { template: { metadata: { labels: { app: 'web', ...labels } }, spec: { containers: [] } } },
      ),
      service(selector),
    );

  it('is told, since it is switched before the new pods are there', () => {
    const old = revision({ app: 'web' });
    expect(lostSelector(revision({ app: 'web', v: '2' }, { v: '2' }), old)).toContain(
      'Service web no longer selects the pods of the old Deployment web',
    );
    expect(lostSelector(revision({ app: 'web' }, { v: '2' }), old)).toBeUndefined();
  });
});
