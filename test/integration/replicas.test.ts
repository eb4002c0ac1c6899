import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { type Condition, looksAt, until } from '../support/look.ts';
import { federatedDeployment, startWorld, types, type World } from '../support/world.ts';

interface Preference {
  readonly spec: object;
  readonly status?: {
    readonly observedGeneration: number;
    readonly conditions: readonly Condition[];
    readonly clusters?: readonly {
      readonly name: string;
      readonly replicas: number;
      readonly because?: string;
    }[];
    readonly unplaced?: number;
  };
}

let world: World;
const { inMember, statusOf, edit } = looksAt(() => world);
const deploymentType = types['Deployment'] as ResourceType;

beforeAll(async () => {
  world = await startWorld({
    parts: 'full',
    members: [
      { name: 'm1', region: 'eu', alias: 'A' },
      { name: 'm2', region: 'us', alias: 'B' },
      { name: 'm3', region: 'eu' },
    ],
  });
});
afterAll(() => world?.down());

function preference(
  name: string,
  namespace: string,
  spec: { readonly totalReplicas: number; readonly [field: string]: unknown },
  apiVersion = 'scheduling.kubefed.io/v1alpha1',
): KubeObject {
  return {
    apiVersion,
    kind: 'ReplicaSchedulingPreference',
    metadata: { name, namespace },
    spec: { targetKind: 'FederatedDeployment', ...spec },
  };
}

/** Replicas asked for in each member, in order; undefined where there is no Deployment. */
async function replicasOf(name: string, namespace: string): Promise<unknown[]> {
  return Promise.all(
    world.members.map(
      async (member) => (await inMember(member.name, 'Deployment', name, namespace))?.spec['replicas'],
    ),
  );
}

async function expectReplicas(name: string, namespace: string, replicas: readonly (number | undefined)[]) {
  await until(async () => expect(await replicasOf(name, namespace)).toEqual(replicas), 30_000);
}

async function preferenceStatus(
  name: string,
  namespace: string,
  kind = 'ReplicaSchedulingPreference',
): Promise<NonNullable<Preference['status']>> {
  return until(async () => {
    const object = await world.get<Preference>(kind, name, namespace);
    expect(object?.status?.observedGeneration).toBe(object?.metadata.generation);
    expect(object?.status).toBeDefined();
    return (object as Preference).status as NonNullable<Preference['status']>;
  });
}

describe('a preference', () => {
  it('without clusters splits evenly, pods run, and a new total is spread too', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('even', namespace));
    await world.apply(preference('even', namespace, { totalReplicas: 6 }));
    await expectReplicas('even', namespace, [2, 2, 2]);
    await until(async () => {
      const { clusters } = await statusOf('FederatedDeployment', 'even', namespace);
      expect(clusters.map(({ readyReplicas }) => readyReplicas)).toEqual([2, 2, 2]);
    }, 40_000);
    const status = await preferenceStatus('even', namespace);
    expect(status.conditions).toEqual([
      expect.objectContaining({ type: 'Scheduled', status: 'True', reason: 'AllPlaced' }),
    ]);
    expect(status.clusters?.map(({ name, replicas }) => [name, replicas])).toEqual([
      ['m1', 2],
      ['m2', 2],
      ['m3', 2],
    ]);
    expect(status.clusters?.every(({ because }) => because)).toBe(true);
    await edit('ReplicaSchedulingPreference', 'even', namespace, { spec: { totalReplicas: 9 } });
    await expectReplicas('even', namespace, [3, 3, 3]);
  });

  it('with weights 2:1 gives twice as many, and none to who is not named', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('weighed', namespace));
    await world.apply(
      preference('weighed', namespace, {
        totalReplicas: 6,
        clusters: { m1: { weight: 2 }, m2: { weight: 1 } },
      }),
    );
    await until(async () => expect(await replicasOf('weighed', namespace)).toEqual([4, 2, 0]));
  });

  it('with minimums of 3 and 3 gives each its own', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('least', namespace));
    await world.apply(
      preference('least', namespace, {
        totalReplicas: 6,
        clusters: {
          m1: { minReplicas: 3, maxReplicas: 10, weight: 0 },
          m2: { minReplicas: 3, maxReplicas: 10, weight: 0 },
        },
      }),
    );
    await until(async () => expect(await replicasOf('least', namespace)).toEqual([3, 3, 0]));
  });

  it('that intersects with the selector reaches only clusters with the label', async () => {
    const namespace = await world.namespace();
    await world.apply(
      federatedDeployment('labelled', namespace, {
        placement: { clusterSelector: { matchLabels: { region: 'eu' } } },
      }),
    );
    await world.apply(
      preference('labelled', namespace, { totalReplicas: 4, intersectWithClusterSelector: true }),
    );
    await until(async () => expect(await replicasOf('labelled', namespace)).toEqual([2, undefined, 2]));
  });

  it('may name clusters by alias', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('aliased', namespace));
    await world.apply(
      preference('aliased', namespace, {
        totalReplicas: 9,
        clusters: { A: { weight: 1 }, B: { weight: 2 } },
      }),
    );
    await until(async () => expect(await replicasOf('aliased', namespace)).toEqual([3, 6, 0]));
  });

  it('of the older group schedules an object of the older group, in that group’s own words', async () => {
    const namespace = await world.namespace();
    const { spec } = federatedDeployment('older', namespace);
    await world.apply({
      apiVersion: 'types.federation.k8s.io/v1alpha1',
      kind: 'FederatedDeployment',
      metadata: { name: 'older', namespace },
      spec: {
        template: (spec as { template: unknown }).template,
        placement: { clusterNames: ['m1'] },
      },
    });
    await world.apply(
      preference(
        'older',
        namespace,
        { totalReplicas: 5, clusters: { m1: { weight: 0, minReplicas: 2 }, m2: { weight: 1 } } },
        'scheduling.federation.k8s.io/v1alpha1',
      ),
    );
    await expectReplicas('older', namespace, [2, 3, 0]);
    const object = await world.get<{ spec: Record<string, unknown> }>(
      '2019/FederatedDeployment',
      'older',
      namespace,
    );
    expect(object?.spec).toMatchObject({
      placement: { clusterNames: ['m1', 'm2', 'm3'] },
      overrides: [
        { clusterName: 'm1', clusterOverrides: [{ path: 'spec.replicas', value: 2 }] },
        { clusterName: 'm2', clusterOverrides: [{ path: 'spec.replicas', value: 3 }] },
        { clusterName: 'm3', clusterOverrides: [{ path: 'spec.replicas', value: 0 }] },
      ],
    });
  });

  it('that may not rebalance leaves running replicas where they are', async () => {
    const namespace = await world.namespace();
    const clusters = { m1: { weight: 1 } };
    await world.apply(federatedDeployment('settled', namespace));
    await world.apply(preference('settled', namespace, { totalReplicas: 4, clusters }));
    await expectReplicas('settled', namespace, [4, 0, 0]);
    await until(async () => {
      const { clusters: seen } = await statusOf('FederatedDeployment', 'settled', namespace);
      expect(seen[0]?.readyReplicas).toBe(4);
    }, 40_000);
    await edit('ReplicaSchedulingPreference', 'settled', namespace, {
      spec: { totalReplicas: 6, clusters: { m1: { weight: 1 }, m2: { weight: 1 } } },
    });
    await expectReplicas('settled', namespace, [4, 2, 0]);
    await edit('ReplicaSchedulingPreference', 'settled', namespace, { spec: { rebalance: true } });
    await expectReplicas('settled', namespace, [3, 3, 0]);
  });
});

describe('what the user wrote', () => {
  it('of placement and overrides is back when the preference goes', async () => {
    const namespace = await world.namespace();
    const placement = { clusters: [{ name: 'm1' }, { name: 'm2' }] };
    const overrides = [
      { clusterName: 'm1', clusterOverrides: [{ path: '/spec/replicas', value: 7 }] },
      {
        clusterName: 'm2',
        clusterOverrides: [{ op: 'add', path: '/metadata/annotations', value: { by: 'user' } }],
      },
    ];
    await world.apply(federatedDeployment('lent', namespace, { replicas: 2, placement, overrides }));
    await expectReplicas('lent', namespace, [7, 2, undefined]);
    await world.apply(preference('lent', namespace, { totalReplicas: 3, rebalance: true }));
    await expectReplicas('lent', namespace, [1, 1, 1]);
    await world.remove('ReplicaSchedulingPreference', 'lent', namespace);
    await expectReplicas('lent', namespace, [7, 2, undefined]);
    const object = await world.get<{ spec: object }>('FederatedDeployment', 'lent', namespace);
    expect(object?.spec).toMatchObject({ placement, overrides });
    expect(object?.metadata.annotations ?? {}).not.toHaveProperty('hansa.dev/scheduled');
  });

  it('in the template reaches the members, and its replicas do not', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('edited', namespace, { replicas: 1 }));
    await world.apply(preference('edited', namespace, { totalReplicas: 6 }));
    await expectReplicas('edited', namespace, [2, 2, 2]);
    await edit('FederatedDeployment', 'edited', namespace, {
      spec: { template: { metadata: { labels: { round: '2' } }, spec: { replicas: 50 } } },
    });
    await until(async () => {
      for (const { name } of world.members)
        expect((await inMember(name, 'Deployment', 'edited', namespace))?.metadata.labels).toMatchObject({
          round: '2',
        });
    });
    await world.settled();
    expect(await replicasOf('edited', namespace)).toEqual([2, 2, 2]);
  });

  it('as an override of something else holds beside the replicas', async () => {
    const namespace = await world.namespace();
    const image = { path: '/spec/template/spec/containers/0/image', value: 'caddy' };
    await world.apply(
      federatedDeployment('both', namespace, {
        overrides: [{ clusterName: 'm2', clusterOverrides: [image] }],
      }),
    );
    await world.apply(preference('both', namespace, { totalReplicas: 6 }));
    await expectReplicas('both', namespace, [2, 2, 2]);
    const imageIn = async (member: string) => {
      const deployment = await inMember(member, 'Deployment', 'both', namespace);
      const template = deployment?.spec['template'] as
        | { readonly spec: { readonly containers: readonly { readonly image: string }[] } }
        | undefined;
      return template?.spec.containers[0]?.image;
    };
    expect(await imageIn('m2')).toBe('caddy');
    expect(await imageIn('m1')).toBe('nginx');
    await edit('ReplicaSchedulingPreference', 'both', namespace, { spec: { totalReplicas: 12 } });
    await expectReplicas('both', namespace, [4, 4, 4]);
    expect(await imageIn('m2')).toBe('caddy');
  });
});

describe('replicas that someone changes in a member', () => {
  it('are what the preference says again', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('drifted', namespace));
    await world.apply(preference('drifted', namespace, { totalReplicas: 6 }));
    await expectReplicas('drifted', namespace, [2, 2, 2]);
    await world
      .member('m1')
      .client.patch(
        deploymentType,
        { name: 'drifted', namespace },
        { spec: { replicas: 5 } },
        { type: 'merge', fieldManager: 'someone' },
      );
    await until(async () =>
      expect((await inMember('m1', 'Deployment', 'drifted', namespace))?.spec['replicas']).toBe(2),
    );
    await world.settled();
    expect(await replicasOf('drifted', namespace)).toEqual([2, 2, 2]);
  });
});

describe('a preference that can’t be followed', () => {
  it('because it names an unknown cluster says in which field, and the rest is scheduled', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('typo', namespace));
    await world.apply(
      preference('typo', namespace, {
        totalReplicas: 4,
        clusters: { m1: { weight: 1 }, nowhere: { weight: 1 } },
      }),
    );
    await expectReplicas('typo', namespace, [4, 0, 0]);
    const { conditions } = await preferenceStatus('typo', namespace);
    expect(conditions[0]).toMatchObject({ type: 'Scheduled', status: 'False', reason: 'InvalidSpec' });
    expect(conditions[0]?.message).toContain('spec.clusters.nowhere');
  });

  it('because of its kind is refused at once, or says which kind to use', async () => {
    const namespace = await world.namespace();
    const withKind = (targetKind: string) => preference('kind', namespace, { totalReplicas: 4, targetKind });
    await expect(world.apply(withKind('FederatedConfigMap'))).rejects.toThrow(
      'spec.targetKind: Unsupported value',
    );
    // A kind that KubeFed's preferences know, and that nobody propagates here.
    await world.apply(withKind('FederatedReplicaSet'));
    const { conditions } = await preferenceStatus('kind', namespace);
    expect(conditions[0]).toMatchObject({ status: 'False', reason: 'TargetKindNotServed' });
    expect(conditions[0]?.message).toContain('spec.targetKind');
    expect(conditions[0]?.message).toContain('FederatedDeployment');
  });

  it('because its target is missing says so, and goes to work when that comes', async () => {
    const namespace = await world.namespace();
    await world.apply(preference('late', namespace, { totalReplicas: 3 }));
    await until(async () => {
      const { conditions } = await preferenceStatus('late', namespace);
      expect(conditions[0]).toMatchObject({ status: 'False', reason: 'TargetNotFound' });
      expect(conditions[0]?.message).toContain('create it');
    });
    await world.apply(federatedDeployment('late', namespace));
    await expectReplicas('late', namespace, [1, 1, 1]);
    await until(async () => {
      const { conditions } = await preferenceStatus('late', namespace);
      expect(conditions[0]).toMatchObject({ status: 'True', reason: 'AllPlaced' });
    });
  });
});

describe('a member that is lost', () => {
  it('has its replicas re-planned on the others, and gets them again when it returns', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('moving', namespace));
    await world.apply(preference('moving', namespace, { totalReplicas: 9, rebalance: true }));
    await expectReplicas('moving', namespace, [3, 3, 3]);
    await world.member('m3').killApiServer();
    const healthy = async (name: string) =>
      Number((await inMember(name, 'Deployment', 'moving', namespace))?.spec['replicas']);
    await until(async () => expect((await healthy('m1')) + (await healthy('m2'))).toBe(9), 40_000);
    expect(Math.abs((await healthy('m1')) - (await healthy('m2')))).toBe(1);
    await until(async () => {
      const { clusters } = await preferenceStatus('moving', namespace);
      expect(clusters?.map(({ name }) => name)).toEqual(['m1', 'm2']);
    });
    await world.member('m3').startApiServer();
    await expectReplicas('moving', namespace, [3, 3, 3]);
    await world.settled();
    expect(await replicasOf('moving', namespace)).toEqual([3, 3, 3]);
  });
});
