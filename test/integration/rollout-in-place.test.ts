import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutStatus } from '../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { pinsAnnotation, revisionLabel } from '../../src/api/rollout.hansa.dev/v1alpha1/words.ts';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { startHttpStandIn } from '../support/http-stand-in.ts';
import { looksAt, until } from '../support/look.ts';
import {
  canaryFirst as waves,
  looksAtRollouts,
  oneByOne,
  rolloutOf as rollout,
} from '../support/rollout-looks.ts';
import { federatedConfigMap, federatedDeployment, startWorld, types, type World } from '../support/world.ts';

let world: World;
const { inMember, edit, statusOf } = looksAt(() => world);
const { find: rolloutOf, reaches, command } = looksAtRollouts(() => world);

beforeAll(async () => {
  world = await startWorld({
    parts: 'full',
    nodesPerMember: 2,
    members: [{ name: 'm1', labels: { canary: 'true' } }, { name: 'm2' }, { name: 'm3' }],
  });
});
afterAll(() => world?.down());

/** What each member has under a key of a ConfigMap. */
async function colours(name: string, namespace: string): Promise<readonly (string | undefined)[]> {
  return Promise.all(
    world.members.map(async (member) => {
      const found = (await inMember(member.name, 'ConfigMap', name, namespace)) as
        | (KubeObject & { data?: Record<string, string> })
        | undefined;
      return found?.data?.['colour'];
    }),
  );
}

async function hold(
  name: string,
  namespace: string,
  expected: readonly (string | undefined)[],
): Promise<void> {
  await until(async () => expect(await colours(name, namespace)).toEqual(expected));
}

function paint(name: string, namespace: string, colour: string): Promise<KubeObject> {
  return edit('FederatedConfigMap', name, namespace, { spec: { template: { data: { colour } } } });
}

function policy(name: string, namespace: string, spec: object): KubeObject {
  return {
    apiVersion: 'rollout.hansa.dev/v1alpha1',
    kind: 'RolloutPolicy',
    metadata: { name, namespace },
    spec,
  };
}

describe('a ConfigMap under a policy', () => {
  it('is rolled out wave by wave, and a gate that says no takes it back', async () => {
    let verdict = 200;
    await using checks = await startHttpStandIn(() => ({ code: verdict }));
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('settings', namespace, { data: { colour: 'blue' } }));
    await hold('settings', namespace, ['blue', 'blue', 'blue']);

    await world.apply(
      policy('careful', namespace, {
        appliesTo: { kinds: ['FederatedConfigMap'] },
        waves: [
          {
            ...waves[0],
            soak: '1s',
            gates: [{ name: 'check', webhook: { url: checks.url }, interval: '1s' }],
          },
          waves[1],
        ],
        failurePolicy: 'AbortAll',
      }),
    );
    // What is in place everywhere needs no rollout.
    const first = await reaches('federatedconfigmap-settings', namespace, 'Idle');
    expect(first.stableRevision).toBe(first.revision);
    expect(checks.asked).toHaveLength(0);

    await paint('settings', namespace, 'green');
    await hold('settings', namespace, ['green', 'blue', 'blue']);
    await hold('settings', namespace, ['green', 'green', 'green']);
    const done = await reaches('federatedconfigmap-settings', namespace, 'Completed');
    expect(done.stableRevision).not.toBe(first.revision);
    expect(checks.asked.length).toBeGreaterThan(0);

    verdict = 500;
    await paint('settings', namespace, 'red');
    await hold('settings', namespace, ['red', 'green', 'green']);
    await hold('settings', namespace, ['green', 'green', 'green']);
    const aborted = await reaches('federatedconfigmap-settings', namespace, 'Aborted');
    expect(aborted.abortedBecause).toContain('check');
    expect(aborted.stableRevision).toBe(done.revision);
    await world.settled();
    expect(await colours('settings', namespace)).toEqual(['green', 'green', 'green']);
  });
});

describe('a Rollout of a ConfigMap that is new', () => {
  it('comes to the first wave alone, and waits there for a person', async () => {
    const namespace = await world.namespace();
    await world.apply(
      rollout('new', namespace, {
        source: { federatedRef: { kind: 'FederatedConfigMap', name: 'new' } },
        steps: [{ name: 'all', capacity: { contender: 100 }, pause: { approval: true } }],
        waves,
      }),
    );
    await until(async () => {
      const { status } = (await rolloutOf('new', namespace)) ?? {};
      expect(status?.conditions).toContainEqual(
        expect.objectContaining({ type: 'Valid', status: 'False', reason: 'SourceNotFound' }),
      );
    });
    await world.apply(federatedConfigMap('new', namespace, { data: { colour: 'blue' } }));
    const waiting = await reaches('new', namespace, 'WaitingForApproval');
    expect(await colours('new', namespace)).toEqual(['blue', undefined, undefined]);
    const { clusters } = await statusOf('FederatedConfigMap', 'new', namespace);
    expect(clusters.find(({ name }) => name === 'm2')).toMatchObject({ status: 'WaitingForRollout' });

    const promotion = (at: string) => ({ revision: waiting.revision, at });
    await command('new', namespace, { promotions: [promotion('canary/all'), promotion('rest/all')] });
    await hold('new', namespace, ['blue', 'blue', 'blue']);
    await reaches('new', namespace, 'Completed');
  });

  it('is held by a RolloutBlock, by a pause and by an undo, as people say', async () => {
    const namespace = await world.namespace();
    await world.apply({
      apiVersion: 'shipper.booking.com/v1alpha1',
      kind: 'RolloutBlock',
      metadata: { name: 'freeze', namespace },
      spec: { message: 'end of the year', author: { type: 'user', name: 'jdoe' } },
    });
    await world.apply(federatedConfigMap('held', namespace, { data: { colour: 'blue' } }));
    await hold('held', namespace, ['blue', 'blue', 'blue']);
    await world.apply(
      rollout('held', namespace, {
        source: { federatedRef: { kind: 'FederatedConfigMap', name: 'held' } },
        waves,
      }),
    );
    const first = await reaches('held', namespace, 'Idle');
    await paint('held', namespace, 'green');
    const blocked = await reaches('held', namespace, 'Blocked');
    expect(blocked.summary).toContain('end of the year');
    expect(await colours('held', namespace)).toEqual(['blue', 'blue', 'blue']);

    await command('held', namespace, { paused: true });
    await world.remove('RolloutBlock', 'freeze', namespace);
    await reaches('held', namespace, 'Paused');
    expect(await colours('held', namespace)).toEqual(['blue', 'blue', 'blue']);

    await command('held', namespace, { paused: false });
    await reaches('held', namespace, 'Completed');
    await hold('held', namespace, ['green', 'green', 'green']);

    await command('held', namespace, { undoTo: first.revision });
    await hold('held', namespace, ['blue', 'blue', 'blue']);
    const undone = await reaches('held', namespace, 'Completed');
    expect(undone.stableRevision).toBe(first.revision);
    // The source is newer than the word as soon as somebody edits it.
    await paint('held', namespace, 'red');
    await hold('held', namespace, ['red', 'red', 'red']);
  });
});

describe('a member that is lost in the middle of a wave', () => {
  it('gets the revision when it is back, and is not waited for by the wave before', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('lost', namespace, { data: { colour: 'blue' } }));
    await hold('lost', namespace, ['blue', 'blue', 'blue']);
    await world.apply(
      rollout('lost', namespace, {
        source: { federatedRef: { kind: 'FederatedConfigMap', name: 'lost' } },
        waves,
      }),
    );
    await reaches('lost', namespace, 'Idle');
    await world.member('m2').killApiServer();
    await paint('lost', namespace, 'green');
    await until(async () => {
      const found = await inMember('m3', 'ConfigMap', 'lost', namespace);
      expect(found?.data).toEqual({ colour: 'green' });
    });
    await until(async () => {
      const { status } = (await rolloutOf('lost', namespace)) ?? {};
      expect(status?.phase).toBe('Progressing');
      expect(status?.clusters?.find(({ name }) => name === 'm2')).toMatchObject({
        reason: 'ClusterUnreachable',
      });
    });
    await world.member('m2').startApiServer();
    await until(
      async () => expect(await colours('lost', namespace)).toEqual(['green', 'green', 'green']),
      60_000,
    );
    await reaches('lost', namespace, 'Completed');
  });
});

describe('a controller that is stopped in the middle', () => {
  it('is followed by one that goes on, and one that finds nothing to do writes nothing', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('on', namespace, { data: { colour: 'blue' } }));
    await hold('on', namespace, ['blue', 'blue', 'blue']);
    await world.apply(
      rollout('on', namespace, {
        source: { federatedRef: { kind: 'FederatedConfigMap', name: 'on' } },
        waves: [{ ...waves[0], soak: '3s' }, waves[1]],
      }),
    );
    await reaches('on', namespace, 'Idle');
    await paint('on', namespace, 'green');
    await hold('on', namespace, ['green', 'blue', 'blue']);
    await world.hansa.stop();
    const { status } = (await rolloutOf('on', namespace)) ?? {};
    expect(status?.phase).toMatch(/Progressing|Soaking/);
    await world.start();
    expect(await colours('on', namespace)).toEqual(['green', 'blue', 'blue']);
    await hold('on', namespace, ['green', 'green', 'green']);
    await reaches('on', namespace, 'Completed');
    await world.settled();

    await world.hansa.stop();
    const before = await rolloutOf('on', namespace);
    await world.start();
    await world.settled();
    expect((await rolloutOf('on', namespace))?.metadata.resourceVersion).toBe(
      before?.metadata.resourceVersion,
    );
    expect(world.hansa.writesTo('members')).toBe(0);
  });
});

describe('the end of a Rollout', () => {
  it('lets the object go: the next change is everywhere at once', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('free', namespace, { data: { colour: 'blue' } }));
    await world.apply(policy('careful', namespace, { waves }));
    await edit('FederatedConfigMap', 'free', namespace, { spec: { rollout: { policy: 'careful' } } });
    await until(async () => {
      const { status } = (await rolloutOf('federatedconfigmap-free', namespace)) ?? {};
      expect(status?.stableRevision).toBeDefined();
    });
    const held = await until(async () => {
      const object = await world.get('FederatedConfigMap', 'free', namespace);
      expect(object?.metadata.annotations).toHaveProperty([pinsAnnotation]);
      return object;
    });
    expect(held).toBeDefined();
    await until(async () => {
      const found = await inMember('m1', 'ConfigMap', 'free', namespace);
      expect(found?.metadata.annotations).toHaveProperty([revisionLabel]);
    });

    await world.remove('RolloutPolicy', 'careful', namespace);
    await until(async () => expect(await rolloutOf('federatedconfigmap-free', namespace)).toBeUndefined());
    // It still names a policy, and one that is gone is no leave to go everywhere.
    await paint('free', namespace, 'green');
    await until(async () => {
      const { conditions } = await statusOf('FederatedConfigMap', 'free', namespace);
      expect(conditions[0]).toMatchObject({
        reason: 'WaitingForRollout',
        message: expect.stringContaining('no such RolloutPolicy'),
      });
    });
    expect(await colours('free', namespace)).toEqual(['blue', 'blue', 'blue']);
    await edit('FederatedConfigMap', 'free', namespace, { spec: { rollout: null } });
    await hold('free', namespace, ['green', 'green', 'green']);
    await until(async () => {
      const found = await inMember('m1', 'ConfigMap', 'free', namespace);
      expect(found?.metadata.annotations ?? {}).not.toHaveProperty([revisionLabel]);
    });
  });

  it('comes when a person writes one of their own, which goes before that of the policy', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('own', namespace, { data: { colour: 'blue' } }));
    await world.apply(policy('careful', namespace, { appliesTo: {}, waves }));
    await until(async () => {
      expect(await rolloutOf('federatedconfigmap-own', namespace)).toBeDefined();
    });
    await world.apply(
      rollout('mine', namespace, {
        source: { federatedRef: { kind: 'FederatedConfigMap', name: 'own' } },
        waves,
      }),
    );
    await until(async () => expect(await rolloutOf('federatedconfigmap-own', namespace)).toBeUndefined());
    await until(async () => {
      const { status } = (await rolloutOf('mine', namespace)) ?? {};
      expect(status?.phase).toMatch(/Idle|Completed/);
    });
    await hold('own', namespace, ['blue', 'blue', 'blue']);
    await paint('own', namespace, 'green');
    await hold('own', namespace, ['green', 'green', 'green']);
  });
});

describe('a FederatedDeployment in place', () => {
  it('changes cluster by cluster when its template does, and at once when it is scaled', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('web', namespace, { replicas: 2 }));
    await world.apply(
      rollout('web', namespace, {
        mode: 'InPlace',
        source: { federatedRef: { kind: 'FederatedDeployment', name: 'web' } },
        steps: [{ name: 'all', capacity: { contender: 100 }, pause: { approval: true } }],
        waves,
      }),
    );
    const first = await until(async () => {
      const { status } = (await rolloutOf('web', namespace)) ?? {};
      expect(status?.revision).toBeDefined();
      return status as RolloutStatus;
    });
    await command('web', namespace, { promotions: [{ revision: first.revision, at: 'full' }] });
    await until(async () => {
      const { status } = (await rolloutOf('web', namespace)) ?? {};
      expect(status?.stableRevision).toBe(first.revision);
    }, 60_000);

    const seen = async (member: string) => {
      const found = (await inMember(member, 'Deployment', 'web', namespace))?.spec as unknown as {
        replicas: number;
        template: { spec: { containers: { image: string }[] } };
      };
      return [found.template.spec.containers[0]?.image, found.replicas];
    };
    const template = (image: string, replicas: number) => ({
      spec: {
        template: {
          spec: { replicas, template: { spec: { containers: [{ name: 'main', image }] } } },
        },
      },
    });
    await edit('FederatedDeployment', 'web', namespace, template('nginx:2', 2));
    await reaches('web', namespace, 'WaitingForApproval');
    expect(await seen('m1')).toEqual(['nginx:2', 2]);
    expect(await seen('m2')).toEqual(['nginx', 2]);

    // Scaling waits for nobody, whatever revision a cluster has.
    await edit('FederatedDeployment', 'web', namespace, template('nginx:2', 3));
    await until(async () => expect(await seen('m2')).toEqual(['nginx', 3]));
    expect(await seen('m1')).toEqual(['nginx:2', 3]);
    const status = (await rolloutOf('web', namespace))?.status;
    expect(status?.phase).toMatch(/WaitingForApproval|Progressing/);

    await command('web', namespace, { promotions: [{ revision: status?.revision, at: 'full' }] });
    await until(async () => expect(await seen('m3')).toEqual(['nginx:2', 3]));
    await reaches('web', namespace, 'Completed');
  });
});

interface SetSeen extends KubeObject {
  readonly spec: { readonly updateStrategy: { readonly rollingUpdate?: { readonly partition?: number } } };
  readonly status: { readonly updatedReplicas?: number; readonly readyReplicas?: number };
}

describe('a StatefulSet', () => {
  const objects = (image: string, namespace: string, extra: readonly object[] = []) => [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'db' }, data: { image } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace },
      spec: {
        replicas: 4,
        serviceName: 'db',
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: { app: 'db' } },
        template: {
          metadata: { labels: { app: 'db' } },
          spec: { containers: [{ name: 'main', image }], terminationGracePeriodSeconds: 1 },
        },
      },
    },
    ...extra,
  ];
  const steps = [
    { name: 'one', capacity: { contender: 25 }, pause: { approval: true } },
    { name: 'all', capacity: { contender: 100 } },
  ];

  async function images(member: string, namespace: string): Promise<readonly string[]> {
    const pods: string[] = [];
    for await (const page of world
      .member(member)
      .client.list(types['Pod'] as ResourceType, { namespace, labelSelector: 'app=db' })) {
      for (const pod of page.items) {
        const { containers } = pod['spec'] as { containers: { image: string }[] };
        pods.push(`${pod.metadata.name}=${containers[0]?.image}`);
      }
    }
    return pods.toSorted();
  }

  async function applyRollout(namespace: string, manifests: readonly object[]): Promise<void> {
    await world.apply(
      rollout('db', namespace, {
        mode: 'InPlace',
        source: { manifests },
        placement: { clusters: [{ name: 'm1' }, { name: 'm2' }] },
        steps,
        waves: oneByOne,
      }),
    );
  }

  it('of manifests goes by its partition, forward and back, and leaves nothing that the new revision lacks', async () => {
    const namespace = await world.namespace();
    await until(async () => expect(await inMember('m2', 'Namespace', namespace)).toBeDefined());
    const extra = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'old' }, data: {} };
    await applyRollout(namespace, objects('db:1', namespace, [extra]));
    const promote = async () => {
      const revision = (await rolloutOf('db', namespace))?.status?.revision;
      await command('db', namespace, { promotions: [{ revision, at: 'each/one' }] });
    };
    await reaches('db', namespace, 'WaitingForApproval');
    await promote();
    const first = await until(async () => {
      const { status } = (await rolloutOf('db', namespace)) ?? {};
      expect(status).toMatchObject({ phase: 'Completed' });
      return status;
    }, 60_000);
    expect(await images('m2', namespace)).toEqual(['db-0=db:1', 'db-1=db:1', 'db-2=db:1', 'db-3=db:1']);
    expect(await inMember('m1', 'ConfigMap', 'old', namespace)).toBeDefined();

    await applyRollout(namespace, objects('db:2', namespace));
    await until(async () => {
      expect(await images('m1', namespace)).toEqual(['db-0=db:1', 'db-1=db:1', 'db-2=db:1', 'db-3=db:2']);
    }, 60_000);
    await reaches('db', namespace, 'WaitingForApproval');
    expect(await images('m2', namespace)).toEqual(['db-0=db:1', 'db-1=db:1', 'db-2=db:1', 'db-3=db:1']);

    // Taken back: the highest ordinal becomes old again, and the ConfigMap says what it said.
    const bad = (await rolloutOf('db', namespace))?.status?.revision;
    await command('db', namespace, { abort: bad });
    await reaches('db', namespace, 'Aborted');
    await until(async () => {
      expect(await images('m1', namespace)).toEqual(['db-0=db:1', 'db-1=db:1', 'db-2=db:1', 'db-3=db:1']);
    }, 60_000);
    expect((await inMember('m1', 'ConfigMap', 'db', namespace))?.data).toEqual({ image: 'db:1' });
    expect((await rolloutOf('db', namespace))?.status?.stableRevision).toBe(first?.revision);

    await command('db', namespace, { abort: null });
    await applyRollout(namespace, objects('db:3', namespace));
    await reaches('db', namespace, 'WaitingForApproval');
    await promote();
    await until(async () => {
      expect(await images('m2', namespace)).toEqual(['db-0=db:3', 'db-1=db:3', 'db-2=db:3', 'db-3=db:3']);
    }, 90_000);
    await reaches('db', namespace, 'Completed');
    await until(async () => expect(await inMember('m1', 'ConfigMap', 'old', namespace)).toBeUndefined());
    const set = (await inMember('m1', 'StatefulSet', 'db', namespace)) as unknown as SetSeen;
    expect(set.spec.updateStrategy.rollingUpdate?.partition ?? 0).toBe(0);

    // Somebody spoils it there: it is mended.
    await world
      .member('m1')
      .client.patch(
        types['ConfigMap'] as ResourceType,
        { name: 'db', namespace },
        { data: { image: 'spoilt' } },
        { type: 'merge' },
      );
    await until(async () => {
      expect((await inMember('m1', 'ConfigMap', 'db', namespace))?.data).toEqual({ image: 'db:3' });
    }, 30_000);
  });

  it('that others edit waits for its turn, and is free again without the Rollout', async () => {
    const namespace = await world.namespace();
    await until(async () => expect(await inMember('m2', 'Namespace', namespace)).toBeDefined());
    const apply = (member: string, image: string) =>
      world
        .member(member)
        .client.apply(types['StatefulSet'] as ResourceType, objects(image, namespace)[1] as KubeObject, {
          fieldManager: 'gitops',
          force: true,
        });
    for (const member of ['m1', 'm2']) await apply(member, 'db:1');
    await world.apply(
      rollout('db', namespace, {
        mode: 'InPlace',
        source: { workloadRef: { kind: 'StatefulSet', name: 'db' } },
        placement: { clusters: [{ name: 'm1' }, { name: 'm2' }] },
        steps,
        waves: oneByOne,
      }),
    );
    const partition = async (member: string) => {
      const set = (await inMember(member, 'StatefulSet', 'db', namespace)) as unknown as SetSeen;
      return set.spec.updateStrategy.rollingUpdate?.partition;
    };
    // What is there is what there is; only the next edit is rolled out.
    await reaches('db', namespace, 'Idle');
    await until(async () => expect(await Promise.all(['m1', 'm2'].map(partition))).toEqual([4, 4]));

    // Taken back: the template that the other pods still have comes back, and it is held again.
    await apply('m1', 'db:bad');
    const bad = await reaches('db', namespace, 'WaitingForApproval', 60_000);
    expect(await images('m1', namespace)).toEqual(['db-0=db:1', 'db-1=db:1', 'db-2=db:1', 'db-3=db:bad']);
    await command('db', namespace, { abort: bad.revision });
    await until(async () => {
      expect(await images('m1', namespace)).toEqual(['db-0=db:1', 'db-1=db:1', 'db-2=db:1', 'db-3=db:1']);
    }, 60_000);
    await reaches('db', namespace, 'Idle', 60_000);
    await until(async () => expect(await partition('m1')).toBe(4), 30_000);

    for (const member of ['m1', 'm2']) await apply(member, 'db:2');
    await until(async () => {
      expect(await images('m1', namespace)).toEqual(['db-0=db:1', 'db-1=db:1', 'db-2=db:1', 'db-3=db:2']);
    }, 60_000);
    expect(await images('m2', namespace)).toEqual(['db-0=db:1', 'db-1=db:1', 'db-2=db:1', 'db-3=db:1']);
    const next = (await reaches('db', namespace, 'WaitingForApproval')).revision;
    await command('db', namespace, { promotions: [{ revision: next, at: 'full' }] });
    await until(async () => {
      expect(await images('m2', namespace)).toEqual(['db-0=db:2', 'db-1=db:2', 'db-2=db:2', 'db-3=db:2']);
    }, 90_000);
    await until(async () => {
      const { status } = (await rolloutOf('db', namespace)) ?? {};
      expect(status).toMatchObject({ phase: 'Completed' });
    });

    await world.remove('Rollout', 'db', namespace);
    await until(async () => expect(await rolloutOf('db', namespace)).toBeUndefined());
    expect(await partition('m1')).toBe(0);
  });
});
