import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient, KubeObject } from '../../src/kube/index.ts';
import { eventually, watchFloor } from '../support/gated.ts';
import {
  deployment,
  service,
  type SideLife,
  type SideOptions,
  sideTypes,
  startSideLife,
  watchedClient,
} from '../support/side-by-side.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let client: ApiClient;

beforeAll(async () => {
  world = await startWorld({
    parts: 'full',
    hostParts: 'api',
    members: [{ name: 'm1' }],
    nodesPerMember: 5,
    running: false,
  });
  client = world.member('m1').client;
});
afterAll(async () => {
  await world?.down();
});

const life = (options: Omit<SideOptions, 'client'> = {}) => startSideLife({ client, ...options });

/** The first revision, whole and alone. */
async function firstRevision(its: SideLife, ...objects: readonly KubeObject[]): Promise<void> {
  its.want('aaaaaaaa', ...objects);
  await its.share(100);
  await its.finish();
  // EndpointSlices come a moment after the pods; who looks at the floor sooner sees less than there was.
  await eventually(async () =>
    expect((await its.addresses()).length).toBeGreaterThanOrEqual(replicasOf(objects)),
  );
}

function replicasOf(objects: readonly KubeObject[]): number {
  // With an autoscaler, the number is its own.
  if (objects.some(({ kind }) => kind === 'HorizontalPodAutoscaler')) return 1;
  const web = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'web');
  return (web?.['spec'] as { readonly replicas?: number } | undefined)?.replicas ?? 1;
}

const web = (image: string, ...rest: readonly KubeObject[]) => [
  deployment('web', image),
  service('web'),
  ...rest,
];
const floorOf = (its: SideLife, floor: number, name?: string) =>
  watchFloor(async () => (await its.addresses(name)).length, floor);

const labelled = (its: SideLife) => its.list('Pod', 'rollout.hansa.dev/traffic');

describe('a first revision', () => {
  it('walks through its steps, and gets traffic only when a step says so', async () => {
    const its = life();
    its.want('aaaaaaaa', ...web('web:1'));
    await its.go({ contender: 30, incumbent: 0 }, { contender: 0, incumbent: 0 });
    expect(await its.names('Deployment')).toEqual(['web-aaaaaaaa']);
    expect((await its.observe()).contender).toMatchObject({ desired: 3, ready: 3, withTraffic: 0 });
    expect(await its.serving()).toEqual({});

    await its.go({ contender: 50, incumbent: 0 }, { contender: 50, incumbent: 0 });
    // There is nobody to share with.
    expect(await its.serving()).toEqual({ aaaaaaaa: 5 });
    await its.share(100);
    await its.finish();
    expect(await its.serving()).toEqual({ aaaaaaaa: 10 });
    expect((await its.get('Service', 'web'))['spec']).toMatchObject({ selector: { app: 'web' } });
    expect(await labelled(its)).toEqual([]);
  });
});

describe('a second revision', () => {
  it('goes to 10, 50 and 100 percent of capacity and traffic, and ten pods serve all the time', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    const floor = floorOf(its, 10);
    its.want('bbbbbbbb', ...web('web:2'));
    await its.share(10);
    expect(await its.serving()).toEqual({ aaaaaaaa: 9, bbbbbbbb: 1 });
    await its.share(50);
    expect(await its.serving()).toEqual({ aaaaaaaa: 5, bbbbbbbb: 5 });
    await its.share(100);
    await eventually(async () => expect(await its.serving()).toEqual({ bbbbbbbb: 10 }));
    await its.finish();
    await its.hold();
    await floor.end();

    expect(await its.names('Deployment')).toEqual(['web-bbbbbbbb']);
    const { spec, metadata } = await its.get('Service', 'web');
    expect(spec).toMatchObject({ selector: { app: 'web' } });
    expect(Object.keys(metadata.annotations ?? {})).toEqual(['rollout.hansa.dev/content']);
    const pods = await its.list('Pod');
    expect(pods.flatMap(({ metadata: { annotations = {} } }) => Object.keys(annotations))).toEqual([]);
    expect(await labelled(its)).toEqual([]);
  });

  it('is divided finer in traffic than in capacity: a fifth of the traffic over all pods of both', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    const floor = floorOf(its, 10);
    its.want('bbbbbbbb', ...web('web:2'));
    await its.go({ contender: 50, incumbent: 100 }, { contender: 20, incumbent: 80 });
    // Of 15 ready pods a fifth is 3, and four fifths are 12, of which there are 10.
    expect(await its.serving()).toEqual({ aaaaaaaa: 10, bbbbbbbb: 3 });
    await its.revert();
    await floor.end();
    expect(await its.serving()).toEqual({ aaaaaaaa: 10 });
  });

  it('goes back in mid-step, the old pods first, with what is shared put back', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    const floor = floorOf(its, 10);
    const extra = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'extra' } };
    its.want('bbbbbbbb', deployment('web', 'web:2'), service('web', 8080), extra);
    await its.share(50);
    expect((await its.get('Service', 'web'))['spec']).toMatchObject({
      ports: [{ port: 8080 }],
      selector: { app: 'web', 'rollout.hansa.dev/traffic': 'enabled' },
    });
    // A step that was never finished.
    await its.turn({
      go: { capacity: { contender: 80, incumbent: 20 }, traffic: { contender: 80, incumbent: 20 } },
    });
    await its.revert();
    await floor.end();
    expect(await its.serving()).toEqual({ aaaaaaaa: 10 });
    expect(await its.names('Deployment')).toEqual(['web-aaaaaaaa']);
    expect((await its.get('Service', 'web'))['spec']).toMatchObject({
      ports: [{ port: 80 }],
      selector: { app: 'web' },
    });
    expect(await labelled(its)).toEqual([]);
  });

  it('that never becomes ready takes nothing away, says why, and is taken back', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    const floor = floorOf(its, 10);
    const nowhere = { nodeSelector: { 'kubernetes.io/hostname': 'nowhere' } };
    its.want('bbbbbbbb', deployment('web', 'web:2', { podSpec: nowhere }), service('web'));
    await expect(
      its.go({ contender: 50, incumbent: 50 }, { contender: 50, incumbent: 50 }, 5_000),
    ).rejects.toThrow('not reached');
    const seen = await its.observe();
    expect(seen.contender).toMatchObject({ desired: 5, ready: 0 });
    expect(seen.problem?.message).toContain('0 of 5: 5 pods fit on no node');
    expect(await its.serving()).toEqual({ aaaaaaaa: 10 });
    await its.revert();
    await floor.end();
    expect(await its.names('Deployment')).toEqual(['web-aaaaaaaa']);
  });

  it('can do without traffic steps: then traffic goes as the pods do', async () => {
    const its = life({ isSteered: false });
    await firstRevision(its, ...web('web:1'));
    const floor = floorOf(its, 10);
    its.want('bbbbbbbb', ...web('web:2'));
    await its.share(30);
    await eventually(async () => expect(await its.serving()).toEqual({ aaaaaaaa: 7, bbbbbbbb: 3 }));
    await its.share(100);
    await its.finish();
    await floor.end();
    expect(await labelled(its)).toEqual([]);
  });

  it('that comes while another is half-way waits until the old one is whole again', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    const floor = floorOf(its, 10);
    its.want('bbbbbbbb', ...web('web:2'));
    await its.share(50);
    its.want('cccccccc', ...web('web:3'));
    await its.share(50);
    expect(await its.serving()).toEqual({ aaaaaaaa: 5, cccccccc: 5 });
    expect(await its.names('Deployment')).toEqual(['web-aaaaaaaa', 'web-cccccccc']);
    await its.share(100);
    await its.finish();
    await floor.end();
  });

  it('with capacity that cannot carry its traffic is held, with what to change', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    const floor = floorOf(its, 10);
    its.want('bbbbbbbb', ...web('web:2'));
    await expect(
      its.go({ contender: 50, incumbent: 50 }, { contender: 10, incumbent: 90 }, 6_000),
    ).rejects.toThrow('only 6 pods would serve after that, and 10 are promised');
    await its.revert();
    await floor.end();
  });
});

describe('a controller that is killed after each of its writes', () => {
  it('goes on from what stands in the member, there and back and to the end', async () => {
    const its = life();
    const watched = watchedClient(client);
    its.reachBy(watched.client);
    const config = (colour: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
      data: { colour },
    });
    const podSpec = { volumes: [{ name: 'v', configMap: { name: 'settings' } }] };
    const revision = (image: string, colour: string) => [
      deployment('web', image, { replicas: 4, podSpec }),
      service('web'),
      config(colour),
    ];
    await firstRevision(its, ...revision('web:1', 'blue'));
    watched.killAfterEachWrite(true);
    const floor = floorOf(its, 4);
    its.want('bbbbbbbb', ...revision('web:2', 'green'));
    await its.share(50);
    await its.revert();
    expect(await its.serving()).toEqual({ aaaaaaaa: 4 });
    its.want('bbbbbbbb', ...revision('web:2', 'green'));
    await its.share(50);
    await its.share(100);
    await its.finish();
    await floor.end();
    expect(await its.serving()).toEqual({ bbbbbbbb: 4 });
    expect(await its.names('Deployment')).toEqual(['web-bbbbbbbb']);
    expect(await labelled(its)).toEqual([]);
  });

  it('writes nothing where everything is as ordered', async () => {
    const its = life();
    const watched = watchedClient(client);
    its.reachBy(watched.client);
    const limits = { limits: { cpu: '1000m', memory: '1024Mi' } };
    const podSpec = { containers: [{ name: 'main', image: 'web:1', resources: limits }] };
    await firstRevision(its, deployment('web', 'web:1', { podSpec }), service('web'));
    its.want('bbbbbbbb', deployment('web', 'web:2', { podSpec }), service('web'));
    await its.share(50);
    watched.writes.length = 0;
    await its.share(50);
    await its.hold();
    expect(watched.writes).toEqual([]);
    await its.share(100);
    await its.finish();
    watched.writes.length = 0;
    await its.share(100);
    await its.hold();
    expect(watched.writes).toEqual([]);
  });
});

describe('what changes under a running rollout', () => {
  it('pods that were made anew, lost their label or got one are put right, and the selector too', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    its.want('bbbbbbbb', ...web('web:2'));
    await its.go({ contender: 50, incumbent: 100 }, { contender: 10, incumbent: 90 });
    expect(await its.serving()).toEqual({ aaaaaaaa: 10, bbbbbbbb: 2 });

    const pods = await its.list('Pod');
    const named = (revision: string, has: boolean) =>
      pods
        .filter(({ metadata: { name, labels = {} } }) => {
          return name.startsWith(`web-${revision}`) && 'rollout.hansa.dev/traffic' in labels === has;
        })
        .map(({ metadata: { name } }) => name);
    const [killed] = named('aaaaaaaa', true);
    const [stripped] = named('bbbbbbbb', true);
    const [added] = named('bbbbbbbb', false);
    const ref = (name = '') => ({ namespace: its.namespace, name });
    const label = (name: string | undefined, value: string | null) =>
      client.patch(
        sideTypes.Pod,
        ref(name),
        { metadata: { labels: { 'rollout.hansa.dev/traffic': value } } },
        { type: 'merge' },
      );
    await client.remove(sideTypes.Pod, ref(killed));
    await label(stripped, null);
    await label(added, 'enabled');
    await client.patch(
      sideTypes.Service,
      ref('web'),
      { spec: { selector: { 'rollout.hansa.dev/traffic': null } } },
      { type: 'merge' },
    );
    await its.go({ contender: 50, incumbent: 100 }, { contender: 10, incumbent: 90 });
    expect(await its.serving()).toEqual({ aaaaaaaa: 10, bbbbbbbb: 2 });
  });

  it('a Deployment that was deleted or edited by hand comes back as it was ordered', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    await client.remove(sideTypes.Deployment, { namespace: its.namespace, name: 'web-aaaaaaaa' });
    await its.share(100);
    await eventually(async () => expect(await its.serving()).toEqual({ aaaaaaaa: 10 }));

    await client.patch(
      sideTypes.Deployment,
      { namespace: its.namespace, name: 'web-aaaaaaaa' },
      { spec: { replicas: 3 } },
      { type: 'merge', fieldManager: 'somebody' },
    );
    await its.hold(1);
    expect((await its.get('Deployment', 'web-aaaaaaaa'))['spec']).toMatchObject({ replicas: 10 });
  });

  it('an object of somebody else is never taken over', async () => {
    const its = life();
    await client.apply(
      sideTypes.Namespace,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: its.namespace } },
      { fieldManager: 'somebody' },
    );
    await client.apply(
      sideTypes.Service,
      { ...service('web', 9999), metadata: { name: 'web', namespace: its.namespace } },
      { fieldManager: 'somebody' },
    );
    its.want('aaaaaaaa', ...web('web:1'));
    await expect(its.mode().install(its.call())).rejects.toThrow(
      `Service web in namespace ${its.namespace} of member m1 exists and is not this rollout's: give it the label rollout.hansa.dev/rollout=web`,
    );
    expect((await its.get('Service', 'web'))['spec']).toMatchObject({ ports: [{ port: 9999 }] });
  });

  it('a kind that belongs to the whole cluster is refused before anything is written', async () => {
    const its = life();
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'all' },
    };
    its.want('aaaaaaaa', ...web('web:1', role));
    await expect(its.mode().install(its.call())).rejects.toThrow('ClusterRole belongs to the whole cluster');
    expect(await its.names('Deployment')).toEqual([]);
  });
});

describe('ConfigMaps and Secrets of the pods', () => {
  it('exist in both versions while both revisions do', async () => {
    const its = life();
    const config = (colour: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
      data: { colour },
    });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys' },
      stringData: { key: 'secret' },
    };
    const podSpec = {
      volumes: [{ name: 'v', configMap: { name: 'settings' } }],
      imagePullSecrets: [{ name: 'keys' }],
    };
    const revision = (image: string, colour: string) => [
      deployment('web', image, { replicas: 2, podSpec }),
      service('web'),
      config(colour),
      secret,
    ];
    const settings = async () => (await its.names('ConfigMap')).filter((name) => name.startsWith('settings'));
    await firstRevision(its, ...revision('web:1', 'blue'));
    expect(await settings()).toEqual(['settings-aaaaaaaa']);
    its.want('bbbbbbbb', ...revision('web:2', 'green'));
    await its.share(50);
    expect(await settings()).toEqual(['settings-aaaaaaaa', 'settings-bbbbbbbb']);
    expect(await its.names('Secret')).toEqual(['keys-aaaaaaaa', 'keys-bbbbbbbb']);
    expect((await its.get('ConfigMap', 'settings-aaaaaaaa'))['data']).toEqual({ colour: 'blue' });
    await its.revert();
    expect(await settings()).toEqual(['settings-aaaaaaaa']);
    its.want('bbbbbbbb', ...revision('web:2', 'green'));
    await its.share(100);
    await its.finish();
    expect(await settings()).toEqual(['settings-bbbbbbbb']);
    expect(await its.names('Secret')).toEqual(['keys-bbbbbbbb']);
  });
});

describe('several Deployments in one set', () => {
  it('all go in steps, and traffic is divided over the pods of those behind the Service alone', async () => {
    const its = life();
    const revision = (tag: string) => [
      deployment('web', `web:${tag}`, { replicas: 4 }),
      deployment('worker', `worker:${tag}`, { replicas: 6 }),
      service('web'),
    ];
    await firstRevision(its, ...revision('1'));
    const floor = floorOf(its, 4);
    its.want('bbbbbbbb', ...revision('2'));
    await its.share(50);
    expect(await its.serving()).toEqual({ aaaaaaaa: 2, bbbbbbbb: 2 });
    const replicas = async (name: string) =>
      ((await its.get('Deployment', name)) as unknown as { spec: { replicas: number } }).spec.replicas;
    expect(await replicas('worker-aaaaaaaa')).toBe(3);
    expect(await replicas('worker-bbbbbbbb')).toBe(3);
    expect(await its.observe()).toMatchObject({ total: 10, contender: { desired: 5 } });
    await its.share(100);
    await its.finish();
    await floor.end();
    expect(await its.names('Deployment')).toEqual(['web-bbbbbbbb', 'worker-bbbbbbbb']);
  });
});

describe('a workload with an autoscaler', () => {
  const autoscaler = (minReplicas: number, maxReplicas: number) => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas,
      maxReplicas,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
        },
      ],
    },
  });
  const revision = (image: string) => [
    deployment('web', image, { replicas: undefined }),
    service('web'),
    autoscaler(2, 8),
  ];
  const bounds = async (its: SideLife, name: string) => {
    const { spec } = (await its.get('Autoscaler', name)) as unknown as {
      spec: { minReplicas: number; maxReplicas: number };
    };
    return [spec.minReplicas, spec.maxReplicas];
  };

  it('keeps what the autoscaler had decided, holds it still meanwhile, and gives it back', async () => {
    const its = life();
    await firstRevision(its, ...revision('web:1'));
    expect(await bounds(its, 'web-aaaaaaaa')).toEqual([2, 8]);
    // What an autoscaler does under load.
    await client.patch(
      sideTypes.Deployment,
      { namespace: its.namespace, name: 'web-aaaaaaaa' },
      { spec: { replicas: 6 } },
      { type: 'merge', fieldManager: 'autoscaler' },
    );
    await eventually(async () => expect(await its.serving()).toEqual({ aaaaaaaa: 6 }));
    await its.hold(2);
    expect((await its.observe()).total).toBe(6);

    const floor = floorOf(its, 6);
    its.want('bbbbbbbb', ...revision('web:2'));
    await its.share(50);
    expect(await its.serving()).toEqual({ aaaaaaaa: 3, bbbbbbbb: 3 });
    expect(await bounds(its, 'web-aaaaaaaa')).toEqual([3, 3]);
    expect(await its.names('Autoscaler')).toEqual(['web-aaaaaaaa']);
    await its.revert();
    expect(await bounds(its, 'web-aaaaaaaa')).toEqual([2, 8]);
    expect(await its.serving()).toEqual({ aaaaaaaa: 6 });

    its.want('bbbbbbbb', ...revision('web:2'));
    await its.share(100);
    await its.finish();
    await floor.end();
    expect(await its.names('Autoscaler')).toEqual(['web-bbbbbbbb']);
    expect(await bounds(its, 'web-bbbbbbbb')).toEqual([2, 8]);
    expect(await its.serving()).toEqual({ bbbbbbbb: 6 });
  });
});

describe('a rollout that leaves', () => {
  it('takes its words off everything, and the workloads stay', async () => {
    const its = life();
    await firstRevision(its, ...web('web:1'));
    its.want('bbbbbbbb', ...web('web:2'));
    await its.share(50);
    const floor = floorOf(its, 10);
    await its.leave();
    expect(await its.names('Deployment')).toEqual(['web-aaaaaaaa', 'web-bbbbbbbb']);
    await eventually(async () => expect(await its.addresses()).toHaveLength(10));
    const objects = [...(await its.list('Deployment')), ...(await its.list('Service'))];
    for (const { metadata } of objects) {
      const words = [...Object.keys(metadata.labels ?? {}), ...Object.keys(metadata.annotations ?? {})];
      expect(words.filter((word) => word.includes('hansa'))).toEqual([]);
    }
    expect(await labelled(its)).toEqual([]);
    await floor.end();
  });
});

describe('traffic by the weights of an HTTPRoute', () => {
  beforeAll(async () => {
    await client.apply(sideTypes.Definition, httpRouteDefinition, { fieldManager: 'test' });
    await eventually(async () => {
      for await (const page of client.list(sideTypes.HTTPRoute)) expect(page.items).toEqual([]);
    });
  });

  const route = (name: string) => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'front' },
    spec: {
      parentRefs: [{ name: 'gateway' }],
      hostnames: [name],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
    },
  });
  const weights = async (its: SideLife) => {
    const { spec } = (await its.get('HTTPRoute', 'front')) as unknown as {
      spec: { rules: [{ backendRefs: { name: string; weight?: number }[] }] };
    };
    return spec.rules[0].backendRefs.map(({ weight }) => weight);
  };
  const steered = { traffic: { provider: 'GatewayAPI' } } as const;

  it('is set to the percent, and the route is as it was afterwards', async () => {
    const its = life(steered);
    await firstRevision(its, ...web('web:1', route('a.example')));
    const before = await its.get('HTTPRoute', 'front');
    its.want('bbbbbbbb', ...web('web:2', route('b.example')));
    await its.go({ contender: 10, incumbent: 100 }, { contender: 3, incumbent: 97 });
    expect(await weights(its)).toEqual([3, 97]);
    const spec = (await its.get('HTTPRoute', 'front'))['spec'] as {
      hostnames: string[];
      rules: [{ backendRefs: { name: string }[] }];
    };
    expect(spec.hostnames).toEqual(['b.example']);
    const [first, second] = spec.rules[0].backendRefs.map(({ name }) => name);
    expect(Object.keys(await its.serving(first ?? ''))).toHaveLength(1);
    expect(await its.addresses(second)).toHaveLength(10);
    // The ordinary Service is not touched.
    expect((await its.get('Service', 'web'))['spec']).toMatchObject({ selector: { app: 'web' } });

    await its.revert();
    expect((await its.get('HTTPRoute', 'front'))['spec']).toEqual(before['spec']);
    expect(await its.names('Service')).toEqual(['web']);

    its.want('bbbbbbbb', ...web('web:2', route('b.example')));
    await its.share(100);
    expect(await weights(its)).toEqual([100, 0]);
    await its.finish();
    expect(await weights(its)).toEqual([1]);
    expect(await its.names('Service')).toEqual(['web']);
  });

  it('waits for the gateway, and tells why it refuses', async () => {
    const its = life(steered);
    await firstRevision(its, ...web('web:1', route('a.example')));
    const says = async (status: 'True' | 'False', ago: number) => {
      const { metadata } = await its.get('HTTPRoute', 'front');
      await client.patch(
        sideTypes.HTTPRoute,
        { namespace: its.namespace, name: 'front' },
        {
          status: {
            parents: [
              {
                parentRef: { name: 'gateway' },
                controllerName: 'example.org/gateway',
                conditions: [
                  {
                    type: 'Accepted',
                    status,
                    observedGeneration: (metadata.generation ?? 0) - ago,
                    lastTransitionTime: '2026-01-01T00:00:00Z',
                    reason: status === 'True' ? 'Accepted' : 'NotAllowedByListeners',
                    message: 'the listener allows no routes of this namespace',
                  },
                ],
              },
            ],
          },
        },
        { type: 'merge', subresource: 'status' },
      );
    };
    await says('True', 0);
    its.want('bbbbbbbb', ...web('web:2', route('a.example')));
    const step = [
      { contender: 10, incumbent: 100 },
      { contender: 10, incumbent: 90 },
    ] as const;
    await expect(its.go(...step, 5_000)).rejects.toThrow('not reached');
    expect((await its.observe()).contender.trafficReady).toBe(false);
    await says('False', 0);
    expect((await its.observe()).problem).toMatchObject({
      reason: 'WaitingForTraffic',
      message: `the gateway refuses HTTPRoute front in namespace ${its.namespace} of member m1: NotAllowedByListeners: the listener allows no routes of this namespace`,
    });
    await says('True', 0);
    // Each write of the route makes a generation that the gateway has to look at.
    const gateway = setInterval(() => void says('True', 0).catch(() => undefined), 200);
    try {
      await its.go(...step);
      expect(await weights(its)).toEqual([10, 90]);
      await its.revert();
    } finally {
      clearInterval(gateway);
    }
    expect(await weights(its)).toEqual([1]);
  });

  it('needs a route that leads to the Service', async () => {
    const its = life(steered);
    its.want('aaaaaaaa', ...web('web:1'));
    await expect(its.mode().install(its.call())).rejects.toThrow(
      `no HTTPRoute in namespace ${its.namespace} of member m1 leads to Service web: create one, or set spec.traffic.provider to PodLabels`,
    );
  });
});

/** As much of Gateway API's definition as matters here: lists are atomic, weights have a default and a bound. */
const httpRouteDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'httproutes.gateway.networking.k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/2997' },
  },
  spec: {
    group: 'gateway.networking.k8s.io',
    scope: 'Namespaced',
    names: { kind: 'HTTPRoute', listKind: 'HTTPRouteList', plural: 'httproutes', singular: 'httproute' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  hostnames: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
                  parentRefs: {
                    type: 'array',
                    'x-kubernetes-list-type': 'atomic',
                    items: {
                      type: 'object',
                      properties: {
                        group: { type: 'string', default: 'gateway.networking.k8s.io' },
                        kind: { type: 'string', default: 'Gateway' },
                        name: { type: 'string' },
                      },
                    },
                  },
                  rules: {
                    type: 'array',
                    'x-kubernetes-list-type': 'atomic',
                    default: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }],
                    items: {
                      type: 'object',
                      properties: {
                        matches: {
                          type: 'array',
                          'x-kubernetes-list-type': 'atomic',
                          default: [{ path: { type: 'PathPrefix', value: '/' } }],
                          items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                        },
                        backendRefs: {
                          type: 'array',
                          'x-kubernetes-list-type': 'atomic',
                          items: {
                            type: 'object',
                            required: ['name'],
                            properties: {
                              group: { type: 'string', default: '' },
                              kind: { type: 'string', default: 'Service' },
                              name: { type: 'string' },
                              namespace: { type: 'string' },
                              port: { type: 'integer' },
                              weight: { type: 'integer', default: 1, minimum: 0, maximum: 1_000_000 },
                            },
                          },
                        },
                      },
                    },
                  },
                },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
} as unknown as KubeObject;
