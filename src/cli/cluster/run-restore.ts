import type { HansaError } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import type { ClusterSpec, Observed, ReadCluster, RestoreSource, Work } from '../../provision/index.ts';
import { invalidOption, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { agreementOf } from './agree.ts';
import { checkMachines } from './check-machines.ts';
import type { WorkFlags } from './cluster-options.ts';
import { keyOf, loadStored } from './load-clusters.ts';
import { openWork } from './open-work.ts';
import { isThere, type Outcome, outcomeData, renderOutcome } from './outcome.ts';
import { backupSource, snapshotSource, survivorOf } from './restore-source.ts';
import { isSameRestore, newToken, openRestore } from './restore-token.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';
import { workOn } from './work-on.ts';

interface LossFlags
  extends Pick<WorkFlags, 'state' | 'passphraseFile' | 'namespace' | 'output' | 'yes' | 'acceptHostKeys'> {
  /** Control planes that are lost for certain. */
  readonly without: readonly string[];
}

export interface RestoreFlags extends LossFlags {
  readonly from?: string;
  readonly snapshot?: string;
}

export interface RecoverFlags extends LossFlags {
  readonly machine?: string;
}

/** etcd back from a backup, or from a snapshot on a machine. */
export async function runClusterRestore(name: string | undefined, flags: RestoreFlags): Promise<number> {
  const { from, snapshot } = flags;
  if (from !== undefined && snapshot !== undefined) throw invalidOption('take one of --from and --snapshot');
  return putBack(name, flags, async (work, { spec }) => {
    if (snapshot !== undefined) return snapshotSource(snapshot);
    if (from !== undefined) return backupSource(from, await work.backups(), spec.name);
    throw await noSource(work, spec);
  });
}

/** etcd goes on from what one machine still has. */
export async function runClusterRecover(name: string | undefined, flags: RecoverFlags): Promise<number> {
  return putBack(name, flags, async (_work, { spec }, observed) => {
    if (flags.machine !== undefined) checkMachines(spec, [flags.machine]);
    return survivorOf(spec, observed, { machine: flags.machine, without: flags.without });
  });
}

type ChooseSource = (work: Work, cluster: ReadCluster, observed: Observed) => Promise<RestoreSource>;

async function putBack(name: string | undefined, flags: LossFlags, choose: ChooseSource): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const { without } = flags;
  const state = openState(flags);
  const stops = stopSignals();
  const cluster = await loadStored(name, flags.namespace, state);
  const { spec } = cluster;
  checkMachines(spec, without);
  await using work = await openWork(cluster, { state, flags, progress: createProgress(), stops });
  const observed = await work.look();
  const source = await choose(work, cluster, observed);
  const journal = (await state.cluster(keyOf(cluster)))?.journal ?? [];
  const token = await tokenFor(work, observed, { source, without, open: openRestore(journal) });
  const outcome = await workOn(work, {
    cluster: spec.name,
    goal: { kind: 'restore', wish: { source, without, token } },
    agreement: agreementOf(flags.yes ?? false, stops.signal),
    stops,
  });
  if (format) await printData({ ...(outcomeData(outcome) as object), source, token }, format);
  else process.stdout.write(`${renderRestored(spec, outcome, source, without)}\n`);
  return isThere(outcome) ? 0 : 1;
}

/** One that was begun goes on where it stopped, if it is the same; another one begins anew. */
async function tokenFor(
  work: Work,
  observed: Observed,
  {
    source,
    without,
    open,
  }: {
    readonly source: RestoreSource;
    readonly without: readonly string[];
    readonly open: ReturnType<typeof openRestore>;
  },
): Promise<string> {
  const fresh = newToken(systemClock.now());
  if (!open) return fresh;
  const plan = await work.plan({ kind: 'restore', wish: { source, without, token: open.token } }, observed);
  if (isSameRestore(plan, open)) {
    process.stderr.write(`note: the restore that was begun (${open.token}) goes on\n`);
    return open.token;
  }
  process.stderr.write(
    `note: another restore (${open.token}) was begun and not ended; this one takes its place\n`,
  );
  return fresh;
}

function renderRestored(
  spec: ClusterSpec,
  outcome: Outcome,
  source: RestoreSource,
  without: readonly string[],
): string {
  const { name } = spec;
  return renderOutcome(outcome, {
    done: [
      `etcd of cluster ${name} is restored, after ${Math.round(outcome.tookMs / 1000)} s`,
      ...(joinsAnew(spec, source, without).length > 0
        ? [
            `to join anew or be replaced: ${joinsAnew(spec, source, without).join(', ')}. With a bundle, run:`,
            `hansa cluster apply ${name}`,
          ]
        : [`hansa cluster status ${name}`]),
    ].join('\n'),
    nothing: `cluster ${name}: nothing was restored`,
    again: againText(name, source, without),
    width: process.stdout.columns,
  });
}

function joinsAnew(
  { machines }: ClusterSpec,
  source: RestoreSource,
  without: readonly string[],
): readonly string[] {
  return machines
    .filter(({ role }) => role === 'control-plane')
    .map(({ name }) => name)
    .filter((name) => without.includes(name) || (source.kind === 'survivor' && source.machine !== name));
}

function againText(name: string, source: RestoreSource, without: readonly string[]): string {
  const losses = without.map((machine) => ` --without ${machine}`).join('');
  switch (source.kind) {
    case 'backup':
      return `hansa cluster restore ${name} --from ${source.name}${losses}`;
    case 'snapshot':
      return `hansa cluster restore ${name} --snapshot ${source.machine}:${source.path}${losses}`;
    case 'survivor':
      return `hansa cluster recover ${name} --machine ${source.machine}${losses}`;
  }
}

/** What there is to choose from. */
async function noSource(work: Work, { name, backup }: ClusterSpec): Promise<HansaError> {
  const backups = backup ? await work.backups() : [];
  const choices = [
    ...backups.slice(0, 3).map((each) => `  hansa cluster restore ${name} --from ${each.name}`),
    `  hansa cluster restore ${name} --snapshot MACHINE:PATH   from a snapshot on a control plane`,
    `  hansa cluster recover ${name}   from what one control plane still has`,
  ];
  return invalidOption(`say what cluster ${name} is restored from:\n${choices.join('\n')}`);
}
