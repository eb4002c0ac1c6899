import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { toCrd } from '../../src/api/crd/to-crd.ts';
import type { KindAddress } from '../../src/api/federated-kinds.ts';
import { provisionKinds } from '../../src/api/served-kinds.ts';
import {
  type ApiClient,
  createApiClient,
  type KubeObject,
  loadAccess,
  type ResourceType,
} from '../../src/kube/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';

const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const ours = provisionKinds;

let sandbox: Sandbox;
let host: ApiClient;

beforeAll(async () => {
  sandbox = await startSandbox({ name: `provision-crds-${process.pid}`, members: [], hostParts: 'api' });
  host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access);
  for (const served of ours) {
    await host.apply(crdType, toCrd(served) as unknown as KubeObject, { fieldManager: 'test' });
  }
  // The server takes a moment to serve a new kind, and another to judge by its schema.
  for (const { address } of ours) {
    await vi.waitFor(
      async () => {
        const answer = await create({
          ...objectOf(address, {}),
          metadata: { name: 'nonsense', namespace: 'default' },
        }).then(
          () => 'accepted',
          (error: { reason: string }) => error.reason,
        );
        expect(answer).toBe('Invalid');
      },
      { timeout: 20_000, interval: 50 },
    );
  }
});

afterAll(async () => {
  await host?.close();
  await sandbox?.down();
});

describe('the CRDs of provisioning', () => {
  it.each(ours.map(({ address, shortNames }) => [`${address.plural}.${address.group}`, shortNames] as const))(
    '%s is structural, and its names clash with nothing',
    async (name, shortNames) => {
      const { status } = (await host.get(crdType, { name })) as unknown as {
        status: {
          conditions: readonly { type: string; status: string }[];
          acceptedNames: { shortNames: readonly string[]; categories: readonly string[] };
        };
      };
      expect(status.conditions).toContainEqual(
        expect.objectContaining({ type: 'NamesAccepted', status: 'True' }),
      );
      expect(status.conditions.map(({ type }) => type)).not.toContain('NonStructuralSchema');
      expect(status.acceptedNames).toMatchObject({ shortNames, categories: ['hansa', 'provision'] });
    },
  );

  it.each(ours.map(({ address, example }) => [address.kind, example] as const))(
    'take the example on the reference page of %s, and store all of it',
    async (_, example) => {
      const object = parse(example) as KubeObject;
      const stored = await create({ ...object, metadata: { ...object.metadata, namespace: 'default' } });
      expect(stored['spec']).toEqual(object['spec']);
    },
  );

  it.each(
    ['examples/provision', 'examples/provision-controller'].flatMap((folder) =>
      readdirSync(folder).flatMap((file) =>
        parseAllDocuments(readFileSync(`${folder}/${file}`, 'utf8'))
          .map((each) => each.toJS() as KubeObject)
          .filter(({ kind }) => kind !== 'Secret')
          .map((object) => [`${object.kind} ${object.metadata.name} of ${folder}/${file}`, object] as const),
      ),
    ),
  )('take %s, and store all of it', async (_, object) => {
    const stored = await create({ ...object, metadata: { ...object.metadata, namespace: 'default' } });
    expect(stored['spec']).toEqual(object['spec']);
  });
});

const sshKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb';
const backup = { encryptionSecretRef: { name: 'x' } };

describe('bad input is refused with the field and the mend', () => {
  it.each<[string, KubeObject, string, RegExp]>([
    ['a version without patch', cluster({ version: '1.36' }), 'spec.version', /should match/],
    ['no version', cluster({ version: undefined }), 'spec.version', /Required/],
    [
      'an endpoint mode of another tool',
      cluster({ endpointMode: 'KubeVip' }),
      'spec.endpointMode',
      /"LocalProxy"/,
    ],
    [
      'Keepalived without its address',
      cluster({ endpointMode: 'Keepalived', keepalived: { virtualRouterId: 1 } }),
      'spec.endpointMode',
      /controlPlaneEndpoint.host/,
    ],
    [
      'a virtual router beyond what VRRP has',
      cluster({ keepalived: { virtualRouterId: 256 } }),
      'spec.keepalived.virtualRouterId',
      /less than or equal to 255/,
    ],
    [
      'a virtual router for nothing',
      cluster({ keepalived: { virtualRouterId: 7 } }),
      'spec.keepalived',
      /unless endpointMode is Keepalived/,
    ],
    ['External without a host', cluster({ endpointMode: 'External' }), 'spec.endpointMode', /load balancer/],
    [
      'three networks of pods',
      cluster({ clusterNetwork: { pods: { cidrBlocks: ['a', 'b', 'c'].map(() => '10.0.0.0/8') } } }),
      'spec.clusterNetwork.pods.cidrBlocks',
      /at most 2/,
    ],
    [
      'two kinds of etcd',
      cluster({ etcd: { stacked: {}, external: { endpoints: ['https://a:1'], secretRef: { name: 'x' } } } }),
      'spec.etcd',
      /one of stacked, external/,
    ],
    [
      'etcd without TLS',
      cluster({ etcd: { external: { endpoints: ['http://a:1'], secretRef: { name: 'x' } } } }),
      'spec.etcd.external.endpoints[0]',
      /should match/,
    ],
    ['two CNIs', cluster({ cni: { flannel: {}, none: {} } }), 'spec.cni', /one of flannel, manifest, none/],
    ['kube-proxy in IPVS mode', cluster({ proxy: { mode: 'ipvs' } }), 'spec.proxy.mode', /"nftables"/],
    [
      'a backup without a target',
      cluster({ backup: { ...backup, target: {} } }),
      'spec.backup.target',
      /exactly one of directory, s3/,
    ],
    [
      'a duration in words',
      cluster({ certificates: { validity: 'a year' } }),
      'spec.certificates.validity',
      /should match/,
    ],
    [
      'a flag with its dashes',
      cluster({ kubeadm: { apiServer: { extraArgs: [{ name: '--v', value: '2' }] } } }),
      'spec.kubeadm.apiServer.extraArgs[0].name',
      /should match/,
    ],
    [
      'a label value with a space',
      cluster({ register: { labels: { region: 'the eu' } } }),
      'spec.register.labels.region',
      /should match/,
    ],
    [
      'a machine without a host',
      machine({ host: undefined }),
      'spec.host',
      /Only transport local goes without/,
    ],
    [
      'a machine with two ways to its address',
      machine({ internalAddress: '10.0.0.1', addressSelector: { cidr: '10.0.0.0/8' } }),
      'spec.addressSelector',
      /not both/,
    ],
    ['a role of former times', machine({ role: 'master' }), 'spec.role', /"control-plane", "worker"/],
    ['a port that is none', machine({ port: 0 }), 'spec.port', /greater than or equal to 1/],
    [
      'a fingerprint for a host key',
      machine({ hostKeys: [sshKey, 'SHA256:abc'] }),
      'spec.hostKeys[1]',
      /should match/,
    ],
    ['a Node name with capitals', machine({ nodeName: 'Node1' }), 'spec.nodeName', /should match/],
    ['a taint without an effect', machine({ taints: [{ key: 'a' }] }), 'spec.taints[0].effect', /Required/],
    ['an Upgrade to nowhere', operation({ type: 'Upgrade' }), 'spec.version', /what Upgrade needs/],
    ['a version for a Backup', operation({ type: 'Backup', version: '1.36.3' }), 'spec.version', /it alone/],
    ['a Restore of nothing', operation({ type: 'Restore' }), 'spec.backupRef', /what Restore needs/],
    [
      'a replacement of two machines',
      operation({ type: 'ReplaceMachine', machines: ['a', 'b'] }),
      'spec.machines',
      /the one machine/,
    ],
  ])('%s', async (_, object, field, mend) => {
    const message = await refusal(create(object));
    expect(message).toContain(`${field}: `);
    expect(message).toMatch(mend);
  });
});

describe('what can’t be changed', () => {
  it.each<[string, KubeObject, object, string]>([
    [
      'the networks of a cluster',
      cluster({ clusterNetwork: { serviceDomain: 'a.local' } }),
      { clusterNetwork: { serviceDomain: 'b.local' } },
      'spec.clusterNetwork',
    ],
    [
      'networks added to a cluster',
      cluster({}),
      { clusterNetwork: { serviceDomain: 'b.local' } },
      'spec.clusterNetwork',
    ],
    ['the role of a machine', machine({}), { role: 'worker' }, 'spec.role'],
    ['the cluster of a machine', machine({}), { clusterName: 'other' }, 'spec.clusterName'],
    [
      'the machines of an operation',
      operation({ type: 'ReplaceMachine', machines: ['a'] }),
      { machines: ['b'] },
      'spec',
    ],
    [
      'a backup',
      parse(ours.find(({ address }) => address.kind === 'EtcdBackup')?.example ?? '') as KubeObject,
      { file: 'other' },
      'spec',
    ],
  ])('%s stays, and everything else may', async (_, object, spec, field) => {
    const type = typeOf(object);
    const name = `kept-${Math.random().toString(36).slice(2, 8)}`;
    const ref = { name, namespace: 'default' };
    await host.create(type, { ...object, metadata: ref });
    const message = await refusal(host.patch(type, ref, { spec } as never, { type: 'merge' }));
    expect(message).toMatch(new RegExp(`${field.replace('.', '\\.')}: Invalid value.*can’t be changed`, 's'));
    await host.patch(type, ref, { metadata: { labels: { seen: 'yes' } } }, { type: 'merge' });
    if (type.kind === 'KubeOperation') {
      const approved = await host.patch(type, ref, { spec: { approved: true } }, { type: 'merge' });
      expect(approved['spec']).toMatchObject({ approved: true });
    }
    await host.remove(type, ref);
  });
});

function create(object: KubeObject): Promise<KubeObject> {
  return host.create(typeOf(object), object, { dryRun: true });
}

function typeOf({ kind }: KubeObject): KindAddress {
  const served = ours.find(({ address }) => address.kind === kind);
  if (!served) throw new Error(`${kind} is not served`);
  return served.address;
}

function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'accepted',
    (error: Error) => error.message,
  );
}

function objectOf({ group, version, kind }: KindAddress, spec: object): KubeObject {
  return {
    apiVersion: `${group}/${version}`,
    kind,
    metadata: { name: 'one', namespace: 'default' },
    spec,
  };
}

function cluster(spec: object): KubeObject {
  return objectOf(typeOf({ kind: 'KubeCluster' } as KubeObject), { version: '1.36.3', ...spec });
}

function machine(spec: object): KubeObject {
  return objectOf(typeOf({ kind: 'KubeMachine' } as KubeObject), {
    clusterName: 'shop',
    role: 'control-plane',
    host: '10.0.0.1',
    ...spec,
  });
}

function operation(spec: object): KubeObject {
  return objectOf(typeOf({ kind: 'KubeOperation' } as KubeObject), { clusterName: 'shop', ...spec });
}
