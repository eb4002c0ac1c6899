import { Readable } from 'node:stream';
import { type ConnectS3, openTarget, passphraseOf } from '../backup/open-target.ts';
import { takeBackup } from '../backup/take-backup.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { readRemoteFile } from '../etcd/read-remote-file.ts';
import {
  type RemoteSnapshot,
  removeSnapshot,
  saveSnapshot,
  snapshotDirectory,
} from '../etcd/save-snapshot.ts';
import { backupName } from '../plan/backup.ts';
import { type BackupSpec, controlPlanes } from '../plan/cluster-spec.ts';
import type { Step } from '../plan/steps.ts';
import { askKubectl } from './kubectl.ts';

/**
 * Takes a snapshot of etcd and brings it off its machine: sealed, with PKI and configuration, to the target of the spec.
 * Without a target it stays on the control planes, each of which gets a copy. `inputs.purpose` says what for.
 */
export const snapshotEtcd: Executor = snapshotEtcdWith();

export function snapshotEtcdWith(connectS3?: ConnectS3): Executor {
  return {
    async observe(_context, step) {
      // What was saved by an earlier attempt is older than the moment this one stands for.
      return { kind: 'todo', why: `a snapshot is due ${purposeOf(step)}` };
    },

    async apply(context, step) {
      const { cluster, clock, signal } = context;
      const machine = await context.healthyControlPlane();
      context.update(`taking a snapshot on ${machine.spec.name}`);
      const snapshot = await saveSnapshot(machine, backupName(cluster, clock.now()), {
        signal,
        ...(cluster.etcd.kind === 'external' && { endpoints: cluster.etcd.endpoints }),
      });
      context.note({
        sizeBytes: String(snapshot.sizeBytes),
        sha256: `sha256:${snapshot.sha256}`,
        ...(snapshot.status && {
          revision: snapshot.status.revision,
          keys: String(snapshot.status.totalKeys),
        }),
      });
      if (cluster.backup) await storeAway(context, step, machine, snapshot, cluster.backup, connectS3);
      else await spread(context, machine, snapshot);
    },

    async verify() {
      // `apply` ends with reading back what it stored.
    },
  };
}

async function storeAway(
  context: StepContext,
  step: Step,
  machine: Machine,
  snapshot: RemoteSnapshot,
  backup: BackupSpec,
  connectS3: ConnectS3 | undefined,
): Promise<void> {
  const { secrets, signal } = context;
  try {
    const taken = await takeBackup(context, machine, snapshot, {
      target: await openTarget(backup, secrets, connectS3),
      passphrase: await passphraseOf(backup, secrets),
      purpose: purposeOf(step),
      kubeadmConfig: await askKubectl(
        machine,
        ['-n', 'kube-system', 'get', 'configmap', 'kubeadm-config', '-o', 'yaml', '--ignore-not-found'],
        { signal },
      ),
    });
    context.note({
      backup: taken.name,
      backupBytes: String(taken.sizeBytes),
      removed: taken.removed.join(','),
    });
  } finally {
    await removeSnapshot(machine, snapshot.path, signal);
  }
}

/** Kept of the snapshots on control planes; they lie on the disk that etcd needs. */
const keptOnMachines = 3;

async function spread(context: StepContext, from: Machine, snapshot: RemoteSnapshot): Promise<void> {
  const { cluster, signal } = context;
  const others = controlPlanes(cluster).filter(({ name }) => name !== from.spec.name);
  for (const { name } of others) {
    context.update(`copying the snapshot to ${name}`);
    const machine = context.machine(name);
    await machine.transport.upload({
      path: snapshot.path,
      content: () =>
        Readable.from(readRemoteFile(from, snapshot.path, { sizeBytes: snapshot.sizeBytes, signal })),
      sizeBytes: snapshot.sizeBytes,
      sha256: snapshot.sha256,
      mode: 0o600,
      signal,
    });
    await prune(machine, signal);
  }
  await prune(from, signal);
  context.note({
    path: snapshot.path,
    machines: [from.spec.name, ...others.map(({ name }) => name)].join(','),
  });
}

async function prune(machine: Machine, signal: AbortSignal): Promise<void> {
  await machine.transport.exec({
    script: `cd "$1" && ls -1t -- *.hansa-backup.db 2>/dev/null | tail -n +$(($2 + 1)) | xargs -r rm -f --`,
    args: [snapshotDirectory, String(keptOnMachines)],
    root: true,
    signal,
  });
}

function purposeOf({ inputs }: Step): string {
  return typeof inputs.purpose === 'string' ? inputs.purpose : 'by request';
}
