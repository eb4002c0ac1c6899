import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { defaultHostNamespace } from '../../src/api/names.ts';
import { installHost, readCrds } from '../../src/cli/commands/install.ts';
import { type RunningController, startController } from '../../src/cli/demo/start-controller.ts';
import { plainProgress } from '../../src/cli/progress.ts';
import { type ApiClient, createApiClient, loadAccess, systemClock } from '../../src/kube/index.ts';
import { createFromDirectories } from '../../src/provision/index.ts';
import { hostName, type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { type FleetCluster, fleetYaml } from '../demo/fleet.ts';
import { openShell } from '../demo/hansa-command.ts';
import { ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;
const eachMs = 8 * 60_000;
const namespace = 'clusters';
const passphrase = 'sealed with these words alone';

/** A KubeCluster on a host, kept by the controller from its first machine to its end. */
describe('a cluster that the controller keeps', () => {
  const dir = join(machinesDir(), `kept-${process.pid}`);
  const bundlePath = join(dir, 'bundle');
  const cluster = (workers: readonly string[]): FleetCluster => ({
    name: 'kept',
    region: 'eu',
    machines: ['m1'],
    workers,
    objects: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'kept-backup', namespace },
        stringData: { passphrase },
      },
    ],
    spec: {
      deletionPolicy: 'Reset',
      backup: {
        target: { directory: { path: join(dir, 'backups') } },
        encryptionSecretRef: { name: 'kept-backup' },
      },
    },
  });
  let group: MachineGroup;
  let sandbox: Sandbox;
  let host: ApiClient;
  let version: string;
  let kubectl: string;
  let controller: RunningController | undefined;
  /** Each has a log of its own. */
  let started = 0;

  const onHost = async (...args: readonly string[]) => {
    const { stdout } = await execa(kubectl, [
      '--kubeconfig',
      sandbox.kubeconfigPath,
      '-n',
      namespace,
      ...args,
    ]);
    return stdout;
  };
  const status = async (kind: string, name: string) =>
    (
      JSON.parse(await onHost('get', kind, name, '-o', 'json')) as {
        readonly status?: Record<string, unknown>;
      }
    ).status;
  const inCluster = async (...args: readonly string[]) => {
    const { stdout } = await execa(kubectl, ['--kubeconfig', join(dir, 'kubeconfig'), ...args]);
    return stdout;
  };
  const leftOn = (machine: string) =>
    group
      .machine(machine)
      .exec('ls -d /etc/kubernetes/*.conf /etc/kubernetes/pki /var/lib/etcd/member 2>/dev/null || :');
  const apply = async (workers: readonly string[], more: readonly unknown[] = []) => {
    const text = fleetYaml([cluster(workers)], (name) => group.machine(name), version);
    const path = join(dir, 'kept.yaml');
    await writeFile(path, [text, ...more.map((each) => JSON.stringify(each))].join('\n---\n'), {
      mode: 0o600,
    });
    await onHost('apply', '-f', path);
  };
  const operate = (name: string, spec: Readonly<Record<string, unknown>>) =>
    host.create(
      {
        group: 'provision.hansa.dev',
        version: 'v1alpha1',
        kind: 'KubeOperation',
        plural: 'kubeoperations',
        namespaced: true,
      },
      {
        apiVersion: 'provision.hansa.dev/v1alpha1',
        kind: 'KubeOperation',
        metadata: { name, namespace },
        spec: { clusterName: 'kept', ...spec },
      },
    );
  const until = (kind: string, name: string, wanted: Readonly<Record<string, unknown>>, timeout = eachMs) =>
    vi.waitFor(async () => expect(await status(kind, name)).toMatchObject(wanted), {
      timeout,
      interval: 1_000,
    });

  /** As it is deployed: a process of its own, with the rights of deploy/rbac.yaml and no others. */
  const start = () =>
    startController({
      cliPath: fileURLToPath(new URL('../../src/cli/hansa.ts', import.meta.url)),
      kubeconfigPath: join(dir, 'controller-kubeconfig'),
      context: 'controller',
      logPath: join(dir, `controller-${++started}.log`),
      args: ['--bundle', bundlePath, '--allow-unsigned-bundle', 'true'],
      signal,
    });
  const limitRights = async () => {
    for (const file of ['service-account', 'rbac']) {
      const path = fileURLToPath(new URL(`../../deploy/${file}.yaml`, import.meta.url));
      await execa(kubectl, ['--kubeconfig', sandbox.kubeconfigPath, 'apply', '-f', path]);
    }
    const token = await onHost(
      '-n',
      defaultHostNamespace,
      'create',
      'token',
      'hansa-controller',
      '--duration=2h',
    );
    const { server, caData } = serverOf(sandbox.host.adminKubeconfig);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'host', cluster: { server, 'certificate-authority-data': caData } }],
      users: [{ name: 'controller', user: { token } }],
      contexts: [{ name: 'controller', context: { cluster: 'host', user: 'controller' } }],
    };
    await writeFile(join(dir, 'controller-kubeconfig'), JSON.stringify(config), { mode: 0o600 });
  };

  beforeAll(async () => {
    await ensureDocker({ progress, signal });
    const source = await ensureBundleDir({ progress, signal });
    version = source.kubernetesVersion;
    kubectl = join(source.path, 'bin', 'kubectl');
    await mkdir(join(dir, 'backups'), { recursive: true });
    await createFromDirectories([source.path], { to: bundlePath, privateKey: undefined, clock: systemClock });
    group = await startMachines({ count: 2, progress, signal });
    sandbox = await startSandbox({
      name: `kept-${process.pid}`,
      members: [],
      hostParts: 'controllers',
      progress,
      signal,
    });
    host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access, {
      name: 'host',
    });
    await installHost({
      hostClient: host,
      namespace: defaultHostNamespace,
      crds: await readCrds(),
      clock: systemClock,
      progress,
      signal,
    });
    await execa(kubectl, ['--kubeconfig', sandbox.kubeconfigPath, 'create', 'namespace', namespace]);
    await limitRights();
    controller = await start();
  }, coldMs);
  afterAll(async () => {
    await controller?.[Symbol.asyncDispose]();
    await host?.close();
    await sandbox?.[Symbol.asyncDispose]();
    await group?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  it(
    'is made of its machine, and becomes a member of the federation',
    async () => {
      await apply([]);
      await until('kubecluster', 'kept', { phase: 'Ready' });
      await until('kubemachine', 'm1', { phase: 'Ready' });
      const kubeconfig = await onHost('get', 'secret', 'kept-kubeconfig', '-o', 'jsonpath={.data.value}');
      await writeFile(join(dir, 'kubeconfig'), Buffer.from(kubeconfig, 'base64').toString());
      await inCluster('create', 'configmap', 'canary', '--from-literal=sings=yes');
      const member = await onHost(
        '-n',
        defaultHostNamespace,
        'get',
        'kubefedcluster',
        'kept',
        '-o',
        'jsonpath={.metadata.labels.region}',
      );
      expect(member).toBe('eu');
    },
    eachMs,
  );

  it(
    'takes a worker in, though the controller is stopped in the middle of it',
    async () => {
      await apply(['m2']);
      await vi.waitFor(
        async () => expect(await status('kubemachine', 'm2')).toMatchObject({ phase: 'Installing' }),
        { timeout: 120_000, interval: 200 },
      );
      await controller?.[Symbol.asyncDispose]();
      controller = await start();
      await until('kubemachine', 'm2', { phase: 'Ready' });
      await until('kubecluster', 'kept', { phase: 'Ready', workers: { desired: 1, ready: 1 } });
      expect(await inCluster('get', 'nodes', '-o', 'name')).toBe('node/m1\nnode/m2');
    },
    eachMs,
  );

  it(
    'is backed up when somebody asks, and can be put back once somebody agrees',
    async () => {
      await operate('by-hand', { type: 'Backup' });
      await until('kubeoperation', 'by-hand', { phase: 'Completed' });
      const name = await vi.waitFor(
        () => onHost('get', 'etcdbackups', '-o', 'jsonpath={.items[0].metadata.name}'),
        { timeout: 30_000, interval: 500 },
      );
      expect(await status('etcdbackup', name)).toMatchObject({ phase: 'Verified' });
      await until('kubecluster', 'kept', { lastBackup: { name } });
      await inCluster('create', 'configmap', 'too-late', '--from-literal=sings=no');

      await operate('put-back', { type: 'Restore', backupRef: { name } });
      await until('kubeoperation', 'put-back', { phase: 'WaitingForApproval' });
      expect(await inCluster('get', 'configmap', 'too-late', '-o', 'name')).toBe('configmap/too-late');
      await onHost('patch', 'kubeoperation', 'put-back', '--type=merge', '-p', '{"spec":{"approved":true}}');
      await until('kubeoperation', 'put-back', { phase: 'Completed' });
      expect(await inCluster('get', 'configmap', 'canary', '-o', 'jsonpath={.data.sings}')).toBe('yes');
      await expect(inCluster('get', 'configmap', 'too-late')).rejects.toThrow(/not found/i);
    },
    eachMs,
  );

  it(
    'is backed up by its schedule, too',
    async () => {
      const schedule = (cron: string | null) =>
        onHost(
          'patch',
          'kubecluster',
          'kept',
          '--type=merge',
          '-p',
          JSON.stringify({ spec: { backup: { schedule: cron } } }),
        );
      await schedule('* * * * *');
      await vi.waitFor(
        async () =>
          expect(await onHost('get', 'etcdbackups', '-o', 'jsonpath={.items[*].spec.trigger}')).toContain(
            'Scheduled',
          ),
        { timeout: 150_000, interval: 1_000 },
      );
      await schedule(null);
      const { conditions } = (await status('kubecluster', 'kept')) as {
        readonly conditions: readonly unknown[];
      };
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'BackupRecent', status: 'True' }));
    },
    eachMs,
  );

  it(
    'renews a certificate that is due, asked by nobody',
    async () => {
      const onMachine = (script: string) => group.machine('m1').exec(script);
      const inUse = 'openssl x509 -noout -fingerprint -sha256 -in /etc/kubernetes/pki/apiserver.crt';
      await onMachine(shortApiServer);
      const short = await onMachine(inUse);
      // Whatever makes it look; by itself it does so every ten minutes.
      await onHost(
        'patch',
        'kubecluster',
        'kept',
        '--type=merge',
        '-p',
        '{"spec":{"rollout":{"maxUnavailable":2}}}',
      );
      await vi.waitFor(
        async () => {
          const { conditions } = (await status('kubecluster', 'kept')) as {
            readonly conditions: readonly unknown[];
          };
          expect(await onMachine(inUse)).not.toBe(short);
          expect(conditions).toContainEqual(
            expect.objectContaining({ type: 'CertificatesValid', status: 'True', reason: 'AsDesired' }),
          );
        },
        { timeout: eachMs, interval: 2_000 },
      );
      const runs = await onHost('get', 'kubeoperations', '-o', 'jsonpath={.items[*].metadata.name}');
      const renewal = runs.split(' ').find((name) => name.startsWith('kept-renew-'));
      expect(await status('kubeoperation', renewal ?? '')).toMatchObject({ phase: 'Completed' });
      expect(await inCluster('get', 'configmap', 'canary', '-o', 'jsonpath={.data.sings}')).toBe('yes');
    },
    eachMs,
  );

  it(
    'replaces a machine that somebody has agreed to lose, and goes to no version that it can’t',
    async () => {
      const node = ['get', 'node', 'm2', '-o', 'jsonpath={.metadata.uid}'];
      const before = await inCluster(...node);
      await operate('swap', { type: 'ReplaceMachine', machines: ['m2'], approved: true });
      await until('kubeoperation', 'swap', { phase: 'Completed' });
      expect(await inCluster(...node)).not.toBe(before);
      await operate('too-new', { type: 'Upgrade', version: '1.99.0' });
      await until('kubeoperation', 'too-new', { phase: 'Refused' });
      expect(await onHost('get', 'kubecluster', 'kept', '-o', 'jsonpath={.spec.version}')).toBe(version);
    },
    eachMs,
  );

  it(
    'lets a machine go whose object is deleted',
    async () => {
      await onHost('delete', 'kubemachine', 'm2', '--timeout=300s');
      expect(await inCluster('get', 'nodes', '-o', 'name')).toBe('node/m1');
      await until('kubecluster', 'kept', { phase: 'Ready', workers: { desired: 0 } });
      expect(await leftOn('m2')).toBe('');
    },
    eachMs,
  );

  it(
    'moves to a state file and back, and is kept by one of them at a time',
    async () => {
      const shell = openShell({
        env: { HANSA_STATE: join(dir, 'state.json'), HANSA_STATE_PASSPHRASE: 'only for this test' },
        signal,
        quiet: true,
      });
      const at = ['--kubeconfig', sandbox.kubeconfigPath, '--host-context', hostName];
      await shell.hansa(['pivot', 'to-file', 'kept', ...at]);
      await until('kubecluster', 'kept', { phase: 'Moved' });
      const bundle = ['--bundle', bundlePath, '--allow-unsigned'];
      const [applied] = JSON.parse(
        await shell.hansa(['cluster', 'apply', 'kept', ...bundle, '-o', 'json']),
      ) as unknown[];
      expect(applied).toMatchObject({ isComplete: true, steps: [] });
      await shell.hansa(['pivot', 'to-host', 'kept', ...at]);
      await until('kubecluster', 'kept', { phase: 'Ready' });
      expect(await inCluster('get', 'nodes', '-o', 'name')).toBe('node/m1');
    },
    eachMs,
  );

  it(
    'goes as its deletionPolicy says, and leaves the federation first',
    async () => {
      await onHost('delete', 'kubecluster', 'kept', '--timeout=300s');
      expect(await leftOn('m1')).toBe('');
      expect(await onHost('-n', defaultHostNamespace, 'get', 'kubefedclusters', '-o', 'name')).toBe('');
      expect(await onHost('get', 'kubeoperations', '-l', 'provision.hansa.dev/automatic', '-o', 'name')).toBe(
        '',
      );
    },
    eachMs,
  );

  it('tells no secret, neither in its log nor in what it shows of itself', async () => {
    const logs = ['controller-1.log', 'controller-2.log'].map((name) => readFile(join(dir, name), 'utf8'));
    const log = (await Promise.all(logs)).join('');
    const shown = await onHost('get', 'kubeoperations,etcdbackups,events', '-o', 'yaml');
    expect(log).toContain('run ended');
    const key = group.machine('m1').ssh.privateKey.split('\n')[2] ?? '';
    for (const secret of [passphrase, key]) {
      expect(log).not.toContain(secret);
      expect(shown).not.toContain(secret);
    }
    // What it may not do it was told by the host, and would have said.
    expect(log).not.toMatch(/hansa-controller\\?" cannot/);
  });
});

/** A certificate for two minutes, in the place of one for a year. */
const shortApiServer = `
export KUBECONFIG=/etc/kubernetes/admin.conf
kubectl -n kube-system get configmap kubeadm-config -o jsonpath={.data.ClusterConfiguration} >/root/short.yaml
sed -i '/^certificateValidityPeriod:/d' /root/short.yaml
echo 'certificateValidityPeriod: 2m' >>/root/short.yaml
kubeadm certs renew apiserver --config /root/short.yaml`;

function serverOf(kubeconfig: string): { readonly server: string; readonly caData: string } {
  const { clusters } = parse(kubeconfig) as {
    readonly clusters: readonly {
      readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
    }[];
  };
  const { cluster } = clusters[0] ?? {};
  return { server: cluster?.server ?? '', caData: cluster?.['certificate-authority-data'] ?? '' };
}
