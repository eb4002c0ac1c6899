import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { toHub } from '../../src/api/convert/to-hub.ts';
import { toCrd } from '../../src/api/crd/to-crd.ts';
import type { KindAddress } from '../../src/api/federated-kinds.ts';
import { servedKinds } from '../../src/api/served-kinds.ts';
import type { JsonObject } from '../../src/base/index.ts';
import type { ApiClient, KubeObject, ResourceType } from '../../src/kube/index.ts';
import { createApiClient, loadAccess } from '../../src/kube/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';

const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const namespaceType: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};
const types: readonly KindAddress[] = [namespaceType, ...servedKinds.map(({ address }) => address)];

const oldName = 'stored-by-kubefed';

let sandbox: Sandbox;
let host: ApiClient;

beforeAll(async () => {
  sandbox = await startSandbox({ name: `crds-${process.pid}`, members: [] });
  host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access);
  await storeAsKubeFedDid();
  await Promise.all(servedKinds.map((served) => install(toCrd(served) as unknown as KubeObject)));
  for (const namespace of documentsOf('examples/quickstart').filter(({ kind }) => kind === 'Namespace')) {
    await host.apply(namespaceType, namespace, { fieldManager: 'test' });
  }
});

afterAll(async () => {
  await host?.close();
  await sandbox?.down();
});

describe('the CRDs', () => {
  it.each(servedKinds.map(({ address }) => [`${address.plural}.${address.group}`]))(
    '%s is structural',
    async (name) => {
      const { status } = (await host.get(crdType, { name })) as unknown as {
        status: { conditions: readonly { type: string; status: string }[] };
      };
      expect(status.conditions).toContainEqual(
        expect.objectContaining({ type: 'Established', status: 'True' }),
      );
      expect(status.conditions).toContainEqual(
        expect.objectContaining({ type: 'NamesAccepted', status: 'True' }),
      );
      expect(status.conditions.map(({ type }) => type)).not.toContain('NonStructuralSchema');
    },
  );
});

describe('the examples', () => {
  it.each(
    documentsOf('examples/quickstart').map(
      (object) => [`${object.kind} of ${object.metadata.namespace ?? ''}`, object] as const,
    ),
  )('%s is accepted and stored as it is written', async (_, object) => {
    const stored = await create(object);
    expect(stored['spec']).toEqual(object.kind === 'Namespace' ? expect.anything() : object['spec']);
  });
});

describe('an object', () => {
  it('keeps what is in its template, in a value that is null, and in the status of its members', async () => {
    const spec = {
      template: { spec: { paused: null, template: { unknown: { deep: [1, 'a'] } } } },
      overrides: [{ clusterName: 'A', clusterOverrides: [{ path: '/spec/paused', value: null }] }],
    };
    const stored = await create(federated(spec));
    expect(stored['spec']).toEqual(spec);
    expect(toHub(stored)).toMatchObject({ ok: true, hub: { overrides: spec.overrides } });
  });

  it('may be as large as etcd takes', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `member-cluster-${index}`);
    const clusterOverrides = Array.from({ length: 20 }, (_, index) => ({
      path: `/metadata/labels/x${index}`,
      value: 'y',
    }));
    const spec = {
      placement: { clusters: names.map((name) => ({ name })) },
      overrides: names.map((clusterName) => ({ clusterName, clusterOverrides })),
    };
    await expect(create(federated(spec))).resolves.toBeDefined();
  });

  it('may override several times by selector', async () => {
    const entry = (region: string) => ({
      clusterSelector: { matchLabels: { region } },
      clusterOverrides: [],
    });
    await expect(
      create(federated({ overrides: [entry('eu'), entry('us'), entry('eu')] })),
    ).resolves.toBeDefined();
  });
});

const named = (clusterOverrides: readonly JsonObject[], clusterName = 'cluster1') => ({
  clusterName,
  clusterOverrides,
});
const select = (requirement: object) => ({
  placement: { clusterSelector: { matchExpressions: [requirement] } },
});

describe('bad input is refused with the field and the mend', () => {
  it.each<[string, KubeObject, string, RegExp]>([
    [
      'a cluster twice in overrides',
      federated({ overrides: [named([]), named([{ path: '/a' }])] }),
      'spec.overrides',
      /cluster1 .*named in one entry only/,
    ],
    [
      'a path twice for a cluster',
      federated({ overrides: [named([{ path: '/a' }, { path: '/a', op: 'remove' }])] }),
      'spec.overrides[0].clusterOverrides[1]',
      /Duplicate value.*\/a/,
    ],
    ...['/metadata/name', '/metadata/namespace', '/metadata/generateName', '/kind'].map(
      (path): [string, KubeObject, string, RegExp] => [
        `an override of ${path}`,
        federated({ overrides: [named([{ path }])] }),
        'spec.overrides[0].clusterOverrides[0].path',
        /cannot be overridden/,
      ],
    ),
    [
      'a path without a slash',
      federated({ overrides: [named([{ path: 'spec.replicas' }])] }),
      'spec.overrides[0].clusterOverrides[0].path',
      /starts with "\/", such as \/spec\/replicas/,
    ],
    [
      'an unknown op',
      federated({ overrides: [named([{ path: '/a', op: 'move' }])] }),
      'spec.overrides[0].clusterOverrides[0].op',
      /"add", "remove", "replace"/,
    ],
    [
      'an override for nobody',
      federated({ overrides: [{ clusterOverrides: [] }] }),
      'spec.overrides[0]',
      /either clusterName or clusterSelector/,
    ],
    [
      'an override for a name and a selector',
      federated({ overrides: [{ ...named([]), clusterSelector: {} }] }),
      'spec.overrides[0]',
      /either clusterName or clusterSelector/,
    ],
    [
      'a selector with an unknown operator',
      federated(select({ key: 'region', operator: 'Inn', values: ['eu'] })),
      'spec.placement.clusterSelector.matchExpressions[0].operator',
      /"In", "NotIn"/,
    ],
    [
      'a selector without values',
      federated(select({ key: 'region', operator: 'NotIn' })),
      'spec.placement.clusterSelector.matchExpressions[0].values',
      /at least one value/,
    ],
    [
      'a selector with values it does not need',
      legacy(select({ key: 'region', operator: 'Exists', values: ['eu'] })),
      'spec.placement.clusterSelector.matchExpressions[0].values',
      /left out/,
    ],
    [
      'a selector with a key that is no label',
      legacy(select({ key: 'the region', operator: 'Exists' })),
      'spec.placement.clusterSelector.matchExpressions[0].key',
      /should match/,
    ],
    [
      'a cluster that cannot exist',
      federated({ placement: { clusters: [{ name: 'eu/1' }] } }),
      'spec.placement.clusters[0].name',
      /KubeFedCluster or its alias/,
    ],
    [
      'a cluster of 2019 that cannot exist',
      legacy({ placement: { clusterNames: ['a', ''] } }),
      'spec.placement.clusterNames[1]',
      /KubeFedCluster or its alias/,
    ],
    [
      'a template of another kind',
      federated({ template: { apiVersion: 'v1', kind: 'Pod' } }),
      'spec.template.kind',
      /must be Deployment/,
    ],
    [
      'a template of another group',
      legacy({ template: { apiVersion: 'extensions/v1beta1', kind: 'Deployment' } }),
      'spec.template.apiVersion',
      /such as apps\/v1/,
    ],
    [
      'a path of today in an object of 2019',
      legacy({ overrides: [named([{ path: '/spec/replicas', value: 1 }])] }),
      'spec.overrides[0].clusterOverrides[0].path',
      /dotted in this group/,
    ],
    ...['metadata.name', 'metadata.namespace', 'metadata.generateName'].map(
      (path): [string, KubeObject, string, RegExp] => [
        `an override of ${path} in an object of 2019`,
        legacy({ overrides: [named([{ path, value: 'a' }])] }),
        'spec.overrides[0].clusterOverrides[0].path',
        /cannot be overridden/,
      ],
    ),
    [
      'a cluster twice in an object of 2019',
      legacy({ overrides: [named([]), named([])] }),
      'spec.overrides',
      /cluster1 .*named in one entry only/,
    ],
    [
      'negative replicas',
      preference({ totalReplicas: -1 }),
      'spec.totalReplicas',
      /greater than or equal to 0/,
    ],
    [
      'a negative weight',
      preference({ clusters: { A: { weight: -1 } } }),
      'spec.clusters.A.weight',
      /greater than or equal to 0/,
    ],
    [
      'a preference for a cluster that cannot exist',
      preference({ clusters: { 'eu*': { weight: 1 } } }),
      'spec.clusters',
      /or "\*" for all others/,
    ],
    [
      'a preference for a kind without replicas',
      preference({ targetKind: 'FederatedSecret' }),
      'spec.targetKind',
      /"FederatedDeployment"/,
    ],
    ['a cluster without endpoint', cluster({ apiEndpoint: '' }), 'spec.apiEndpoint', /at least 1/],
    ['an endpoint that is no address', cluster({ apiEndpoint: 'ftp://a' }), 'spec.apiEndpoint', /https:\/\//],
    [
      'an endpoint with a port too high',
      cluster({ apiEndpoint: 'a:70000' }),
      'spec.apiEndpoint',
      /1 to 65535/,
    ],
    ['a proxy of another kind', cluster({ proxyURL: 'ftp://proxy' }), 'spec.proxyURL', /socks5:\/\//],
    ['a Secret without a name', cluster({ secretRef: {} }), 'spec.secretRef.name', /Required/],
    [
      'all TLS checks and one more',
      cluster({ disabledTLSValidations: ['*', 'SubjectName'] }),
      'spec.disabledTLSValidations',
      /leave the others out/,
    ],
  ])('%s', async (_, object, field, mend) => {
    const message = await refusal(create(object));
    expect(message).toContain(`${field}: `);
    expect(message).toMatch(mend);
  });
});

describe('an object that KubeFed accepted and these CRDs would not', () => {
  const old = { namespace: 'default', name: oldName };
  const type = addressOfKind('types.kubefed.io', 'FederatedConfigMap');

  it('gets its status, labels and finalizer all the same', async () => {
    const status = { conditions: [{ type: 'Propagation', status: 'False', reason: 'CheckClusters' }] };
    await host.patch(type, old, { status }, { type: 'merge', subresource: 'status' });
    await host.patch(
      type,
      old,
      { metadata: { labels: { seen: 'yes' }, finalizers: ['kubefed.io/sync-controller'] } },
      { type: 'merge' },
    );
    await host.patch(type, old, { metadata: { finalizers: null } }, { type: 'merge' });
    expect(await host.get(type, old)).toMatchObject({ status, metadata: { labels: { seen: 'yes' } } });
  });

  it('may change elsewhere', async () => {
    const patch = { spec: { placement: { clusters: [{ name: 'cluster1' }] } } };
    await expect(host.patch(type, old, patch, { type: 'merge' })).resolves.toBeDefined();
  });

  it('is told what is wrong when the wrong part changes', async () => {
    const patch = { spec: { overrides: [named([{ path: 'data/b', value: 'x' }])] } };
    expect(await refusal(host.patch(type, old, patch, { type: 'merge' }))).toContain(
      'clusterOverrides[0].path',
    );
  });
});

/** Before ours, a CRD as loose as KubeFed's, and an object that only it accepts. */
async function storeAsKubeFedDid(): Promise<void> {
  const served = servedKinds.find(
    ({ address }) => address === addressOfKind('types.kubefed.io', 'FederatedConfigMap'),
  );
  if (!served) throw new Error('FederatedConfigMap is not served');
  const crd = structuredClone(toCrd(served)) as unknown as KubeObject & {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: unknown } } } }[] };
  };
  for (const { schema } of crd.spec.versions) {
    schema.openAPIV3Schema.properties.spec = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  }
  await install(crd, 'accepted');
  const change = [
    { path: 'data/a', value: 'x' },
    { path: '/kind', value: 'Foo' },
  ];
  await host.create(served.address, {
    ...federated({
      template: { kind: 'Configmap', apiVersion: 'core/v1' },
      placement: { clusterSelector: { matchExpressions: [{ key: 'a', operator: 'Inn' }] } },
      overrides: [named(change), named([...change, ...change])],
    }),
    kind: 'FederatedConfigMap',
    metadata: { name: oldName, namespace: 'default' },
  });
}

/** Applies a CRD and waits until the API server judges by it: until nonsense gets the answer that it should. */
async function install(crd: KubeObject, toNonsense: 'accepted' | 'Invalid' = 'Invalid'): Promise<void> {
  await host.apply(crdType, crd, { fieldManager: 'test', force: true });
  const { name } = crd.metadata;
  const type = types.find(({ plural, group }) => `${plural}.${group}` === name);
  if (!type) throw new Error(`${name} is not served`);
  const nonsense: KubeObject = {
    apiVersion: `${type.group}/${type.version}`,
    kind: type.kind,
    metadata: { name: 'nonsense', ...(type.namespaced ? { namespace: 'default' } : {}) },
    spec: { placement: 1, apiEndpoint: 1, mode: 1 },
  };
  // The server takes a moment to serve a new kind, and another to judge by a new schema.
  await vi.waitFor(
    async () => {
      const answer = await host.create(type, nonsense, { dryRun: true }).then(
        () => 'accepted',
        (error: { reason: string }) => error.reason,
      );
      expect(answer).toBe(toNonsense);
    },
    { timeout: 20_000, interval: 50 },
  );
}

function create(object: KubeObject): Promise<KubeObject> {
  const type = types.find(
    ({ group, version, kind }) =>
      object.apiVersion === (group ? `${group}/${version}` : version) && object.kind === kind,
  );
  if (!type) throw new Error(`${object.apiVersion} ${object.kind} is not served`);
  return object.kind === 'Namespace'
    ? host.get(type, object.metadata)
    : host.create(type, object, { dryRun: true });
}

function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'accepted',
    (error: Error) => error.message,
  );
}

function federated(spec: object): KubeObject {
  return {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedDeployment',
    metadata: { name: 'web', namespace: 'default' },
    spec,
  };
}

function legacy(spec: object): KubeObject {
  return { ...federated(spec), apiVersion: 'types.federation.k8s.io/v1alpha1' };
}

function preference(spec: object): KubeObject {
  return {
    apiVersion: 'scheduling.kubefed.io/v1alpha1',
    kind: 'ReplicaSchedulingPreference',
    metadata: { name: 'web', namespace: 'default' },
    spec: { targetKind: 'FederatedDeployment', totalReplicas: 9, ...spec },
  };
}

function cluster(spec: object): KubeObject {
  return {
    apiVersion: 'core.kubefed.io/v1beta1',
    kind: 'KubeFedCluster',
    metadata: { name: 'cluster1', namespace: 'default' },
    spec: { apiEndpoint: 'https://cluster1.example.com', secretRef: { name: 'cluster1' }, ...spec },
  };
}

function addressOfKind(group: string, kind: string): KindAddress {
  const served = servedKinds.find(({ address }) => address.group === group && address.kind === kind);
  if (!served) throw new Error(`${kind} of ${group} is not served`);
  return served.address;
}

function documentsOf(folder: string): readonly KubeObject[] {
  return readdirSync(folder)
    .toSorted()
    .flatMap((file) =>
      parseAllDocuments(readFileSync(`${folder}/${file}`, 'utf8')).map((each) => each.toJS() as KubeObject),
    );
}
