/**
 * `npm run bench:provision`: a node made by Hansa beside one made by a script of plain kubeadm, on machines of the same
 * make and from the same files; then two clusters one after the other and side by side, and one with three control
 * planes. All in turn, since only ratios of one run count. How to read the figures: docs/benchmarks.md.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createProgress } from '../../src/cli/progress.ts';
import { systemClock } from '../../src/kube/index.ts';
import { createFromDirectories } from '../../src/provision/index.ts';
import { type FleetCluster, fleetYaml } from '../demo/fleet.ts';
import { openShell } from '../demo/hansa-command.ts';
import { type BundleDir, ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';
import { makePlainNode } from '../machines/plain-node.ts';

const rounds = Number(process.env.HANSA_BENCH_ROUNDS ?? 3);
const progress = createProgress();
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort(new Error('interrupted')));
const { signal } = stopping;
const dir = join(machinesDir(), `bench-${process.pid}`);
const figures: Record<string, number> = {};

function note(name: string, value: number, unit: string): void {
  figures[name] = Math.round(value * 100) / 100;
  process.stderr.write(`${name.padEnd(56)} ${figures[name]} ${unit}\n`);
}

await using held = new AsyncDisposableStack();
held.use(await ensureDocker({ progress, signal }));
const source = await ensureBundleDir({ progress, signal });
await mkdir(dir, { recursive: true });
held.defer(() => rm(dir, { recursive: true, force: true }));
const bundlePath = join(dir, 'bundle');
await createFromDirectories([source.path], { to: bundlePath, privateKey: undefined, clock: systemClock });

await measureOneNode(source);
await measureSideBySide();
process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`);

/** One node, by script and by Hansa, in turn; each on a machine that nobody used before. */
async function measureOneNode(bundle: BundleDir): Promise<void> {
  const plain: number[] = [];
  const hansa: number[] = [];
  const again: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using group = await startMachines({ names: ['plain', 'hansa'], signal });
    const { copyMs, setUpMs } = await makePlainNode(group.machine('plain'), bundle);
    plain.push((copyMs + setUpMs) / 1000);
    await group.remove('plain');
    const cluster = { name: 'one', region: 'eu', machines: ['hansa'] };
    const apply = await applierOf(group, `one-${round}`);
    hansa.push(await apply([cluster]));
    if (round === 0) await notePhases(`one-${round}`);
    again.push(await apply([cluster]));
  }
  note('one node, plain kubeadm by script, median', median(plain), 's');
  note('one node, hansa, median', median(hansa), 's');
  note(
    'one node, hansa / plain, median of the rounds',
    median(hansa.map((s, i) => s / (plain[i] ?? 1))),
    '×',
  );
  note('one node, hansa again with nothing to do, median', median(again), 's');
}

/** Two single nodes one after the other, then at once; then three control planes at once with a script's one node. */
async function measureSideBySide(): Promise<void> {
  await using group = await startMachines({ names: ['a', 'b', 'c', 'd', 'e', 'f', 'g'], signal });
  const one = (name: string): FleetCluster => ({ name, region: 'eu', machines: [name] });
  const first = await (await applierOf(group, 'after-1'))([one('a')]);
  const second = await (await applierOf(group, 'after-2'))([one('b')]);
  const both = await (await applierOf(group, 'both'))([one('c'), one('d')]);
  note('two clusters, one after the other', first + second, 's');
  note('two clusters, side by side', both, 's');
  note('two clusters, side by side / one after the other', both / (first + second), '×');
  const ha = await (await applierOf(group, 'ha'))([{ name: 'ha', region: 'eu', machines: ['e', 'f', 'g'] }]);
  note('three control planes', ha, 's');
  note('three control planes / three single nodes in a row', ha / ((first + second) * 1.5), '×');
}

type Apply = (clusters: readonly FleetCluster[]) => Promise<number>;

/** `hansa cluster apply` with a state file of its own; gives seconds. */
async function applierOf(group: MachineGroup, state: string): Promise<Apply> {
  const shell = openShell({ env: environmentOf(state), signal, quiet: true });
  return async (clusters) => {
    const path = join(dir, `${state}.yaml`);
    const text = fleetYaml(clusters, (name) => group.machine(name), source.kubernetesVersion);
    await writeFile(path, text, { mode: 0o600 });
    const startedMs = performance.now();
    await shell.hansa(['cluster', 'apply', '-f', path, '--bundle', bundlePath, '--allow-unsigned']);
    return (performance.now() - startedMs) / 1000;
  };
}

function environmentOf(state: string): Readonly<Record<string, string>> {
  return { HANSA_STATE: statePath(state), HANSA_STATE_PASSPHRASE: 'only for this benchmark' };
}

function statePath(state: string): string {
  return join(dir, `${state}.json`);
}

/** What each step of one node took, from the journal. */
async function notePhases(state: string): Promise<void> {
  const { clusters } = JSON.parse(await readFile(statePath(state), 'utf8')) as {
    readonly clusters: Readonly<
      Record<string, { readonly journal: readonly { at: string; step: string; event: string }[] }>
    >;
  };
  const journal = Object.values(clusters).flatMap((cluster) => cluster.journal);
  for (const { at, step } of journal.filter(({ event }) => event === 'started')) {
    const end = journal.find((record) => record.step === step && record.event === 'done');
    if (end) note(`  ${step}`, (Date.parse(end.at) - Date.parse(at)) / 1000, 's');
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
