import { HansaError } from '../../base/index.ts';
import { type ClusterSpec, keyText, type JournalRecord } from '../../provision/index.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { bytesText } from './bytes-text.ts';
import type { ClusterFlags, MachineFlags } from './cluster-options.ts';
import { keyOf, loadStored } from './load-clusters.ts';
import { openWork } from './open-work.ts';
import { isThere, outcomeData, renderOutcome } from './outcome.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';
import { targetText } from './target-text.ts';
import { workOn } from './work-on.ts';

export interface BackupFlags extends ClusterFlags, Pick<MachineFlags, 'acceptHostKeys'> {
  readonly purpose?: string;
}

/** A backup in the target of the spec; without a target there is no backup, only a snapshot. */
export async function runClusterBackup(name: string | undefined, flags: BackupFlags): Promise<number> {
  return takeOne(name, flags, { needsTarget: true });
}

/** The same, and without a target the snapshot stays on the control planes. */
export async function runClusterSnapshot(name: string | undefined, flags: BackupFlags): Promise<number> {
  return takeOne(name, flags, { needsTarget: false });
}

async function takeOne(
  name: string | undefined,
  flags: BackupFlags,
  { needsTarget }: { readonly needsTarget: boolean },
): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const stops = stopSignals();
  const cluster = await loadStored(name, flags.namespace, state);
  const { spec } = cluster;
  if (needsTarget && !spec.backup) {
    throw new HansaError(
      `cluster ${spec.name} names no place for backups: set spec.backup and apply; or "hansa cluster snapshot ${spec.name}" leaves a snapshot of etcd on its control planes`,
      { reason: 'BackupTargetMissing', retry: 'never' },
    );
  }
  await using work = await openWork(cluster, { state, flags, progress: createProgress(), stops });
  const outcome = await workOn(work, {
    cluster: spec.name,
    goal: { kind: 'back-up', purpose: flags.purpose ?? 'by request' },
    agreement: { isGiven: true, ask: undefined },
    stops,
  });
  const isDone = isThere(outcome) && outcome.result !== undefined;
  const taken = isDone ? takenOf((await state.cluster(keyOf(cluster)))?.journal ?? []) : undefined;
  if (format) await printData({ ...(outcomeData(outcome) as object), ...taken?.evidence }, format);
  else {
    process.stdout.write(
      `${renderOutcome(outcome, {
        done: taken
          ? takenText(spec, taken.evidence, spec.backup && targetText(spec.backup))
          : `cluster ${keyText(spec)} is backed up`,
        nothing: `cluster ${spec.name}: nothing was taken`,
        again: `hansa cluster ${needsTarget ? 'backup' : 'snapshot'} ${spec.name}`,
        width: process.stdout.columns,
      })}\n`,
    );
  }
  return isDone ? 0 : 1;
}

/** What the journal says of the snapshot that was taken last. */
export function takenOf(journal: readonly JournalRecord[]): JournalRecord | undefined {
  return journal.findLast(
    ({ step, event }) => step.split('/')[1]?.startsWith('snapshot-etcd') && event === 'done',
  );
}

export function takenText(
  { name: cluster, etcd }: Pick<ClusterSpec, 'name' | 'etcd'>,
  evidence: JournalRecord['evidence'],
  target: string | undefined,
): string {
  const { backup, backupBytes, sizeBytes, keys, path, machines = '', removed = '' } = evidence;
  const content = `etcd ${bytesText(Number(sizeBytes))}${keys ? `, ${keys} keys` : ''}`;
  if (backup) {
    const old = removed.split(',').filter(Boolean);
    return [
      `backup ${backup} (${bytesText(Number(backupBytes))}; ${content})${target ? ` is in ${target}` : ''}`,
      ...(old.length > 0 ? [`beyond retention, and removed: ${old.join(', ')}`] : []),
      `hansa cluster restore ${cluster} --from ${backup}`,
    ].join('\n');
  }
  const [first = ''] = machines.split(',');
  return [
    `snapshot (${content}) is on ${machines.replaceAll(',', ', ')}: ${path}`,
    // The members are not ours to restore.
    etcd.kind === 'external'
      ? 'whoever keeps the etcd restores it, with "etcdutl snapshot restore"'
      : `hansa cluster restore ${cluster} --snapshot ${first}:${path}`,
  ].join('\n');
}
