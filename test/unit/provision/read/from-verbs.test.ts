import 'reflect-metadata';
import { generateKeyPairSync } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/base/index.ts';
import {
  createCluster,
  createCredential,
  createMachine,
  deleteMachine,
  readCluster,
  type VerbResult,
  type VerbState,
} from '../../../../src/provision/read/index.ts';

const empty: VerbState = { namespace: 'default', name: 'shop', objects: [], secrets: {} };
const privateKey = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n';

function then(state: VerbState, { objects, secrets }: VerbResult): VerbState {
  return { ...state, objects, secrets: { ...state.secrets, ...secrets } };
}

function withCluster(flags: object = {}): VerbState {
  const state = then(empty, createCredential(empty, { user: 'ops', privateKey }));
  return then(state, createCluster(state, { version: '1.36.3', ...flags }));
}

function withMachines(state: VerbState, ...machines: readonly (readonly [string, string])[]): VerbState {
  return machines.reduce((before, [ip, role]) => then(before, createMachine(before, { ip, role })), state);
}

const nameOf = ({ metadata }: JsonObject) => (metadata as { name: string }).name;

describe("cctl's way to a cluster", () => {
  it('leads to the same objects as a file does', () => {
    const state = withMachines(
      withCluster({
        podNetwork: '10.1.0.0/16',
        serviceNetwork: '10.2.0.0/16',
        vip: '10.0.0.100',
        routerId: 42,
      }),
      ['10.0.0.1', 'master'],
      ['10.0.0.2', 'master'],
      ['10.0.0.3', 'master'],
      ['10.0.0.9', 'node'],
    );
    const { spec, warnings } = readCluster(state.objects);
    expect(warnings).toEqual([]);
    expect(spec).toMatchObject({
      name: 'shop',
      version: '1.36.3',
      network: { pods: ['10.1.0.0/16'], services: ['10.2.0.0/16'] },
      endpoint: { mode: 'Keepalived', host: '10.0.0.100', port: 7443, virtualRouterId: 42 },
    });
    expect(
      spec.machines.map(({ name, role, internalAddress, ssh }) => [name, role, internalAddress, ssh.user]),
    ).toEqual([
      ['shop-10-0-0-1', 'control-plane', '10.0.0.1', 'ops'],
      ['shop-10-0-0-2', 'control-plane', '10.0.0.2', 'ops'],
      ['shop-10-0-0-3', 'control-plane', '10.0.0.3', 'ops'],
      ['shop-10-0-0-9', 'worker', '10.0.0.9', 'ops'],
    ]);
    expect(spec.machines[0]?.ssh.credential).toBe('shop-ssh');
  });

  it('may begin with the cluster: the credential is made known to it afterwards', () => {
    const made = createCluster(empty, { version: '1.36.3' });
    expect(made.notes.join()).toContain('run "hansa create credential"');
    const state = then(empty, made);
    const { spec } = readCluster(
      withMachines(then(state, createCredential(state, { privateKey })), ['10.0.0.1', 'master']).objects,
    );
    expect(spec.machines[0]?.ssh).toMatchObject({ user: 'root', credential: 'shop-ssh', port: 22 });
  });

  it('takes a machine with another port, pinned host keys, and a card whose name says nothing new', () => {
    const made = createMachine(withCluster(), {
      ip: 'fd00::5',
      role: 'worker',
      port: 2222,
      publicKeys: ['ssh-ed25519 AAAAC3Nz'],
      iface: 'ens3',
    });
    expect(made.objects.at(-1)).toMatchObject({
      metadata: { name: 'shop-fd00-5' },
      spec: { host: 'fd00::5', port: 2222, hostKeys: ['ssh-ed25519 AAAAC3Nz'] },
    });
    expect(made.notes.join()).toContain('--iface is not needed');
  });

  it('takes its ClusterConfig', () => {
    const { objects } = withCluster({
      clusterConfig: {
        kubeAPIServer: { 'audit-log-maxage': 30 },
        kubelet: { maxPods: 50 },
      },
    });
    expect(objects[0]).toMatchObject({
      spec: {
        kubeadm: {
          apiServer: { extraArgs: [{ name: 'audit-log-maxage', value: '30' }] },
          kubelet: { maxPods: 50 },
        },
      },
    });
  });
});

describe('a CA that is brought along', async () => {
  const [one, other] = [await authority(true), await authority(true)];
  const leaf = await authority(false);
  const sa = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

  it('becomes the Secret that the cluster is made from', () => {
    const { secrets } = createCluster(empty, {
      version: '1.36.3',
      apiServerCa: one,
      serviceAccount: { certificate: sa.publicKey, key: sa.privateKey },
    });
    expect(secrets).toEqual({
      'shop-ca': { 'tls.crt': one.certificate, 'tls.key': one.key },
      'shop-sa': { 'tls.crt': sa.publicKey, 'tls.key': sa.privateKey },
    });
  });

  it.each([
    [
      'without its key',
      { etcdCa: { certificate: one.certificate } },
      /^--etcd-ca-key is missing: it goes together with --etcd-ca-cert$/,
    ],
    ['without its certificate', { frontProxyCa: { key: one.key } }, /^--front-proxy-ca-cert is missing/],
    [
      'with the key of another',
      { apiServerCa: { ...one, key: other.key } },
      /^--apiserver-ca-cert does not belong to the key of --apiserver-ca-key$/,
    ],
    ['that is none', { apiServerCa: leaf }, /is not the certificate of a CA/],
    [
      'that is no PEM',
      { apiServerCa: { certificate: 'secret', key: one.key } },
      /^--apiserver-ca-cert is not a certificate in PEM$/,
    ],
    [
      'with keys of two pairs',
      { serviceAccount: { certificate: sa.publicKey, key: one.key } },
      /^--sa-public-key does not belong/,
    ],
  ])('%s is refused', (_, flags, told) => {
    expect(() => createCluster(empty, { version: '1.36.3', ...flags })).toThrow(told);
  });
});

describe('a verb is refused with the flag and the mend:', () => {
  const one = withMachines(withCluster(), ['10.0.0.1', 'master']);
  it.each<[string, () => unknown, RegExp]>([
    ['no key', () => createCredential(empty, {}), /^--private-key is missing: name the file/],
    [
      'a public key',
      () => createCredential(empty, { privateKey: 'ssh-rsa AAAA' }),
      /--private-key: data.ssh-privatekey is a public key/,
    ],
    [
      'a second credential',
      () => createCredential(one, { privateKey }),
      /has a credential already: delete it first/,
    ],
    [
      'a second cluster of that name',
      () => createCluster(one, { version: '1.36.3' }),
      /cluster shop exists already/,
    ],
    [
      'a VIP alone',
      () => createCluster(empty, { version: '1.36.3', vip: '10.0.0.9' }),
      /^--router-id is missing: --vip and --router-id go together/,
    ],
    [
      'a router id alone',
      () => createCluster(empty, { version: '1.36.3', routerId: 7 }),
      /^--vip is missing/,
    ],
    [
      'router 0',
      () => createCluster(empty, { version: '1.36.3', vip: '10.0.0.9', routerId: 0 }),
      /^--router-id must be a whole number from 1 to 255/,
    ],
    [
      'router 256',
      () => createCluster(empty, { version: '1.36.3', vip: '10.0.0.9', routerId: 256 }),
      /^--router-id must/,
    ],
    [
      'a network that is none',
      () => createCluster(empty, { version: '1.36.3', podNetwork: '10.0.0.0' }),
      /^--pod-network "10.0.0.0" is not a CIDR/,
    ],
    [
      'a version that is none',
      () => createCluster(empty, { version: 'latest' }),
      /spec.version must be a full version/,
    ],
    [
      'an unknown part of the configuration',
      () => createCluster(empty, { version: '1.36.3', clusterConfig: { networkBackend: {} } }),
      /^--cluster-config networkBackend is not known: it may have kubeAPIServer/,
    ],
    [
      'a machine without a cluster',
      () => createMachine(empty, { ip: '10.0.0.1', role: 'master' }),
      /there is no cluster shop: run "hansa create cluster" first/,
    ],
    ['a name for an address', () => createMachine(one, { ip: 'm1', role: 'master' }), /^--ip "m1" is not/],
    [
      'a role that is none',
      () => createMachine(one, { ip: '10.0.0.2', role: 'etcd' }),
      /^--role "etcd" must be one of master, control-plane, node, worker/,
    ],
    [
      'the same machine again',
      () => createMachine(one, { ip: '10.0.0.1', role: 'node' }),
      /there is a machine at 10.0.0.1 already/,
    ],
    [
      'a second control plane without an endpoint for both',
      () => createMachine(one, { ip: '10.0.0.2', role: 'master' }),
      /give --vip and --router-id, or --endpoint-mode LocalProxy/,
    ],
    [
      'a machine that is not there',
      () => deleteMachine(one, { ip: '10.0.0.7' }),
      /has no machine at 10.0.0.7: it has 10.0.0.1/,
    ],
    [
      'a time limit in words',
      () => deleteMachine(one, { ip: '10.0.0.1', drainTimeout: 'soon' }),
      /^--drain-timeout "soon" must be a duration/,
    ],
    [
      'a negative grace period',
      () => deleteMachine(one, { ip: '10.0.0.1', drainGracePeriod: -2 }),
      /^--drain-grace-period must be/,
    ],
  ])('%s', (_, run, told) => {
    expect(run).toThrow(told);
  });
});

describe('deleting a machine', () => {
  const state = withMachines(
    withCluster({ endpointMode: 'LocalProxy' }),
    ['10.0.0.1', 'master'],
    ['10.0.0.2', 'master'],
    ['fd00::9', 'node'],
  );

  it("takes it out of the objects, and says how it is drained, with cctl's defaults", () => {
    const deleted = deleteMachine(state, { ip: 'FD00:0::9' });
    expect(deleted).toMatchObject({
      machine: 'shop-fd00-9',
      isForgottenOnly: false,
      drain: { timeoutMs: 300_000, gracePeriodSeconds: undefined, deleteEmptyDirData: false, force: false },
    });
    expect(deleted.objects.map(nameOf)).toEqual(['shop', 'shop-10-0-0-1', 'shop-10-0-0-2']);
  });

  it('takes every drain flag, or none of it', () => {
    const flags = { drainTimeout: '90s', drainGracePeriod: 0, drainDeleteLocalData: true, drainForce: true };
    expect(deleteMachine(state, { ip: '10.0.0.1', ...flags }).drain).toEqual({
      timeoutMs: 90_000,
      gracePeriodSeconds: 0,
      deleteEmptyDirData: true,
      force: true,
    });
    expect(deleteMachine(state, { ip: '10.0.0.1', skipDrainDelete: true }).drain).toBeUndefined();
  });

  it('stops at the last control plane while others need it', () => {
    const one = then(state, deleteMachine(state, { ip: '10.0.0.1' }));
    expect(() => deleteMachine(one, { ip: '10.0.0.2' })).toThrow(
      /shop-10-0-0-2 is the last control plane, and shop-fd00-9 would be left/,
    );
    const forced = deleteMachine(one, { ip: '10.0.0.2', force: true });
    expect(forced.isForgottenOnly).toBe(true);
    expect(forced.notes.join()).toContain('is forgotten here alone');
    const alone = then(one, deleteMachine(one, { ip: 'fd00::9' }));
    expect(deleteMachine(alone, { ip: '10.0.0.2' }).objects.map(nameOf)).toEqual(['shop']);
  });
});

async function authority(isCa: boolean): Promise<{ readonly certificate: string; readonly key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test',
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(isCa, undefined, true)],
  });
  const key = x509.PemConverter.encode(
    await crypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  return { certificate: certificate.toString('pem'), key };
}
