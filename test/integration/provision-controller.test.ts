import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubeClusterAddress } from '../../src/api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { kubeMachineAddress } from '../../src/api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { kubeOperationAddress } from '../../src/api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { movedToAnnotation, provisionFinalizer } from '../../src/api/provision.hansa.dev/v1alpha1/words.ts';
import { silentLogger } from '../../src/base/index.ts';
import {
  type ApiClient,
  createApiClient,
  type KubeObject,
  loadAccess,
  type ResourceType,
  systemClock,
} from '../../src/kube/index.ts';
import { ProvisionController, type ProvisionMetrics } from '../../src/provision/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { installProvisionKinds } from '../support/provision-kinds.ts';

const namespace = 'default';
const core = (kind: string, plural: string): ResourceType => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});
const secretType = core('Secret', 'secrets');

interface Shown {
  readonly phase?: string;
  readonly summary?: string;
  readonly message?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

let sandbox: Sandbox;
let host: ApiClient;
let count = 0;
const stop = new AbortController();
let running: Promise<void>;
const events: string[] = [];
const phases = new Map<string, string>();

beforeAll(async () => {
  sandbox = await startSandbox({
    name: `provision-controller-${process.pid}`,
    members: [],
    hostParts: 'api',
  });
  host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access);
  await installProvisionKinds(host);
  const metrics: ProvisionMetrics = {
    onRun: () => {},
    onPhase: ({ name, phase }) => void phases.set(name, phase),
    onMachines: () => {},
    onCertificates: () => {},
    onBackup: () => {},
    forget: ({ name }) => void phases.delete(name),
  };
  running = new ProvisionController({
    host,
    identity: 'test',
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    metrics,
    tell: ({ kind, metadata }, { reason }) => void events.push(`${kind} ${metadata.name} ${reason}`),
  }).run(stop.signal);
}, 120_000);

afterAll(async () => {
  stop.abort();
  await running;
  await host?.close();
  await sandbox?.[Symbol.asyncDispose]();
});

const fresh = () => `c${++count}`;
const status = async (type: ResourceType, name: string) =>
  (await host.get<KubeObject & { readonly status?: Shown }>(type, { namespace, name })).status ?? {};
const condition = async (type: ResourceType, name: string, wanted: string) =>
  (await status(type, name)).conditions?.find((each) => each.type === wanted);
const soon = <T>(ask: () => Promise<T> | T) => vi.waitFor(ask, { timeout: 20_000, interval: 100 });

function makeCluster(name: string, spec: Readonly<Record<string, unknown>> = {}, annotations = {}) {
  return host.create(kubeClusterAddress, {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: 'KubeCluster',
    metadata: { name, namespace, annotations },
    spec: {
      version: '1.36.3',
      machineDefaults: { user: 'op', credentialRef: { name: `${name}-ssh` } },
      ...spec,
    },
  });
}

/** Nothing listens on port 1, so that nobody waits for it. */
function makeMachine(clusterName: string, name = `${clusterName}-m1`, finalizers: readonly string[] = []) {
  return host.create(kubeMachineAddress, {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: 'KubeMachine',
    metadata: { name, namespace, finalizers },
    spec: {
      clusterName,
      role: 'control-plane',
      host: '127.0.0.1',
      port: 1,
      internalAddress: '10.9.9.9',
      insecureIgnoreHostKey: true,
    },
  });
}

const privateKey = generateKeyPairSync('ed25519').privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;

function makeCredential(cluster: string) {
  return host.create(secretType, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${cluster}-ssh`, namespace },
    type: 'provision.hansa.dev/ssh-credential',
    stringData: { 'ssh-privatekey': privateKey },
  });
}

describe('a KubeCluster that can’t be carried out', () => {
  it('says which machine it lacks, and goes on when that is there', async () => {
    const name = fresh();
    await makeCredential(name);
    await makeCluster(name);
    await soon(async () =>
      expect(await status(kubeClusterAddress, name)).toMatchObject({
        phase: 'Failed',
        summary: expect.stringMatching(/has no control plane: add a KubeMachine/),
      }),
    );
    expect(await condition(kubeClusterAddress, name, 'UpToDate')).toMatchObject({
      status: 'False',
      reason: 'InvalidSpec',
    });
    await makeMachine(name);
    await soon(async () =>
      expect(await status(kubeClusterAddress, name)).toMatchObject({
        phase: 'Failed',
        summary: expect.stringMatching(/127\.0\.0\.1/),
      }),
    );
    expect(phases.get(name)).toBe('Failed');
    expect(events).toContain(`KubeCluster ${name} InvalidSpec`);
  });

  it('names the Secret that is missing, and what it is for', async () => {
    const name = fresh();
    await makeMachine(name);
    await makeCluster(name);
    await soon(async () =>
      expect((await status(kubeClusterAddress, name)).summary).toBe(
        `Secret ${name}-ssh: is not there (it is the SSH credential of machines): create it in namespace default`,
      ),
    );
  });

  it('tells of a machine that does not answer, and promises nothing of it', async () => {
    const name = fresh();
    await makeCredential(name);
    const { metadata } = await makeCluster(name);
    await makeMachine(name);
    await soon(async () =>
      expect(await condition(kubeMachineAddress, `${name}-m1`, 'Reachable')).toMatchObject({
        status: 'False',
      }),
    );
    expect(await condition(kubeMachineAddress, `${name}-m1`, 'HostKeyVerified')).toMatchObject({
      status: 'False',
      reason: 'Insecure',
    });
    expect(await status(kubeMachineAddress, `${name}-m1`)).toMatchObject({ phase: 'Connecting' });
    // Nothing was changed anywhere, so nothing holds the objects.
    const now = await host.get(kubeClusterAddress, { namespace, name });
    expect(now.metadata).toMatchObject({ uid: metadata.uid });
    expect(now.metadata.finalizers ?? []).toEqual([]);
    await host.remove(kubeClusterAddress, { namespace, name });
    await expect(host.get(kubeClusterAddress, { namespace, name })).rejects.toThrow(/not found/i);
  });
});

describe('a KubeCluster that is not to be worked on', () => {
  it('rests while it is paused, and its operations with it', async () => {
    const name = fresh();
    await makeCredential(name);
    await makeMachine(name);
    await makeCluster(name, { paused: true });
    await soon(async () => expect(await status(kubeClusterAddress, name)).toMatchObject({ phase: 'Paused' }));
    await makeOperation(`${name}-now`, { clusterName: name, type: 'Apply' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await status(kubeOperationAddress, `${name}-now`)).phase).toBeUndefined();
    expect(await condition(kubeMachineAddress, `${name}-m1`, 'Reachable')).toMatchObject({
      status: 'Unknown',
    });
    await host.patch(kubeClusterAddress, { namespace, name }, { spec: { paused: false } }, { type: 'merge' });
    await soon(async () => expect((await status(kubeOperationAddress, `${name}-now`)).phase).toBe('Refused'));
  });

  it('is left alone when it was moved, and only its finalizer goes', async () => {
    const name = fresh();
    await makeMachine(name, `${name}-m1`, [provisionFinalizer]);
    await makeCluster(name, {}, { [movedToAnnotation]: 'a state file (move 0123)' });
    await soon(async () =>
      expect(await status(kubeClusterAddress, name)).toMatchObject({
        phase: 'Moved',
        summary: 'it is kept in a state file (move 0123) now; nothing is done for it here',
      }),
    );
    expect(phases.has(name)).toBe(false);
    await host.remove(kubeMachineAddress, { namespace, name: `${name}-m1` });
    await soon(async () =>
      expect(host.get(kubeMachineAddress, { namespace, name: `${name}-m1` })).rejects.toThrow(/not found/i),
    );
    await host.patch(
      kubeClusterAddress,
      { namespace, name },
      { metadata: { finalizers: [provisionFinalizer] } },
      { type: 'merge' },
    );
    await host.remove(kubeClusterAddress, { namespace, name });
    await soon(async () =>
      expect(host.get(kubeClusterAddress, { namespace, name })).rejects.toThrow(/not found/i),
    );
  });

  it('holds no machine whose cluster is not there, and says what that machine waits for', async () => {
    const name = fresh();
    await makeMachine(name, `${name}-m1`, [provisionFinalizer]);
    await soon(async () =>
      expect(await condition(kubeMachineAddress, `${name}-m1`, 'Ready')).toMatchObject({
        reason: 'ClusterMissing',
        message: expect.stringContaining(`there is no KubeCluster ${name}`),
      }),
    );
    await host.remove(kubeMachineAddress, { namespace, name: `${name}-m1` });
    await soon(async () =>
      expect(host.get(kubeMachineAddress, { namespace, name: `${name}-m1` })).rejects.toThrow(/not found/i),
    );
  });
});

describe('the end of a KubeCluster', () => {
  it('waits for machines that can’t be reached, if they are to be reset', async () => {
    const name = fresh();
    await makeCredential(name);
    await makeMachine(name, `${name}-m1`, [provisionFinalizer]);
    await makeCluster(name, { deletionPolicy: 'Reset' });
    await host.patch(
      kubeClusterAddress,
      { namespace, name },
      { metadata: { finalizers: [provisionFinalizer] } },
      { type: 'merge' },
    );
    await host.remove(kubeClusterAddress, { namespace, name });
    await soon(async () =>
      expect(await status(kubeClusterAddress, name)).toMatchObject({
        phase: 'Deleting',
        summary: expect.stringContaining(`kubectl annotate kubemachine ${name}-m1`),
      }),
    );
    await host.patch(
      kubeMachineAddress,
      { namespace, name: `${name}-m1` },
      { metadata: { annotations: { 'provision.hansa.dev/forget-machine': `${name}-m1` } } },
      { type: 'merge' },
    );
    await soon(async () =>
      expect(host.get(kubeClusterAddress, { namespace, name })).rejects.toThrow(/not found/i),
    );
    const { metadata } = await host.get(kubeMachineAddress, { namespace, name: `${name}-m1` });
    expect(metadata.finalizers ?? []).toEqual([]);
  });

  it('lets machines run on by default, though their credential is gone', async () => {
    const name = fresh();
    await makeMachine(name);
    await makeCluster(name);
    await host.patch(
      kubeClusterAddress,
      { namespace, name },
      { metadata: { finalizers: [provisionFinalizer] } },
      { type: 'merge' },
    );
    await host.remove(kubeClusterAddress, { namespace, name });
    await soon(async () =>
      expect(host.get(kubeClusterAddress, { namespace, name })).rejects.toThrow(/not found/i),
    );
  });
});

function makeOperation(name: string, spec: Readonly<Record<string, unknown>>) {
  return host.create(kubeOperationAddress, {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: 'KubeOperation',
    metadata: { name, namespace },
    spec,
  });
}

describe('a KubeOperation that can’t begin', () => {
  it.each([
    ['Backup', {}, /the cluster names no place for backups: set spec\.backup/],
    ['RenewCertificates', { machines: ['nobody'] }, /has no KubeMachine nobody: it has c\d+-m1/],
    ['Restore', { backupRef: { name: 'none' } }, /there is no EtcdBackup none .*kubectl get etcdbackups/],
    ['ReplaceMachine', 'm1', /is the only control plane/],
  ] as const)('%s is refused with what to do', async (type, given, message) => {
    const name = fresh();
    await makeCredential(name);
    await makeMachine(name);
    await makeCluster(name);
    const more = given === 'm1' ? { machines: [`${name}-m1`] } : given;
    await makeOperation(`${name}-op`, { clusterName: name, type, ...more });
    await soon(async () =>
      expect(await status(kubeOperationAddress, `${name}-op`)).toMatchObject({
        phase: 'Refused',
        message: expect.stringMatching(message),
      }),
    );
  });
});
