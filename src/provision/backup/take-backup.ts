import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import { readMembers } from '../etcd/read-members.ts';
import type { RemoteSnapshot } from '../etcd/save-snapshot.ts';
import { backupName, backupTime, expiredBackups } from '../plan/backup.ts';
import { writeArchive } from './archive.ts';
import { collectEntries } from './collect.ts';
import type { BackupTarget } from './target.ts';
import { verifyBackup } from './verify-backup.ts';

export interface TakenBackup {
  readonly name: string;
  readonly sizeBytes: number;
  /** Older ones that were removed to make room. */
  readonly removed: readonly string[];
}

/**
 * Brings a snapshot, the PKI and the configuration of a cluster to a target, in one sealed file, and reads it back.
 * Only a backup that was proved makes older ones go.
 */
export async function takeBackup(
  context: StepContext,
  machine: Machine,
  snapshot: RemoteSnapshot,
  {
    target,
    passphrase,
    purpose,
    kubeadmConfig,
  }: {
    readonly target: BackupTarget;
    readonly passphrase: string;
    readonly purpose: string;
    readonly kubeadmConfig: string;
  },
): Promise<TakenBackup> {
  const { cluster, clock, signal, sight } = context;
  const name = backupName(cluster, clock.now());
  const entries = await collectEntries(
    machine,
    snapshot,
    {
      'kubeadm-config.yaml': kubeadmConfig,
      'cluster-spec.json': `${JSON.stringify(cluster, undefined, 2)}\n`,
    },
    signal,
  );
  const members = await readMembers(machine, { signal });
  const manifest = {
    schemaVersion: 1 as const,
    cluster: {
      namespace: cluster.namespace,
      name: cluster.name,
      ...(sight.kind === 'up' && { uid: sight.uid }),
    },
    takenAt: new Date(clock.now()).toISOString(),
    takenOn: machine.spec.name,
    purpose,
    kubernetesVersion: cluster.version,
    snapshot: {
      ...(snapshot.status && { revision: snapshot.status.revision, totalKeys: snapshot.status.totalKeys }),
      ...(snapshot.status?.version && { etcdVersion: snapshot.status.version }),
    },
    members: members.map(({ name: member, peerUrls }) => ({ name: member, peerUrls: [...peerUrls] })),
  };
  context.update(`storing the backup in ${target.where}`);
  await target.put(name, writeArchive(manifest, entries, passphrase), { signal });
  context.update('reading the backup back');
  await verifyBackup(target, name, passphrase, signal);
  const listed = await target.list({ signal });
  const sizeBytes = listed.find((one) => one.name === name)?.sizeBytes;
  if (sizeBytes === undefined) {
    throw new HansaError(`${target.where} took the backup ${name} and does not list it: check that store`, {
      reason: 'BackupMissing',
    });
  }
  return { name, sizeBytes, removed: await removeExpired(context, target, listed) };
}

async function removeExpired(
  { cluster, signal }: StepContext,
  target: BackupTarget,
  listed: readonly { readonly name: string; readonly sizeBytes: number }[],
): Promise<readonly string[]> {
  const ours = listed.flatMap(({ name, sizeBytes }) => {
    const takenAt = backupTime(cluster, name);
    return takenAt === undefined ? [] : [{ name, sizeBytes, takenAt }];
  });
  const expired = expiredBackups(ours, cluster.backup?.retention ?? ours.length);
  for (const { name } of expired) await target.remove(name, { signal });
  return expired.map(({ name }) => name);
}
