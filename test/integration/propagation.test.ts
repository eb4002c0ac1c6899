import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../src/kube/index.ts';
import {
  federatedConfigMap,
  federatedDeployment,
  find,
  startWorld,
  types,
  type World,
} from '../support/world.ts';

interface Status {
  readonly status: {
    readonly observedGeneration: number;
    readonly conditions: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly clusters: readonly { name: string; status?: string; message?: string; version?: string }[];
    readonly summary: { text: string };
  };
}

let world: World;

beforeAll(async () => {
  world = await startWorld({
    members: [
      { name: 'cluster1', region: 'eu', alias: 'A' },
      { name: 'cluster2', region: 'us', alias: 'B' },
    ],
  });
});
afterAll(() => world?.down());

const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 15_000, interval: 25 });

function inMember(member: string, kind: string, name: string, namespace?: string) {
  return find<{ spec: Record<string, unknown>; data: Record<string, string> }>(
    world.member(member).client,
    types[kind] as never,
    { name, namespace },
  );
}

/** The status, once it speaks of the latest generation. */
async function statusOf(kind: string, name: string, namespace: string): Promise<Status['status']> {
  return until(async () => {
    const object = await world.get<Status>(kind, name, namespace);
    expect(object?.status?.observedGeneration).toBe(object?.metadata.generation);
    return (object as Status).status;
  });
}

function edit(kind: string, name: string, namespace: string, spec: object) {
  return world.host.client.patch(types[kind] as never, { name, namespace }, { spec } as never, {
    type: 'merge',
  });
}

describe('the two documents that guides teach', () => {
  it('are spread as they say: 3 + 5 by override, 3 + 6 by weight, aliases included', async () => {
    const { readFile } = await import('node:fs/promises');
    for (const file of ['00-namespaces', '01-guide-of-2019', '02-guide-of-2019-replicas']) {
      const text = await readFile(new URL(`../../examples/quickstart/${file}.yaml`, import.meta.url), 'utf8');
      await world.apply(text);
    }
    await until(async () => {
      for (const [namespace, first, second] of [
        ['test-namespace', 3, 5],
        ['test-ns', 3, 6],
      ] as const) {
        expect(
          (await inMember('cluster1', 'Deployment', 'test-deployment', namespace))?.spec['replicas'],
        ).toBe(first);
        expect(
          (await inMember('cluster2', 'Deployment', 'test-deployment', namespace))?.spec['replicas'],
        ).toBe(second);
      }
    });
    const status = await statusOf('2019/FederatedDeployment', 'test-deployment', 'test-namespace');
    await until(async () =>
      expect(
        (await statusOf('2019/FederatedDeployment', 'test-deployment', 'test-namespace')).summary.text,
      ).toBe('2/2'),
    );
    expect(status.clusters.map(({ name }) => name)).toEqual(['cluster1', 'cluster2']);
  });
});

const targets: readonly [string, string, object, object][] = [
  ['FederatedConfigMap', 'ConfigMap', { data: { a: '1' } }, { data: { a: '1' } }],
  [
    'FederatedSecret',
    'Secret',
    { stringData: { a: '1' }, type: 'Opaque' },
    { data: { a: 'MQ==' }, type: 'Opaque' },
  ],
  [
    'FederatedService',
    'Service',
    { spec: { ports: [{ port: 80 }], selector: { app: 'x' } } },
    { spec: { ports: [{ port: 80 }], selector: { app: 'x' } } },
  ],
  [
    'FederatedDeployment',
    'Deployment',
    {
      spec: {
        selector: { matchLabels: { app: 'x' } },
        template: {
          metadata: { labels: { app: 'x' } },
          spec: { containers: [{ name: 'x', image: 'nginx' }] },
        },
      },
    },
    { spec: { replicas: 1 } },
  ],
];

describe.each(targets)('the life of a %s', (kind, targetKind, template, expected) => {
  it('creates, overrides, changes, withdraws and deletes, with a status that says so', async () => {
    const namespace = await world.namespace();
    const overrideOf = (value: string) => [
      {
        clusterName: 'cluster2',
        clusterOverrides: [{ op: 'add', path: '/metadata/annotations', value: { where: value } }],
      },
    ];
    await world.apply({
      apiVersion: 'types.kubefed.io/v1beta1',
      kind,
      metadata: { name: 'x', namespace },
      spec: {
        template: { metadata: { labels: { own: 'label' } }, ...template },
        placement: { clusters: [{ name: 'cluster1' }, { name: 'cluster2' }] },
        overrides: overrideOf('us'),
      },
    });
    await until(async () =>
      expect((await statusOf(kind, 'x', namespace)).conditions[0]).toMatchObject({
        type: 'Propagation',
        status: 'True',
      }),
    );
    const [first, second] = [
      await inMember('cluster1', targetKind, 'x', namespace),
      await inMember('cluster2', targetKind, 'x', namespace),
    ];
    expect(first).toMatchObject(expected);
    expect(first?.metadata.labels).toEqual({ own: 'label', 'kubefed.io/managed': 'true' });
    expect(first?.metadata.annotations?.['where']).toBeUndefined();
    expect(second?.metadata.annotations?.['where']).toBe('us');
    expect((await world.get(kind, 'x', namespace))?.metadata.finalizers).toEqual([
      'kubefed.io/sync-controller',
    ]);

    await edit(kind, 'x', namespace, { overrides: overrideOf('changed') });
    await until(async () =>
      expect((await inMember('cluster2', targetKind, 'x', namespace))?.metadata.annotations?.['where']).toBe(
        'changed',
      ),
    );

    await edit(kind, 'x', namespace, { placement: { clusters: [{ name: 'cluster1' }] } });
    await until(async () => expect(await inMember('cluster2', targetKind, 'x', namespace)).toBeUndefined());
    await until(async () =>
      expect((await statusOf(kind, 'x', namespace)).clusters.map(({ name }) => name)).toEqual(['cluster1']),
    );

    await world.remove(kind, 'x', namespace);
    await until(async () => expect(await world.get(kind, 'x', namespace)).toBeUndefined());
    expect(await inMember('cluster1', targetKind, 'x', namespace)).toBeUndefined();
  });
});

describe('fields of others', () => {
  it('stay: a label, an annotation and the cluster IP that the member gave', async () => {
    const namespace = await world.namespace();
    await world.apply({
      apiVersion: 'types.kubefed.io/v1beta1',
      kind: 'FederatedService',
      metadata: { name: 'web', namespace },
      spec: { template: { spec: { ports: [{ port: 80 }] } }, placement: { clusterSelector: {} } },
    });
    const before = await until(async () => {
      const service = await inMember('cluster1', 'Service', 'web', namespace);
      expect(service?.spec['clusterIP']).toBeTruthy();
      return service;
    });
    await world
      .member('cluster1')
      .client.patch(
        types['Service'] as never,
        { name: 'web', namespace },
        { metadata: { labels: { theirs: 'yes' }, annotations: { theirs: 'yes' } } },
        { type: 'merge', fieldManager: 'someone' },
      );
    await edit('FederatedService', 'web', namespace, { template: { spec: { ports: [{ port: 81 }] } } });
    await until(async () => {
      const service = await inMember('cluster1', 'Service', 'web', namespace);
      expect(service?.spec).toMatchObject({ clusterIP: before?.spec['clusterIP'], ports: [{ port: 81 }] });
      expect(service?.metadata.labels).toMatchObject({ theirs: 'yes', 'kubefed.io/managed': 'true' });
      expect(service?.metadata.annotations).toMatchObject({ theirs: 'yes' });
    });
  });

  it('replicas stay with the member when retainReplicas says so, and are Hansa’s when it does not', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('kept', namespace, { replicas: 2, retainReplicas: true }));
    await world.apply(federatedDeployment('ours', namespace, { replicas: 2 }));
    const { client } = world.member('cluster1');
    const scale = async (name: string) => {
      await until(async () =>
        expect((await inMember('cluster1', 'Deployment', name, namespace))?.spec['replicas']).toBe(2),
      );
      await client.patch(
        types['Deployment'] as never,
        { name, namespace },
        { spec: { replicas: 7 } },
        { type: 'merge', fieldManager: 'hpa', subresource: 'scale' },
      );
    };
    await scale('kept');
    await scale('ours');
    await until(async () =>
      expect((await inMember('cluster1', 'Deployment', 'ours', namespace))?.spec['replicas']).toBe(2),
    );
    await world.settled();
    expect((await inMember('cluster1', 'Deployment', 'kept', namespace))?.spec['replicas']).toBe(7);
    // An edit of the template goes through and leaves the replicas alone.
    await edit('FederatedDeployment', 'kept', namespace, {
      template: { metadata: { labels: { round: '2' } } },
    });
    await until(async () =>
      expect((await inMember('cluster1', 'Deployment', 'kept', namespace))?.metadata.labels).toMatchObject({
        round: '2',
      }),
    );
    expect((await inMember('cluster1', 'Deployment', 'kept', namespace))?.spec['replicas']).toBe(7);
    expect((await inMember('cluster2', 'Deployment', 'kept', namespace))?.spec['replicas']).toBe(2);
  });
});

describe('drift in a member', () => {
  it('is repaired, whether a field is changed, removed, relabelled or the object deleted', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('drift', namespace, { data: { a: '1', b: '2' } }));
    await until(async () =>
      expect((await statusOf('FederatedConfigMap', 'drift', namespace)).summary.text).toBe('2/2'),
    );
    const { client } = world.member('cluster1');
    const type = types['ConfigMap'] as never;
    const ref = { name: 'drift', namespace };
    const spoil: (() => Promise<unknown>)[] = [
      () => client.patch(type, ref, { data: { a: 'spoilt' } }, { type: 'merge' }),
      () => client.patch(type, ref, { data: { b: null } }, { type: 'merge' }),
      () =>
        client.patch(type, ref, { metadata: { labels: { 'kubefed.io/managed': null } } }, { type: 'merge' }),
      () => client.remove(type, ref),
    ];
    for (const act of spoil) {
      await act();
      await until(async () => {
        const object = await inMember('cluster1', 'ConfigMap', 'drift', namespace);
        expect(object?.data).toEqual({ a: '1', b: '2' });
        expect(object?.metadata.labels?.['kubefed.io/managed']).toBe('true');
      });
    }
  });
});

describe('objects that were there before', () => {
  it('are taken over, unless their label says hands off; that says so', async () => {
    const namespace = await world.namespace();
    await until(async () => expect(await inMember('cluster2', 'Namespace', namespace)).toBeDefined());
    const theirs = (name: string, labels: Record<string, string>): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels },
      data: { key: 'theirs', extra: 'theirs' },
    });
    const { client } = world.member('cluster1');
    const type = types['ConfigMap'] as never;
    await until(async () => expect(await inMember('cluster1', 'Namespace', namespace)).toBeDefined());
    await client.create(type, theirs('adopted', {}));
    await client.create(type, theirs('untouched', { 'kubefed.io/managed': 'false' }));
    await client.create(type, theirs('unselected', {}));
    await world.apply(federatedConfigMap('adopted', namespace));
    await world.apply(federatedConfigMap('untouched', namespace));
    await world.apply(
      federatedConfigMap('unselected', namespace, { placement: { clusters: [{ name: 'cluster2' }] } }),
    );
    await until(async () =>
      expect((await inMember('cluster1', 'ConfigMap', 'adopted', namespace))?.data).toEqual({
        key: 'value',
        extra: 'theirs',
      }),
    );
    await until(async () => {
      const { clusters } = await statusOf('FederatedConfigMap', 'untouched', namespace);
      expect(clusters[0]).toMatchObject({ name: 'cluster1', status: 'ManagedLabelFalse' });
      expect(clusters[0]?.message).toContain('remove the label');
      expect(clusters[1]).not.toHaveProperty('status');
    });
    expect((await inMember('cluster1', 'ConfigMap', 'untouched', namespace))?.data['key']).toBe('theirs');
    await world.remove('FederatedConfigMap', 'untouched', namespace);
    await until(async () =>
      expect(await inMember('cluster2', 'ConfigMap', 'unselected', namespace)).toBeDefined(),
    );
    expect(
      (await inMember('cluster1', 'ConfigMap', 'unselected', namespace))?.metadata.labels,
    ).toBeUndefined();
  });

  it('lose the label when it is on an object without a federated one', async () => {
    const namespace = await world.namespace();
    await until(async () => expect(await inMember('cluster1', 'Namespace', namespace)).toBeDefined());
    await world.member('cluster1').client.create(types['ConfigMap'] as never, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'stray', namespace, labels: { 'kubefed.io/managed': 'true' } },
      data: { still: 'here' },
    });
    await until(async () => {
      const stray = await inMember('cluster1', 'ConfigMap', 'stray', namespace);
      expect(stray?.metadata.labels).toBeUndefined();
      expect(stray?.data).toEqual({ still: 'here' });
    });
  });
});

describe('deletion', () => {
  it('leaves the objects behind, without the label, when the annotation asks for it', async () => {
    const namespace = await world.namespace();
    const object = federatedConfigMap('left', namespace);
    await world.apply({
      ...object,
      metadata: { ...object.metadata, annotations: { 'kubefed.io/orphan': 'true' } },
    });
    await until(async () => expect(await inMember('cluster1', 'ConfigMap', 'left', namespace)).toBeDefined());
    await until(async () => expect(await inMember('cluster2', 'ConfigMap', 'left', namespace)).toBeDefined());
    await world.remove('FederatedConfigMap', 'left', namespace);
    await until(async () => expect(await world.get('FederatedConfigMap', 'left', namespace)).toBeUndefined());
    for (const member of ['cluster1', 'cluster2']) {
      const left = await inMember(member, 'ConfigMap', 'left', namespace);
      expect(left?.data).toEqual({ key: 'value' });
      expect(left?.metadata.labels).toBeUndefined();
    }
  });

  it('waits for finalizers in members and says which member it waits for', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('held', namespace));
    await until(async () =>
      expect((await statusOf('FederatedConfigMap', 'held', namespace)).summary.text).toBe('2/2'),
    );
    const { client } = world.member('cluster2');
    const ref = { name: 'held', namespace };
    await client.patch(
      types['ConfigMap'] as never,
      ref,
      { metadata: { finalizers: ['example.com/hold'] } },
      { type: 'merge' },
    );
    await world.remove('FederatedConfigMap', 'held', namespace);
    await until(async () => {
      const { clusters, conditions } = await statusOf('FederatedConfigMap', 'held', namespace);
      expect(clusters).toEqual([expect.objectContaining({ name: 'cluster2', status: 'WaitingForRemoval' })]);
      expect(conditions[0]).toMatchObject({ reason: 'DeletionBlocked' });
    });
    await client.patch(
      types['ConfigMap'] as never,
      ref,
      { metadata: { finalizers: null } },
      { type: 'merge' },
    );
    await until(async () => expect(await world.get('FederatedConfigMap', 'held', namespace)).toBeUndefined());
  });
});

describe('what a user gets wrong', () => {
  it('an override that does not fit fails its own cluster alone, with the path', async () => {
    const namespace = await world.namespace();
    await world.apply(
      federatedConfigMap('bad-override', namespace, {
        overrides: [{ clusterName: 'B', clusterOverrides: [{ op: 'add', path: '/spec/nowhere', value: 1 }] }],
      }),
    );
    await until(async () => {
      const { clusters } = await statusOf('FederatedConfigMap', 'bad-override', namespace);
      expect(clusters[0]).not.toHaveProperty('status');
      expect(clusters[1]).toMatchObject({ name: 'cluster2', status: 'ApplyOverridesFailed' });
      expect(clusters[1]?.message).toContain('spec.overrides[0].clusterOverrides[0].path');
    });
    expect(await inMember('cluster2', 'ConfigMap', 'bad-override', namespace)).toBeUndefined();
  });

  it('an unknown cluster is named with its field, and the others get their object', async () => {
    const namespace = await world.namespace();
    await world.apply(
      federatedConfigMap('typo', namespace, {
        placement: { clusters: [{ name: 'cluster1' }, { name: 'clutser2' }] },
      }),
    );
    await until(async () => {
      const { clusters, conditions } = await statusOf('FederatedConfigMap', 'typo', namespace);
      expect(clusters[0]).toMatchObject({ name: 'cluster1' });
      expect(clusters[0]).not.toHaveProperty('status');
      expect(clusters[1]).toMatchObject({ name: 'clutser2', status: 'UnknownCluster' });
      expect(conditions[0]?.message).toContain('spec.placement.clusters[1].name');
    });
  });

  it('a template that a member refuses shows the refusal there', async () => {
    const namespace = await world.namespace();
    await world.apply(
      federatedConfigMap('refused', namespace, { template: { data: { 'not a key!': 'x' } } }),
    );
    await until(async () => {
      const { clusters } = await statusOf('FederatedConfigMap', 'refused', namespace);
      expect(clusters[0]).toMatchObject({ status: 'CreationFailed' });
      expect(clusters[0]?.message).toContain('not a key!');
    });
    await world.remove('FederatedConfigMap', 'refused', namespace);
  });

  it('an object in a namespace that is not federated goes nowhere and says what to create', async () => {
    await world.host.client.apply(
      types['Namespace'] as never,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lonely' } },
      { fieldManager: 'test' },
    );
    await world.apply(federatedConfigMap('x', 'lonely'));
    await until(async () => {
      const { conditions } = await statusOf('FederatedConfigMap', 'x', 'lonely');
      expect(conditions[0]).toMatchObject({ status: 'False', reason: 'NamespaceNotFederated' });
      expect(conditions[0]?.message).toContain('create a FederatedNamespace "lonely"');
    });
  });

  it('a cluster that the FederatedNamespace leaves out is told on the object', async () => {
    const namespace = await world.namespace();
    await edit('FederatedNamespace', namespace, namespace, {
      placement: { clusters: [{ name: 'cluster1' }], clusterSelector: null },
    });
    await world.apply(federatedConfigMap('cut', namespace));
    await until(async () => {
      const { clusters } = await statusOf('FederatedConfigMap', 'cut', namespace);
      expect(clusters).toEqual([
        expect.objectContaining({ name: 'cluster1' }),
        expect.objectContaining({ name: 'cluster2', status: 'ExcludedByFederatedNamespace' }),
      ]);
    });
  });
});

describe('a restart', () => {
  it('sends no write to any member while everything is in place', async () => {
    const namespace = await world.namespace();
    for (let i = 0; i < 20; i++)
      await world.apply(federatedDeployment(`web-${i}`, namespace, { replicas: 2 }));
    // Values that the server stores in another form must not look like drift.
    await world.apply(
      federatedDeployment('odd', namespace, {
        overrides: [
          {
            clusterName: 'cluster1',
            clusterOverrides: [
              {
                op: 'add',
                path: '/spec/template/spec/containers/0/resources',
                value: { requests: { cpu: '1000m' } },
              },
            ],
          },
        ],
      }),
    );
    await until(async () => {
      for (const name of ['odd', 'web-19'])
        expect((await statusOf('FederatedDeployment', name, namespace)).summary.text).toBe('2/2');
    });
    await world.settled();
    await world.hansa.stop();
    const hansa = await world.start();
    await world.settled();
    await until(() => expect(hansa.plane.propagation.sources.count()).toBeGreaterThan(20));
    await world.settled();
    expect(hansa.writesTo('members')).toBe(0);
  });
});
