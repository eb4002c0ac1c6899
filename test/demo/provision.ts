/**
 * `npm run demo:provision`: bare machines become three clusters in three regions, join a federation, run one
 * FederatedDeployment with real kubelets, and lose and replace a control plane. Needs Docker for the machines.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { parseAllDocuments } from 'yaml';
import { defaultHostNamespace } from '../../src/api/names.ts';
import { HansaError, messageOf } from '../../src/base/index.ts';
import { applyQuickstart } from '../../src/cli/demo/quickstart.ts';
import { startController } from '../../src/cli/demo/start-controller.ts';
import { installHost, readCrds } from '../../src/cli/commands/install.ts';
import { createProgress } from '../../src/cli/progress.ts';
import { renderTable } from '../../src/cli/table.ts';
import { createApiClient, type KubeObject, loadAccess, systemClock } from '../../src/kube/index.ts';
import { createFromDirectories } from '../../src/provision/index.ts';
import { ensureBinaries, hostName, startSandbox } from '../../src/sandbox/index.ts';
import { ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';
import { type FleetCluster, fleetYaml } from './fleet.ts';
import { openShell, type Shell } from './hansa-command.ts';

const { values: flags } = parseArgs({
  options: { exit: { type: 'boolean' }, output: { type: 'string', short: 'o' } },
});
const isJson = flags.output === 'json';

const before: readonly FleetCluster[] = [
  { name: 'eu', region: 'eu', machines: ['eu-1'] },
  { name: 'us', region: 'us', machines: ['us-1'] },
  { name: 'ap', region: 'ap', machines: ['ap-1', 'ap-2', 'ap-3'] },
];
/** The first control plane is gone, another machine takes its place. */
const after: readonly FleetCluster[] = before.map((cluster) =>
  cluster.name === 'ap' ? { ...cluster, machines: ['ap-4', 'ap-2', 'ap-3'] } : cluster,
);
/** Ready pods of the FederatedDeployment, as examples/demo-provision says. */
const wanted: Readonly<Record<string, number>> = { eu: 1, us: 1, ap: 3 };

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => stop.abort(new HansaError('the demo was interrupted', { reason: 'Cancelled' })));
}
const { signal } = stop;
const tookMs: Record<string, number> = {};

async function perform(): Promise<void> {
  await using held = new AsyncDisposableStack();
  const progress = createProgress();
  await timed('programs', async () => {
    held.use(await ensureDocker({ progress, signal }));
  });
  const binaries = await timed('programs', () => ensureBinaries({ progress, signal }));
  const source = await timed('programs', () => ensureBundleDir({ progress, signal }));
  const dir = join(machinesDir(), `demo-${process.pid}`);
  await mkdir(dir, { recursive: true });
  held.defer(() => rm(dir, { recursive: true, force: true }));
  const bundlePath = join(dir, 'bundle');
  const kubectl = join(source.path, 'bin', 'kubectl');
  await createFromDirectories([source.path], { to: bundlePath, privateKey: undefined, clock: systemClock });

  const names = [...new Set([...before, ...after].flatMap(({ machines }) => machines))];
  const group = await timed('machines', () => startMachines({ names, progress, signal }));
  held.use(group);

  const sandbox = await timed('host', () =>
    startSandbox({
      name: `demo-provision-${process.pid}`,
      members: [],
      hostParts: 'controllers',
      binaries,
      progress,
      signal,
    }),
  );
  held.use(sandbox);
  const { access } = await loadAccess({ text: sandbox.host.adminKubeconfig });
  const host = createApiClient(access, { name: 'host', userAgent: 'hansa-demo' });
  held.defer(() => host.close());
  await installHost({
    hostClient: host,
    namespace: defaultHostNamespace,
    crds: await readCrds(),
    clock: systemClock,
    progress,
    signal,
  });
  const controller = await startController({
    cliPath: fileURLToPath(new URL('../../src/cli/hansa.ts', import.meta.url)),
    kubeconfigPath: sandbox.kubeconfigPath,
    context: hostName,
    logPath: join(sandbox.dir, 'controller.log'),
    args: [],
    signal,
  });
  held.use(controller);

  const shell = openShell({
    env: { HANSA_STATE: join(dir, 'state.json'), HANSA_STATE_PASSPHRASE: 'only for this demo' },
    signal,
    quiet: isJson,
  });
  const fleetPath = join(dir, 'fleet.yaml');
  const apply = async (clusters: readonly FleetCluster[], ...more: readonly string[]) => {
    await writeFile(
      fleetPath,
      fleetYaml(clusters, (name) => group.machine(name), source.kubernetesVersion),
      { mode: 0o600 },
    );
    const trust = ['--bundle', bundlePath, '--allow-unsigned'];
    const at = ['--host-kubeconfig', sandbox.kubeconfigPath, '--host-context', hostName];
    await shell.hansa(['cluster', 'apply', '-f', fleetPath, ...trust, ...at, ...more]);
  };

  say(
    `Three clusters of ${names.length - 1} bare machines, side by side: one each in eu and us, three in ap`,
  );
  await timed('clusters', () => apply(before));
  const kubeconfigs = await keepKubeconfigs(shell, dir, before);

  say('One FederatedDeployment for all of them: examples/demo-provision/01-web.yaml');
  await timed('pods', async () => {
    await applyQuickstart(host, [{ name: '01-web.yaml', documents: await readExample() }], {
      signal,
      onFile: () => {},
    });
    await untilPodsRun(kubeconfigs, kubectl);
  });
  await showFleet(kubeconfigs, kubectl);

  say('The power of ap-1 is cut: the first control plane of ap, with one of its three members of etcd');
  await group.machine('ap-1').kill();
  await timed('noticed', () => untilLost('ap-1', 'ap', shell));
  say('ap-4 takes its place in the file; ap-1 is said to be gone for good');
  await timed('replacement', () => apply(after, '--forget-unreachable', 'ap-1', '--yes'));
  const kept = await keepKubeconfigs(shell, dir, after);
  await timed('pods again', () => untilPodsRun(kept, kubectl));
  await shell.hansa(['cluster', 'status', 'ap']);
  await showFleet(kept, kubectl);

  if (isJson) process.stdout.write(`${JSON.stringify({ ok: true, tookMs }, undefined, 2)}\n`);
  else tellTimes();
  if (!flags.exit && !isJson) await stayUp(kept, sandbox.kubeconfigPath);
}

async function keepKubeconfigs(
  shell: Shell,
  dir: string,
  clusters: readonly FleetCluster[],
): Promise<ReadonlyMap<string, string>> {
  const paths = new Map<string, string>();
  for (const { name } of clusters) {
    const path = join(dir, `${name}.kubeconfig`);
    const text = await shell.hansa(['cluster', 'kubeconfig', name], { reads: true });
    await writeFile(path, text, { mode: 0o600 });
    paths.set(name, path);
  }
  return paths;
}

async function readExample(): Promise<readonly KubeObject[]> {
  const path = new URL('../../examples/demo-provision/01-web.yaml', import.meta.url);
  return parseAllDocuments(await readFile(path, 'utf8')).map((document) => document.toJS() as KubeObject);
}

const noticedLimitMs = 120_000;

/** Until Kubernetes itself has seen that a node is lost; a machine that seems alive is not forgotten. */
async function untilLost(machine: string, cluster: string, shell: Shell): Promise<void> {
  const giveUpAt = performance.now() + noticedLimitMs;
  for (;;) {
    // Its exit code says that the cluster is not well, which it isn't.
    const text = await shell.hansa(['cluster', 'status', cluster, '-o', 'json'], {
      reads: true,
      mayFail: true,
    });
    const { machines } = JSON.parse(text) as {
      readonly machines: readonly { readonly name: string; readonly state: string }[];
    };
    if (machines.some(({ name, state }) => name === machine && state.startsWith('Unreachable'))) return;
    if (performance.now() > giveUpAt) {
      throw new HansaError(`node ${machine} is still Ready after ${noticedLimitMs / 1000} s`, {
        reason: 'TookTooLong',
      });
    }
    await sleep(2_000, undefined, { signal });
  }
}

const podsLimitMs = 180_000;

async function untilPodsRun(kubeconfigs: ReadonlyMap<string, string>, kubectl: string): Promise<void> {
  const giveUpAt = performance.now() + podsLimitMs;
  for (;;) {
    const counts = await Promise.all(
      [...kubeconfigs].map(async ([name, path]) => [name, await readyPods(kubectl, path)] as const),
    );
    if (counts.every(([name, count]) => count === wanted[name])) return;
    signal.throwIfAborted();
    if (performance.now() > giveUpAt) {
      const seen = counts.map(([name, count]) => `${name} ${count} of ${wanted[name] ?? 0}`).join(', ');
      throw new HansaError(`the pods were not ready after ${podsLimitMs / 1000} s: ${seen}`, {
        reason: 'TookTooLong',
      });
    }
    await sleep(1_000, undefined, { signal });
  }
}

async function readyPods(kubectl: string, kubeconfig: string): Promise<number> {
  const { stdout, failed } = await execa(
    kubectl,
    ['--kubeconfig', kubeconfig, '-n', 'web', 'get', 'deployment', 'web', '--ignore-not-found', '-o', 'json'],
    { reject: false, timeout: 15_000, cancelSignal: signal },
  );
  if (failed || stdout.trim() === '') return 0;
  return (JSON.parse(stdout) as { status?: { readyReplicas?: number } }).status?.readyReplicas ?? 0;
}

interface NodeRow {
  readonly cluster: string;
  readonly node: string;
  readonly ready: string;
  readonly version: string;
  readonly pods: number;
}

/** The Nodes as each cluster's own API server tells of them. */
async function showFleet(kubeconfigs: ReadonlyMap<string, string>, kubectl: string): Promise<void> {
  if (isJson) return;
  const rows: NodeRow[] = [];
  for (const [cluster, path] of kubeconfigs) {
    const read = async (...args: readonly string[]) =>
      JSON.parse(
        (await execa(kubectl, ['--kubeconfig', path, ...args, '-o', 'json'], { timeout: 15_000 })).stdout,
      ) as { items: readonly (KubeObject & Record<string, never>)[] };
    const pods = (await read('-n', 'web', 'get', 'pods', '-l', 'app=web')).items as unknown as readonly {
      spec: { nodeName?: string };
      status: { phase?: string };
    }[];
    const nodes = (await read('get', 'nodes')).items as unknown as readonly {
      metadata: { name: string };
      status: {
        conditions: readonly { type: string; status: string }[];
        nodeInfo: { kubeletVersion: string };
      };
    }[];
    for (const { metadata, status } of nodes) {
      rows.push({
        cluster,
        node: metadata.name,
        ready: status.conditions.find(({ type }) => type === 'Ready')?.status ?? 'Unknown',
        version: status.nodeInfo.kubeletVersion,
        pods: pods.filter((pod) => pod.spec.nodeName === metadata.name && pod.status.phase === 'Running')
          .length,
      });
    }
  }
  process.stdout.write(
    `\n${renderTable<NodeRow>(
      [
        { heading: 'CLUSTER', cell: ({ cluster }) => cluster },
        { heading: 'NODE', cell: ({ node }) => node },
        { heading: 'READY', cell: ({ ready }) => ready },
        { heading: 'KUBELET', cell: ({ version }) => version },
        { heading: 'PODS OF web', cell: ({ pods }) => pods, align: 'right' },
      ],
      rows,
    )}\n`,
  );
}

function say(text: string): void {
  if (!isJson) process.stdout.write(`\n${text}.\n`);
}

async function timed<T>(phase: string, work: () => Promise<T>): Promise<T> {
  const fromMs = performance.now();
  try {
    return await work();
  } finally {
    tookMs[phase] = Math.round((tookMs[phase] ?? 0) + performance.now() - fromMs);
  }
}

function tellTimes(): void {
  const parts = Object.entries(tookMs).map(([phase, ms]) => `${phase} ${Math.round(ms / 1000)} s`);
  process.stdout.write(`\n✓ It went as it should: ${parts.join(', ')}.\n`);
}

async function stayUp(kubeconfigs: ReadonlyMap<string, string>, hostKubeconfig: string): Promise<void> {
  const lines = [...kubeconfigs.values()].map((path) => `  kubectl --kubeconfig ${path} get pods -A`);
  process.stdout.write(
    `\nAll of it stays up until you press Ctrl-C:\n${lines.join('\n')}\n  npm run -s hansa -- get clusters --kubeconfig ${hostKubeconfig}\n`,
  );
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

try {
  await perform();
} catch (error) {
  process.stderr.write(`demo:provision: ${error instanceof HansaError ? messageOf(error) : String(error)}\n`);
  process.exitCode = 1;
}
