import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { HansaError } from '../../base/index.ts';
import type { BackupManifest } from '../backup/manifest.ts';
import { snapshotPath } from '../backup/manifest.ts';
import { type ConnectS3, openTarget, passphraseOf } from '../backup/open-target.ts';
import { openBackup } from '../backup/verify-backup.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import { readRemoteFile } from '../etcd/read-remote-file.ts';
import { checkSnapshot, type SnapshotDigest } from '../etcd/snapshot-check.ts';
import type { RestoreSource } from '../plan/restore.ts';

/** A snapshot that was proved whole and can be read as often as needed. */
export interface ProvedSnapshot extends AsyncDisposable {
  readonly digest: SnapshotDigest;
  readonly manifest: BackupManifest | undefined;
  content(): Readable;
  /** Authorities it was made under, PEM, where they came with it. */
  authority(): AsyncIterable<Buffer> | undefined;
}

/** Reads the whole source and proves it, before any machine is touched. @throws HansaError */
export async function proveSource(
  context: StepContext,
  source: Exclude<RestoreSource, { kind: 'survivor' }>,
  connectS3?: ConnectS3,
): Promise<ProvedSnapshot> {
  context.update('reading and checking the snapshot');
  switch (source.kind) {
    case 'backup':
      return proveBackup(context, source.name, connectS3);
    case 'snapshot':
      return proveRemote(context, context.machine(source.machine), source.path);
  }
}

async function proveBackup(
  context: StepContext,
  name: string,
  connectS3?: ConnectS3,
): Promise<ProvedSnapshot> {
  const { cluster, secrets, signal } = context;
  if (!cluster.backup) {
    throw new HansaError(`the spec names no place for backups, so ${name} can't be found: set spec.backup`, {
      reason: 'BackupTargetMissing',
      retry: 'never',
    });
  }
  const target = await openTarget(cluster.backup, secrets, connectS3);
  const opened = await openBackup(target, name, await passphraseOf(cluster.backup, secrets), signal);
  const path = opened.path(snapshotPath);
  if (!path) {
    await opened[Symbol.asyncDispose]();
    throw new HansaError(`the backup ${name} holds no snapshot of etcd`, {
      reason: 'BackupCorrupt',
      retry: 'never',
    });
  }
  const item = opened.manifest.items.find((one) => one.path === snapshotPath);
  const authority = opened.path('pki/ca.crt');
  return {
    digest: { sizeBytes: (await stat(path)).size, sha256: item?.sha256 ?? '' },
    manifest: opened.manifest,
    content: () => createReadStream(path),
    authority: () => (authority ? createReadStream(authority) : undefined),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

async function proveRemote({ signal }: StepContext, machine: Machine, path: string): Promise<ProvedSnapshot> {
  const { stdout } = await machine.transport.exec({
    script: 'stat -c %s "$1" 2>/dev/null || echo absent',
    args: [path],
    root: true,
    signal,
  });
  const sizeBytes = Number(stdout.trim());
  if (!Number.isSafeInteger(sizeBytes)) {
    throw new HansaError(`${machine.spec.name} has no ${path}`, { reason: 'BackupMissing', retry: 'never' });
  }
  const read = (): AsyncGenerator<Buffer> => readRemoteFile(machine, path, { sizeBytes, signal });
  return {
    digest: await checkSnapshot(read()),
    manifest: undefined,
    content: () => Readable.from(read()),
    authority: () => undefined,
    async [Symbol.asyncDispose]() {
      // It stays where it was.
    },
  };
}

/** @throws HansaError BackupOfOtherCluster */
export async function refuseForeign(
  context: StepContext,
  machine: Machine,
  snapshot: ProvedSnapshot,
): Promise<void> {
  const theirs = snapshot.authority();
  if (!theirs) return;
  const ours = await machine.transport.readFile('/etc/kubernetes/pki/ca.crt', { signal: context.signal });
  if (!ours) return;
  const hash = createHash('sha256');
  for await (const chunk of theirs) hash.update(chunk);
  if (hash.digest('hex') === createHash('sha256').update(ours).digest('hex')) return;
  throw new HansaError(
    `the backup was made under another authority than ${machine.spec.name} has: it is of another cluster` +
      `${snapshot.manifest ? ` (${snapshot.manifest.cluster.namespace}/${snapshot.manifest.cluster.name})` : ''}, or of one that was made anew since; nothing was changed`,
    { reason: 'BackupOfOtherCluster', retry: 'never' },
  );
}
