import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChildProcess, spawn } from 'node:child_process';
import { silentLogger } from '../../src/base/index.ts';
import { installHost, readCrds, readPolicies } from '../../src/cli/commands/install.ts';
import {
  type ApiClient,
  Cache,
  type Cached,
  createApiClient,
  loadAccess,
  systemClock,
} from '../../src/kube/index.ts';
import { joinMember } from '../../src/members/join/index.ts';
import { type ControlPlane, type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { types } from '../support/world.ts';

/** What the benchmark sees of a Deployment: enough to tell which change has arrived. */
export interface Seen extends Cached {
  readonly image: string;
}

export interface Member {
  readonly name: string;
  readonly client: ApiClient;
  readonly deployments: Cache<Seen>;
}

/** A host and members, watched by the benchmark itself, with the controller as a process of its own. */
export interface Stage extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly host: ApiClient;
  readonly members: readonly Member[];
  startController(): Promise<Controller>;
}

/** CPU seconds used so far. */
export interface CpuUsed {
  readonly host: number;
  readonly members: number;
  readonly controller: number;
}

export interface Controller {
  readonly pid: number;
  readonly startedInMs: number;
  /** Resident memory, MB. */
  rssMb(): number;
  /** By the API servers with their etcd, and by the controller: steadier than seconds on a machine that others use. */
  cpuUsed(): CpuUsed;
  metric(name: string): Promise<number>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export const namespace = 'bench';
export const rawNamespace = 'raw';

export async function setStage(memberCount: number): Promise<Stage> {
  const sandbox = await startSandbox({
    name: `bench-${randomUUID().slice(0, 8)}`,
    members: Array.from({ length: memberCount }, (_, i) => ({ name: `cluster${i + 1}` })),
  });
  const root = new AbortController();
  const open = async ({ adminKubeconfig }: ControlPlane) =>
    createApiClient((await loadAccess({ text: adminKubeconfig })).access, { deadlineMs: 120_000 });
  try {
    const host = await open(sandbox.host);
    await installHost({
      hostClient: host,
      namespace: 'kube-federation-system',
      crds: await readCrds(),
      policies: process.env.HANSA_BENCH_POLICY ? await readPolicies() : [],
      clock: systemClock,
    });
    const watching: Promise<void>[] = [];
    const members = await Promise.all(
      sandbox.members.map(async (plane): Promise<Member> => {
        const client = await open(plane);
        await joinMember({
          hostClient: host,
          memberClient: client,
          memberAccess: (await loadAccess({ text: plane.adminKubeconfig })).access,
          name: plane.name,
          namespace: 'kube-federation-system',
          hostName: 'host',
          clock: systemClock,
        });
        const deployments = new Cache<Seen>({
          name: plane.name,
          client,
          type: types['Deployment'] as never,
          project: imageOf,
          clock: systemClock,
          rng: Math.random,
          logger: silentLogger,
        });
        watching.push(deployments.run(root.signal));
        await client.create(types['Namespace'] as never, {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: rawNamespace },
        });
        await deployments.synced;
        return { name: plane.name, client, deployments };
      }),
    );
    await federateNamespace(host);
    return {
      sandbox,
      host,
      members,
      startController: () => startController(sandbox),
      [Symbol.asyncDispose]: async () => {
        root.abort();
        await Promise.all(watching);
        await Promise.all([host, ...members.map(({ client }) => client)].map((client) => client.close()));
        await sandbox.down();
      },
    };
  } catch (error) {
    await sandbox.down();
    throw error;
  }
}

function imageOf(object: { metadata: { resourceVersion?: string }; [field: string]: unknown }): Seen {
  const spec = object['spec'] as { template?: { spec?: { containers?: { image?: string }[] } } } | undefined;
  return {
    resourceVersion: object.metadata.resourceVersion ?? '',
    image: spec?.template?.spec?.containers?.[0]?.image ?? '',
  };
}

async function federateNamespace(host: ApiClient): Promise<void> {
  await host.create(types['Namespace'] as never, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  await host.create(types['FederatedNamespace'] as never, {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedNamespace',
    metadata: { name: namespace, namespace },
    spec: { placement: { clusterSelector: {} } },
  });
}

async function startController(sandbox: Sandbox): Promise<Controller> {
  const started = performance.now();
  // As the image runs it, if the bundle was built.
  const entry = existsSync('dist/hansa.js') ? 'dist/hansa.js' : 'src/cli/hansa.ts';
  const child: ChildProcess = spawn(
    process.execPath,
    [
      ...(process.env.HANSA_BENCH_NODE_ARGS ?? '--optimize-for-size').split(' ').filter(Boolean),
      entry,
      'controller',
      '--kubeconfig',
      sandbox.host.kubeconfigPath,
      '--listen',
      '127.0.0.1:0',
      '--leader-elect',
      'false',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let port = 0;
  const log: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log.push(text);
    port ||= Number(/"port":(\d+)/.exec(text)?.[1] ?? 0);
  });
  while (port === 0 || !(await isReady(port))) {
    if (child.exitCode !== null) throw new Error(`the controller ended: ${log.join('').slice(-2_000)}`);
    await systemClock.sleep(20);
  }
  return {
    pid: child.pid as number,
    startedInMs: performance.now() - started,
    rssMb: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    cpuUsed: () => {
      const { processes } = JSON.parse(readFileSync(join(sandbox.dir, 'state.json'), 'utf8')) as {
        processes: { pid: number; controlPlane: string }[];
      };
      const sum = (wanted: boolean) =>
        processes
          .filter(({ controlPlane }) => (controlPlane === 'host') === wanted)
          .reduce((total, { pid }) => total + cpuSecondsOf(pid), 0);
      return { host: sum(true), members: sum(false), controller: cpuSecondsOf(child.pid as number) };
    },
    metric: (name) => readMetric(`http://127.0.0.1:${port}/metrics`, name),
    stop: async (signal = 'SIGTERM') => {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}

/** User and system time, which Linux counts in hundredths of a second. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** The sum of a metric's samples whose line matches. */
async function readMetric(url: string, pattern: string): Promise<number> {
  const text = await (await fetch(url)).text();
  return sumOf(text, new RegExp(pattern));
}

export function sumOf(text: string, pattern: RegExp): number {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#') && pattern.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Writes that an API server has answered for a resource, by its own count. */
export async function writesSeenBy(client: ApiClient, resource: string): Promise<number> {
  const text = await client.raw('/metrics');
  return sumOf(
    text,
    new RegExp(`^apiserver_request_total\\{.*resource="${resource}".*verb="(APPLY|PATCH|POST|PUT|DELETE)"`),
  );
}
