import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ApiClient, createApiClient, loadAccess, type ResourceType } from '../../src/kube/index.ts';
import {
  type ControlPlane,
  listSandboxes,
  openSandbox,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
  stopSandbox,
} from '../../src/sandbox/index.ts';
import { isRunning } from '../../src/sandbox/process-identity.ts';
import { type ProcessRecord, readState } from '../../src/sandbox/state.ts';

const core = (kind: string, plural: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced,
});
const configMaps = core('ConfigMap', 'configmaps');
const namespaces = core('Namespace', 'namespaces', false);
const nodes = core('Node', 'nodes', false);
const pods = core('Pod', 'pods');
const deployments: ResourceType = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
};
const jobs: ResourceType = { group: 'batch', version: 'v1', kind: 'Job', plural: 'jobs', namespaced: true };

const names: string[] = [];

/** A name that the end of the test takes down, however it ends. */
function name(): string {
  const made = `box-${process.pid}-${names.length}`;
  names.push(made);
  return made;
}

afterEach(async () => {
  for (const each of names) {
    if (listSandboxes().some((status) => status.name === each)) await stopSandbox(each, { keep: false });
  }
});

async function clientOf({ adminKubeconfig }: ControlPlane): Promise<ApiClient> {
  return createApiClient((await loadAccess({ text: adminKubeconfig })).access);
}

function recordsOf({ dir }: Pick<Sandbox, 'dir'>): readonly ProcessRecord[] {
  return readState(dir)?.processes ?? [];
}

const aConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'mark' } };

describe('two sandboxes at once', () => {
  it('are ready in seconds, know nothing of each other, and leave nothing behind', async () => {
    const members = [{ name: 'm1' }];
    const [one, other] = await Promise.all([
      startSandbox({ name: name(), members }),
      startSandbox({ name: name(), members }),
    ]);
    const records = [...recordsOf(one), ...recordsOf(other)];
    expect(records).toHaveLength(8);

    const [inOne, inOther] = await Promise.all([clientOf(one.members[0] ?? one.host), clientOf(other.host)]);
    await inOne.create(configMaps, aConfigMap);
    await expect(inOther.get(configMaps, aConfigMap.metadata)).rejects.toMatchObject({ reason: 'NotFound' });
    await Promise.all([inOne.close(), inOther.close()]);

    await one.down();
    expect(recordsOf(other).every(isRunning)).toBe(true);
    await other.down();
    expect(records.filter(isRunning)).toEqual([]);
    expect([existsSync(one.dir), existsSync(other.dir)]).toEqual([false, false]);
  });
});

describe('a control plane', () => {
  it('lets in nobody without a certificate, and keeps its secrets to its owner', async () => {
    await using sandbox = await startSandbox({ name: name(), members: [] });
    const ca = Buffer.from(sandbox.host.caData, 'base64').toString();
    const stranger = createApiClient({ server: sandbox.host.server, ca });
    for (const path of ['/api', '/readyz', '/version', '/livez']) {
      await expect(stranger.raw(path)).rejects.toMatchObject({ reason: 'Unauthorized' });
    }
    await stranger.close();
    await expect(speakWithEtcd(sandbox)).rejects.toThrow();

    for (const file of allFiles(sandbox.dir)) expect([file, statSync(file).mode & 0o077]).toEqual([file, 0]);
    expect(statSync(sandbox.dir).mode & 0o777).toBe(0o700);
  });

  it('gives each part its own rights: the one that simulates nodes reads no secrets', async () => {
    await using sandbox = await startSandbox({ name: name(), members: [{ name: 'm1' }], parts: 'full' });
    const text = readFileSync(join(sandbox.dir, 'm1', 'kwok.kubeconfig'), 'utf8');
    const kwok = createApiClient((await loadAccess({ text })).access);
    await expect(kwok.get(nodes, { name: 'm1-node-1' })).resolves.toBeDefined();
    await expect(
      kwok.get(core('Secret', 'secrets'), { namespace: 'kube-system', name: 'x' }),
    ).rejects.toMatchObject({ reason: 'Forbidden' });
    await kwok.close();
  });

  it('comes back with its data and on its port after its API server was stopped, killed or frozen', async () => {
    await using sandbox = await startSandbox({ name: name(), members: [] });
    const { host } = sandbox;
    const client = await clientOf(host);
    await client.create(configMaps, aConfigMap);

    for (const end of [() => host.stopApiServer(), () => host.killApiServer()]) {
      await end();
      await expect(client.get(configMaps, aConfigMap.metadata)).rejects.toMatchObject({
        reason: 'Unreachable',
      });
      await host.startApiServer();
      await expect(client.get(configMaps, aConfigMap.metadata)).resolves.toBeDefined();
    }
    host.pause();
    await expect(client.get(configMaps, aConfigMap.metadata, { deadlineMs: 500 })).rejects.toMatchObject({
      reason: 'Timeout',
    });
    host.resume();
    await expect(client.get(configMaps, aConfigMap.metadata)).resolves.toBeDefined();
    await client.close();
  });
});

describe('a full member', () => {
  it('runs Deployments, Jobs and deletions to their end', async () => {
    await using sandbox = await startSandbox({
      name: name(),
      members: [{ name: 'm1', region: 'eu' }],
      parts: 'full',
    });
    const [member] = sandbox.members;
    if (!member) throw new Error('no member');
    const client = await clientOf(member);
    const node = await client.get(nodes, { name: 'm1-node-1' });
    expect(node.metadata.labels).toMatchObject({ 'topology.kubernetes.io/region': 'eu' });

    const namespace = 'test';
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const started = performance.now();
    await client.create(deployments, deployment(namespace, 3));
    await vi.waitFor(
      async () => {
        const { status } = await client.get(deployments, { namespace, name: 'web' });
        expect(status).toMatchObject({ readyReplicas: 3 });
      },
      { timeout: 20_000, interval: 20 },
    );
    console.log(`3 replicas Ready after ${Math.round(performance.now() - started)} ms`);

    await client.create(jobs, job(namespace));
    await vi.waitFor(
      async () => {
        const { status } = await client.get(jobs, { namespace, name: 'once' });
        expect(status).toMatchObject({ succeeded: 1 });
      },
      { timeout: 20_000 },
    );

    await client.remove(namespaces, { name: namespace });
    await vi.waitFor(
      async () => {
        await expect(client.get(namespaces, { name: namespace })).rejects.toMatchObject({
          reason: 'NotFound',
        });
      },
      { timeout: 30_000 },
    );
    for await (const page of client.list(pods, { namespace })) expect(page.items).toEqual([]);
    await client.close();
  });
});

describe('a sandbox whose starter is killed', () => {
  it('goes with it', async () => {
    const box = name();
    const starter = await startElsewhere({ name: box, members: [] });
    const records = recordsOf(starter);
    expect(records.filter(isRunning)).toHaveLength(2);
    starter.kill();
    await vi.waitFor(() => expect(records.filter(isRunning)).toEqual([]), { timeout: 10_000 });
    // The next start under the name clears the directory away.
    await using again = await startSandbox({ name: box, members: [] });
    expect(recordsOf(again).every(isRunning)).toBe(true);
  });

  it('lives on if it is detached, and is then ended exactly by its name', async () => {
    const box = name();
    const starter = await startElsewhere({ name: box, members: [{ name: 'm1' }], detached: true });
    starter.kill();
    const records = recordsOf(starter);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(records.filter(isRunning)).toHaveLength(4);

    const opened = openSandbox(box);
    const client = await clientOf(opened.members[0] ?? opened.host);
    expect(await client.raw('/readyz')).toBe('ok');
    await client.close();
    await expect(startSandbox({ name: box, members: [] })).rejects.toMatchObject({
      reason: 'AlreadyRunning',
    });
    await using bystander = await startSandbox({ name: name(), members: [] });

    await stopSandbox(box);
    expect(records.filter(isRunning)).toEqual([]);
    expect(existsSync(opened.dir)).toBe(false);
    expect(recordsOf(bystander).every(isRunning)).toBe(true);
  });
});

describe('starting a sandbox', () => {
  it('that is interrupted leaves nothing', async () => {
    const box = name();
    const interrupt = new AbortController();
    const starting = startSandbox({ name: box, members: [{ name: 'm1' }], signal: interrupt.signal });
    const outcome = starting.catch((error: unknown) => error);
    const dir = join(process.env.HANSA_SANDBOX_DIR ?? '', box);
    await vi.waitFor(() => expect(recordsOf({ dir }).length).toBeGreaterThan(2), {
      timeout: 20_000,
      interval: 5,
    });
    const records = recordsOf({ dir });
    interrupt.abort(new Error('Ctrl-C'));
    expect(await outcome).toMatchObject({ message: 'Ctrl-C' });
    expect(records.filter(isRunning)).toEqual([]);
    expect(existsSync(dir)).toBe(false);
  });

  it('is not disturbed by a stop under its name, which comes after it', async () => {
    const box = name();
    const starting = startSandbox({ name: box, members: [] });
    const dir = join(process.env.HANSA_SANDBOX_DIR ?? '', box);
    await vi.waitFor(() => expect(recordsOf({ dir }).length).toBeGreaterThan(0), {
      timeout: 20_000,
      interval: 5,
    });
    const [sandbox] = await Promise.all([starting, stopSandbox(box)]);
    expect(existsSync(sandbox.dir)).toBe(false);
    await sandbox.down();
  });

  it('goes on with the data of one that was taken down with --keep, on the same ports', async () => {
    const box = name();
    const first = await startSandbox({ name: box, members: [], keep: true });
    const before = await clientOf(first.host);
    await before.create(configMaps, aConfigMap);
    await before.close();
    await first.down();
    expect(listSandboxes().find((status) => status.name === box)?.standing).toBe('kept');

    const second = await startSandbox({ name: box, members: [] });
    const after = await clientOf(second.host);
    await expect(after.get(configMaps, aConfigMap.metadata)).resolves.toBeDefined();
    await after.close();
    expect(second.host.server).toBe(first.host.server);
    await stopSandbox(box, { keep: false });
    expect(existsSync(second.dir)).toBe(false);
  });

  it('on a port that is taken says which', async () => {
    await using first = await startSandbox({ name: name(), members: [] });
    const basePort = Number(new URL(first.host.server).port);
    await expect(startSandbox({ name: name(), members: [], basePort })).rejects.toThrow(
      new RegExp(`port ${basePort}`),
    );
  });

  it('tells its user when it is taken down by other hands', async () => {
    const box = name();
    const sandbox = await startSandbox({ name: box, members: [] });
    const end = sandbox.watchForEnd(AbortSignal.timeout(20_000));
    await stopSandbox(box);
    expect(await end).toEqual({ kind: 'taken-down' });
    await sandbox.down();
  });

  it('tells its user when one of its programs crashes', async () => {
    await using sandbox = await startSandbox({ name: name(), members: [] });
    const end = sandbox.watchForEnd(AbortSignal.timeout(20_000));
    const etcd = recordsOf(sandbox).find(({ component }) => component === 'etcd');
    process.kill(etcd?.pid ?? 0, 'SIGKILL');
    expect(await end).toEqual({ kind: 'process-ended', component: 'etcd', controlPlane: 'host' });
  });
});

/** Starts a sandbox in a process of its own. */
async function startElsewhere(options: SandboxOptions): Promise<{ dir: string; kill: () => void }> {
  const program = `
    const { startSandbox } = await import(process.env.ROOM);
    const sandbox = await startSandbox(JSON.parse(process.env.OPTIONS));
    console.log(sandbox.dir);
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ROOM: new URL('../../src/sandbox/index.ts', import.meta.url).href,
      OPTIONS: JSON.stringify(options),
    },
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { dir: line.toString().trim(), kill: () => child.kill('SIGKILL') };
}

/** A client without a certificate: the server ends the connection when it sees that there is none. */
function speakWithEtcd(sandbox: Sandbox): Promise<void> {
  const port = readState(sandbox.dir)?.controlPlanes[0]?.etcdPort ?? 0;
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      socket.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n');
    });
    socket.once('data', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without a word')));
  });
}

function allFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function deployment(namespace: string, replicas: number) {
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx' }] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'web' },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
}

function job(namespace: string) {
  const spec = { restartPolicy: 'Never', containers: [{ name: 'once', image: 'busybox' }] };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace, name: 'once' },
    spec: { template: { spec } },
  };
}
