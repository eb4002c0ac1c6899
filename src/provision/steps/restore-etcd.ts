import { HansaError } from '../../base/index.ts';
import type { ConnectS3 } from '../backup/open-target.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { readMembers } from '../etcd/read-members.ts';
import { saveSnapshot } from '../etcd/save-snapshot.ts';
import type { RestoreSource } from '../plan/restore.ts';
import type { Step } from '../plan/steps.ts';
import {
  type RestoreStage,
  readyScript,
  restoreStage,
  startApiStage,
  startEtcdStage,
  startRestStage,
  stopStage,
  undoStage,
} from './restore-scripts.ts';
import { proveSource, refuseForeign } from './restore-source.ts';
import { lastWords, mustRunToEnd } from './run-to-end.ts';
import { textInput, textsInput } from './step-machine.ts';

/**
 * Puts etcd back on all its machines at once.
 *
 * *Flow*: the snapshot is proved; every machine is asked whether it is ready; the snapshot goes to each; control planes
 * are stopped everywhere; data is moved aside and restored; etcd starts, then the API servers, then the rest.
 * *Guarantees*: nothing is touched before the snapshot was proved and every machine said yes. No data is removed. Stages
 * leave marks, so a broken-off restore goes on. Until a restored etcd has started, a failure puts the old state back.
 * *Assumes*: the PKI and the manifests are still on the machines.
 */
export const restoreEtcd: Executor = restoreEtcdWith();

export function restoreEtcdWith(connectS3?: ConnectS3): Executor {
  return {
    async observe(context, step) {
      const marks = await Promise.all(seats(context, step).map((machine) => marksOn(context, step, machine)));
      return marks.every((found) => found.has('done'))
        ? { kind: 'done' }
        : { kind: 'todo', why: `etcd is to be restored (${textInput(step, 'token')})` };
    },

    async apply(context, step) {
      const machines = seats(context, step);
      const marks = await Promise.all(machines.map((machine) => marksOn(context, step, machine)));
      // One that is restored already has what it needs; the source may be gone by now.
      if (!marks.every((found) => found.has('restored')))
        await bringSnapshot(context, step, machines, connectS3);
      await context.intent({
        token: textInput(step, 'token'),
        machines: machines.map(({ spec }) => spec.name).join(','),
      });
      const stopped = textsInput(step, 'stop').map((name) => context.machine(name));
      await runStage(context, step, stopped, stopStage);
      await runStage(context, step, machines, restoreStage);
      await runStage(context, step, machines, startEtcdStage);
      await checkMembers(context, machines);
      await runStage(context, step, machines, startApiStage);
      await runStage(context, step, machines, startRestStage);
      context.note({ oldData: `etcd.failed-${textInput(step, 'token')} beside the data of etcd` });
    },

    async verify(context, step) {
      await checkMembers(context, seats(context, step));
    },

    async undo(context, step) {
      const machines = seats(context, step);
      const marks = await Promise.all(machines.map((machine) => marksOn(context, step, machine)));
      if (marks.some((found) => found.has('etcd-started'))) return;
      const stopped = textsInput(step, 'stop').map((name) => context.machine(name));
      await runStage(context, step, stopped, undoStage);
    },
  };
}

function seats(context: StepContext, step: Step): readonly Machine[] {
  return textsInput(step, 'machines').map((name) => context.machine(name));
}

async function marksOn({ signal }: StepContext, step: Step, machine: Machine): Promise<ReadonlySet<string>> {
  const { stdout } = await machine.transport.exec({
    script: 'ls "/var/lib/hansa/restore/$1" 2>/dev/null || true',
    args: [textInput(step, 'token')],
    root: true,
    signal,
  });
  return new Set(stdout.split('\n'));
}

/** Where each machine finds what it restores from. */
function snapshotOn(step: Step): string {
  return `/var/lib/hansa/restore/${textInput(step, 'token')}/snapshot.db`;
}

async function bringSnapshot(
  context: StepContext,
  step: Step,
  machines: readonly Machine[],
  connectS3: ConnectS3 | undefined,
): Promise<void> {
  const { signal } = context;
  const source = step.inputs.source as RestoreSource;
  if (source.kind === 'survivor') {
    await takeFromSurvivor(context, step, context.machine(source.machine));
    return;
  }
  await using snapshot = await proveSource(context, source, connectS3);
  for (const machine of machines) {
    await refuseForeign(context, machine, snapshot);
    await askReady(context, step, machine, snapshot.digest.sizeBytes);
  }
  await Promise.all(
    machines.map((machine) =>
      machine.transport.upload({
        path: snapshotOn(step),
        content: () => snapshot.content(),
        sizeBytes: snapshot.digest.sizeBytes,
        sha256: snapshot.digest.sha256,
        mode: 0o600,
        signal,
      }),
    ),
  );
}

async function askReady(
  { signal }: StepContext,
  step: Step,
  machine: Machine,
  sizeBytes: number,
): Promise<void> {
  const result = await machine.transport.exec({
    script: readyScript,
    args: [textInput(step, 'token'), String(sizeBytes)],
    root: true,
    signal,
  });
  if (result.code === 0) return;
  throw new HansaError(
    `etcd can't be restored on ${machine.spec.name}: ${lastWords(result)}; nothing was changed`,
    {
      reason: 'NotReadyForRestore',
      retry: 'never',
    },
  );
}

/**
 * A member that still answers gives a snapshot with a check sum, quorum or not. From one that doesn't, its file is taken
 * after it stopped, as it is.
 */
async function takeFromSurvivor(context: StepContext, step: Step, machine: Machine): Promise<void> {
  const { signal } = context;
  await askReady(context, step, machine, 0);
  const saved = await saveSnapshot(machine, `survivor-${textInput(step, 'token')}`, {
    signal,
    deadlineMs: 10 * 60_000,
  }).catch(() => undefined);
  await machine.transport.exec({
    script: `mkdir -p -m 700 "\${1%/*}"
if [ -n "$2" ]; then mv "$2" "$1"; else ln -sfn /var/lib/etcd/member/snap/db "$1"; fi`,
    args: [snapshotOn(step), saved?.path ?? ''],
    root: true,
    signal,
  });
  context.note({
    from: saved ? 'a snapshot of the living member' : "the member's file, without a check sum",
  });
}

/** Side by side on all machines; the next stage begins when all are through. */
async function runStage(
  context: StepContext,
  step: Step,
  machines: readonly Machine[],
  { what, script, deadlineMs }: RestoreStage,
): Promise<void> {
  context.update(what.replace('restore-', '').replaceAll('-', ' '));
  const cluster = seats(context, step)
    .map((machine) => `${machine.spec.nodeName}=${peerUrl(machine)}`)
    .join(',');
  const outcomes = await Promise.allSettled(
    machines.map((machine) =>
      mustRunToEnd(context, step, machine, {
        what,
        script,
        args: [textInput(step, 'token'), machine.spec.nodeName, peerUrl(machine), cluster, snapshotOn(step)],
        deadlineMs,
        reason: 'RestoreFailed',
        mend: 'the old data is kept; see /var/lib/hansa/restore there, and try again',
      }),
    ),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

function peerUrl({ internalAddress }: Machine): string {
  return `https://${internalAddress.includes(':') ? `[${internalAddress}]` : internalAddress}:2380`;
}

const patienceMs = 60_000;

/** The members are exactly the machines, all well. */
async function checkMembers({ clock, signal }: StepContext, machines: readonly Machine[]): Promise<void> {
  const [first] = machines;
  if (!first) return;
  const end = clock.monotonic() + patienceMs;
  const wanted = machines.map(peerUrl).toSorted();
  for (;;) {
    const members = await readMembers(first, { signal });
    const found = members.flatMap(({ peerUrls }) => peerUrls).toSorted();
    const ill = members.filter(({ isHealthy }) => isHealthy !== true);
    if (ill.length === 0 && found.join() === wanted.join()) return;
    if (clock.monotonic() > end) {
      throw new HansaError(
        `etcd was restored, and its members are ${found.join(', ')} instead of ${wanted.join(', ')}, ${ill.length} of them not well: ` +
          'see the log of etcd below /var/log/pods',
        { reason: 'EtcdNotHealthy' },
      );
    }
    await clock.sleep(1000, signal);
  }
}
