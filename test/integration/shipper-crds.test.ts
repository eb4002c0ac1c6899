import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { toCrd } from '../../src/api/crd/to-crd.ts';
import { servedKinds } from '../../src/api/served-kinds.ts';
import type { JsonObject } from '../../src/base/index.ts';
import type { ApiClient, KubeObject, ResourceType } from '../../src/kube/index.ts';
import { createApiClient, loadAccess } from '../../src/kube/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { environment, shipperObject, superServer } from '../support/shipper-objects.ts';

const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const shipperKinds = servedKinds.filter(({ address }) => address.group === 'shipper.booking.com');

let sandbox: Sandbox;
let host: ApiClient;

beforeAll(async () => {
  sandbox = await startSandbox({ name: `shipper-crds-${process.pid}`, members: [] });
  host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access);
  for (const served of shipperKinds) {
    await host.apply(crdType, toCrd(served) as unknown as KubeObject, { fieldManager: 'test' });
  }
  for (const { address } of shipperKinds) {
    await vi.waitFor(() => host.list(address).next(), { timeout: 30_000, interval: 100 });
  }
});

afterAll(async () => {
  await host?.close();
  await sandbox?.down();
});

describe("Shipper's CRDs", () => {
  it.each(shipperKinds.map(({ address }) => [`${address.plural}.${address.group}`]))(
    '%s is structural, and its names are free',
    async (name) => {
      const crd = await host.get(crdType, { name });
      const { conditions } = crd['status'] as { conditions: readonly { type: string; status: string }[] };
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'Established', status: 'True' }));
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'NamesAccepted', status: 'True' }));
      expect(conditions.map(({ type }) => type)).not.toContain('NonStructuralSchema');
    },
  );
});

describe('what Shipper accepted', () => {
  it('is taken unchanged: the Application of the guides', async () => {
    const written = superServer();
    expect((await create(written))['spec']).toEqual(written['spec']);
  });

  it('is taken unchanged: an Application of 2018, fields included that nobody knows any more', async () => {
    const spec: JsonObject = {
      futureField: true,
      template: {
        ...environment(),
        sidecars: null,
        chart: { name: 'nginx', version: '~0.1', repoUrl: 'http://charts.local/', token: 'x' },
        clusterRequirements: { regions: [], capabilities: [], zones: ['a'] },
        values: { a: { b: [1, null, 'x', 1.5] }, empty: {}, none: null },
      },
    };
    expect((await create(shipperObject('Application', 'of-2018', spec)))['spec']).toEqual(spec);
  });

  it('is taken with the nulls that Go wrote for fields it left empty', async () => {
    const spec: JsonObject = { revisionHistoryLimit: null, template: environment() };
    const stored = await create(shipperObject('Application', 'with-null', spec));
    expect(stored['spec']).toEqual({ template: environment() });
  });

  it('is taken with field validation as strict as that of kubectl', async () => {
    const object = shipperObject('Application', 'strict', {
      template: { ...environment(), sidecars: null },
    });
    await expect(
      host.raw('/apis/shipper.booking.com/v1alpha1/namespaces/default/applications?fieldValidation=Strict', {
        method: 'POST',
        body: object as unknown as JsonObject,
      }),
    ).resolves.toContain('sidecars');
  });

  it('is taken: targets, cluster and block', async () => {
    const accepted: readonly KubeObject[] = [
      shipperObject('InstallationTarget', 'a', { clusters: ['eu-a'], canOverride: true }),
      shipperObject('CapacityTarget', 'a', { clusters: [{ name: 'eu-a', percent: 0 }] }),
      shipperObject('TrafficTarget', 'a', { clusters: [{ name: 'eu-a', weight: 4_294_967_295 }] }),
      shipperObject('Cluster', 'eu-a', {
        apiMaster: 'https://127.0.0.1',
        region: 'local',
        capabilities: [],
        scheduler: { unschedulable: false },
      }),
      shipperObject('RolloutBlock', 'dns', { message: '', author: { type: 'user', name: 'jdoe' } }),
    ];
    for (const object of accepted) {
      expect(await create(object)).toMatchObject({ kind: object.kind, spec: object['spec'] });
    }
  });
});

describe('a status as Shipper wrote it', () => {
  it('is kept whole on a Release', async () => {
    await create(shipperObject('Release', 'told', { targetStep: 1, environment: environment() }));
    const time = '2018-12-06T13:43:15Z';
    const status = {
      achievedStep: { name: 'full on', step: 1 },
      conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: time }],
      strategy: {
        state: {
          waitingForCapacity: 'False',
          waitingForCommand: '',
          waitingForInstallation: 'False',
          waitingForTraffic: 'Unknown',
        },
        conditions: [
          {
            type: 'ContenderAchievedCapacity',
            status: 'False',
            lastTransitionTime: time,
            step: 1,
            reason: 'ClustersNotReady',
            message: 'eu-a',
          },
        ],
      },
    };
    const stored = await host.patch(
      addressOf('Release'),
      { namespace: 'default', name: 'told' },
      { status },
      { type: 'merge', subresource: 'status' },
    );
    expect(stored['status']).toEqual(status);
  });

  it('is kept whole on a CapacityTarget, with sad pods and reports', async () => {
    await create(shipperObject('CapacityTarget', 'told', { clusters: [{ name: 'eu-a', percent: 50 }] }));
    const status = {
      observedGeneration: 1,
      clusters: [
        {
          name: 'eu-a',
          availableReplicas: 0,
          achievedPercent: 0,
          sadPods: [
            {
              name: 'pod',
              containers: [{ name: 'app', ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
              initContainers: [],
              condition: { type: 'Ready', status: 'False' },
            },
          ],
          reports: [
            {
              owner: { name: 'rs' },
              breakdown: [
                {
                  type: 'Ready',
                  status: 'False',
                  reason: 'ContainersNotReady',
                  count: 1,
                  containers: [
                    {
                      name: 'app',
                      states: [{ count: 1, type: 'Waiting', reason: 'x', example: { pod: 'pod' } }],
                    },
                  ],
                },
              ],
            },
          ],
          conditions: [{ type: 'Ready', status: 'False', reason: 'PodsNotReady', message: '0/1' }],
        },
      ],
    };
    const stored = await host.patch(
      addressOf('CapacityTarget'),
      { namespace: 'default', name: 'told' },
      { status },
      { type: 'merge', subresource: 'status' },
    );
    expect(stored['status']).toEqual(status);
  });
});

describe('a Release', () => {
  const ref = { namespace: 'default', name: 'frozen' };

  beforeAll(async () => {
    await create(shipperObject('Release', 'frozen', { targetStep: 0, environment: environment() }));
  });

  it.each<[string, JsonObject]>([
    ['a value', { values: { replicaCount: 4 } }],
    ['a field that no schema knows', { sidecars: ['x'] }],
    ['the strategy', { strategy: { steps: [] } }],
  ])('keeps its environment: %s does not change', async (_, change) => {
    const patch = { spec: { environment: change } };
    const message = await refusal(host.patch(addressOf('Release'), ref, patch, { type: 'merge' }));
    expect(message).toContain('spec.environment');
    expect(message).toContain('edit spec.template of the Application instead');
  });

  it('moves to another step', async () => {
    const patch = { spec: { targetStep: 1 } };
    const stored = await host.patch(addressOf('Release'), ref, patch, { type: 'merge' });
    expect(stored['spec']).toMatchObject({ targetStep: 1, environment: environment() });
  });
});

describe('bad input is refused with the field and the mend', () => {
  const without = (field: string): JsonObject =>
    Object.fromEntries(Object.entries(environment()).filter(([name]) => name !== field));
  const step = (change: JsonObject): JsonObject => ({
    ...environment(),
    strategy: {
      steps: [
        {
          name: 'a',
          capacity: { incumbent: 0, contender: 100 },
          traffic: { incumbent: 0, contender: 100 },
          ...change,
        },
      ],
    },
  });
  const app = (template: JsonObject) => shipperObject('Application', 'bad', { template });

  it.each<[string, KubeObject, string, RegExp]>([
    [
      'an Application without a template',
      shipperObject('Application', 'bad', {}),
      'spec.template',
      /Required/,
    ],
    ...['chart', 'values', 'clusterRequirements', 'strategy'].map(
      (field): [string, KubeObject, string, RegExp] => [
        `an environment without ${field}`,
        app(without(field)),
        `spec.template.${field}`,
        /Required/,
      ],
    ),
    ['values that are a text', app({ ...environment(), values: 'a: b' }), 'spec.template.values', /object/],
    ['values that are null', app({ ...environment(), values: null }), 'spec.template.values', /Required/],
    [
      'a strategy without steps',
      app({ ...environment(), strategy: { steps: [] } }),
      'spec.template.strategy.steps',
      /at least one step/,
    ],
    [
      'a capacity above 100',
      app(step({ capacity: { incumbent: 0, contender: 101 } })),
      'spec.template.strategy.steps[0].capacity.contender',
      /less than or equal to 100/,
    ],
    [
      'a traffic weight below 0',
      app(step({ traffic: { incumbent: -1, contender: 1 } })),
      'spec.template.strategy.steps[0].traffic.incumbent',
      /greater than or equal to 0/,
    ],
    [
      'a step without traffic',
      app(step({ traffic: null })),
      'spec.template.strategy.steps[0].traffic',
      /Required/,
    ],
    [
      'a repository that is no address',
      app({ ...environment(), chart: { name: 'nginx', version: '0.0.1', repoUrl: 'charts' } }),
      'spec.template.chart.repoUrl',
      /such as https:\/\/charts.example.com or oci:\/\//,
    ],
    [
      'a targetStep below 0',
      shipperObject('Release', 'bad', { targetStep: -1, environment: environment() }),
      'spec.targetStep',
      /greater than or equal to 0/,
    ],
    [
      'a Release without targetStep',
      shipperObject('Release', 'bad', { environment: environment() }),
      'spec.targetStep',
      /Required/,
    ],
    [
      'an InstallationTarget without canOverride',
      shipperObject('InstallationTarget', 'bad', { clusters: [] }),
      'spec.canOverride',
      /Required/,
    ],
    [
      'more than 100 percent',
      shipperObject('CapacityTarget', 'bad', { clusters: [{ name: 'a', percent: 101 }] }),
      'spec.clusters[0].percent',
      /less than or equal to 100/,
    ],
    [
      'a cluster twice',
      shipperObject('TrafficTarget', 'bad', {
        clusters: [
          { name: 'a', weight: 1 },
          { name: 'a', weight: 2 },
        ],
      }),
      'spec.clusters[1]',
      /Duplicate/,
    ],
    [
      'a Cluster without region',
      shipperObject('Cluster', 'bad', { apiMaster: 'https://a' }),
      'spec.region',
      /Required/,
    ],
    [
      'a Cluster with an address of another kind',
      shipperObject('Cluster', 'bad', { apiMaster: 'ftp://a', region: 'local' }),
      'spec.apiMaster',
      /starts with https:\/\//,
    ],
    [
      'a block without author',
      shipperObject('RolloutBlock', 'bad', { message: 'x' }),
      'spec.author',
      /Required/,
    ],
  ])('%s', async (_, object, field, mend) => {
    const message = await refusal(create(object));
    expect(message).toContain(`${field}: `);
    expect(message).toMatch(mend);
  });
});

describe('kubectl get', () => {
  it('shows the columns of a Release', async () => {
    const name = 'shown';
    const object = shipperObject('Release', name, { targetStep: 0, environment: environment() });
    await create({
      ...object,
      metadata: { ...object.metadata, annotations: { 'shipper.booking.com/release.clusters': 'eu-a,us-b' } },
    });
    await host.patch(
      addressOf('Release'),
      { namespace: 'default', name },
      {
        status: {
          strategy: {
            conditions: [
              { type: 'ContenderAchievedInstallation', status: 'True' },
              { type: 'ContenderAchievedCapacity', status: 'False', message: 'eu-a: 0/1 ready' },
            ],
          },
        },
      },
      { type: 'merge', subresource: 'status' },
    );
    expect(await rowOf('Release', name)).toMatchObject({
      Clusters: 'eu-a,us-b',
      Waiting: 'ContenderAchievedCapacity',
      Reason: 'eu-a: 0/1 ready',
    });
  });

  it('shows the newest Release of an Application', async () => {
    const name = 'shown';
    await create(shipperObject('Application', name, { template: environment() }));
    await host.patch(
      addressOf('Application'),
      { namespace: 'default', name },
      {
        status: {
          history: ['shown-a-0', 'shown-b-0'],
          conditions: [{ type: 'RollingOut', status: 'True' }],
        },
      },
      { type: 'merge', subresource: 'status' },
    );
    expect(await rowOf('Application', name)).toMatchObject({
      'Latest Release': 'shown-b-0',
      'Rolling Out': 'True',
    });
  });
});

function addressOf(kind: string): ResourceType {
  const served = shipperKinds.find(({ address }) => address.kind === kind);
  if (!served) throw new Error(`${kind} is not served`);
  return served.address;
}

function create(object: KubeObject): Promise<KubeObject> {
  return host.create(addressOf(object.kind), object);
}

async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return String(error);
  }
  throw new Error('it was accepted');
}

/** What a table of kubectl has for an object: the server makes it. */
async function rowOf(kind: string, name: string): Promise<Readonly<Record<string, unknown>>> {
  const { server } = sandbox.host;
  const { access } = await loadAccess({ text: sandbox.host.adminKubeconfig });
  const connect = {
    ...(access.ca ? { ca: access.ca } : {}),
    ...(access.cert ? { cert: access.cert } : {}),
    ...(access.key ? { key: access.key } : {}),
  };
  const agent = new Agent({ connect });
  try {
    const { body } = await request(
      `${server}/apis/shipper.booking.com/v1alpha1/namespaces/default/${addressOf(kind).plural}/${name}`,
      { dispatcher: agent, headers: { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' } },
    );
    const { columnDefinitions, rows } = (await body.json()) as {
      readonly columnDefinitions: readonly { readonly name: string }[];
      readonly rows: readonly { readonly cells: readonly unknown[] }[];
    };
    return Object.fromEntries(columnDefinitions.map(({ name: column }, at) => [column, rows[0]?.cells[at]]));
  } finally {
    await agent.destroy();
  }
}
