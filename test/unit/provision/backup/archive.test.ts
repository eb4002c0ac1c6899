import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ArchiveEntry, readArchive, writeArchive } from '../../../../src/provision/backup/archive.ts';
import { directoryTarget } from '../../../../src/provision/backup/directory-target.ts';
import { openBackup } from '../../../../src/provision/backup/verify-backup.ts';
import { snapshotPath } from '../../../../src/provision/backup/manifest.ts';

const quick = { cost: 2 ** 4, chunkBytes: 4096 };
const passphrase = 'correct horse';
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

const manifest = {
  schemaVersion: 1 as const,
  cluster: { namespace: 'default', name: 'north' },
  takenAt: '2026-11-23T07:00:00.000Z',
  takenOn: 'm1',
  purpose: 'test',
  kubernetesVersion: '1.36.3',
  snapshot: { revision: '812' },
  members: [{ name: 'm1', peerUrls: ['https://10.0.0.1:2380'] }],
};

/** As etcd writes one: pages, then the SHA-256 of them. */
function snapshot(pages = 40): Buffer {
  const body = createHash('shake256', { outputLength: 512 * pages })
    .update('db')
    .digest();
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

function entry(path: string, content: Buffer, claim: Partial<ArchiveEntry> = {}): ArchiveEntry {
  return {
    path,
    sizeBytes: content.length,
    sha256: sha256(content),
    async *content() {
      for (let at = 0; at < content.length; at += 1000) yield content.subarray(at, at + 1000);
    },
    ...claim,
  };
}

const entries = [entry('pki/ca.key', Buffer.from('KEY')), entry(snapshotPath, snapshot())];

async function gather(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

async function* once(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}

describe('a backup', () => {
  it('gives back its manifest and every item', async () => {
    const whole = await gather(writeArchive(manifest, entries, passphrase, quick));
    const found = new Map<string, Buffer>();
    const read = await readArchive(once(whole), passphrase, async ({ path }, content) => {
      found.set(path, await gather(content));
    });
    expect(read.cluster.name).toBe('north');
    expect(read.items.map(({ path }) => path)).toEqual(['pki/ca.key', snapshotPath]);
    expect(found.get('pki/ca.key')?.toString()).toBe('KEY');
    expect(found.get(snapshotPath)?.equals(snapshot())).toBe(true);
  });

  it('is never finished when what it reads is not what was announced', async () => {
    const wrong = [entry('pki/ca.key', Buffer.from('KEY'), { sha256: sha256(Buffer.from('other')) })];
    await expect(gather(writeArchive(manifest, wrong, passphrase, quick))).rejects.toMatchObject({
      reason: 'BackupCorrupt',
    });
  });

  it('is never finished when its source breaks off', async () => {
    const broken = entry('pki/ca.key', Buffer.alloc(3000), {
      async *content() {
        yield Buffer.alloc(1000);
        throw new Error('connection lost');
      },
    });
    await expect(gather(writeArchive(manifest, [broken], passphrase, quick))).rejects.toThrow(
      'connection lost',
    );
  });

  it('is never finished with a snapshot that is cut off, though its hash was taken of the cut one', async () => {
    const cut = snapshot().subarray(0, 9000);
    await expect(
      gather(writeArchive(manifest, [entry(snapshotPath, cut)], passphrase, quick)),
    ).rejects.toMatchObject({
      reason: 'SnapshotCorrupt',
    });
  });

  it.each([
    [
      'its end is missing',
      (whole: Buffer) => whole.subarray(0, whole.length - 5000),
      passphrase,
      'BackupCorrupt',
    ],
    [
      'a byte in the middle was changed',
      (whole: Buffer) => Buffer.from(whole).fill(0, whole.length / 2, whole.length / 2 + 1),
      passphrase,
      'BackupCorrupt',
    ],
    ['the passphrase is another', (whole: Buffer) => whole, 'wrong horse', 'PassphraseWrong'],
    ['it is something else', () => Buffer.from('#!/bin/sh\n'.repeat(900)), passphrase, 'NotSealed'],
    ['it is empty', () => Buffer.alloc(0), passphrase, 'NotSealed'],
  ])('is refused when %s', async (_case, change, given, reason) => {
    const whole = await gather(writeArchive(manifest, entries, passphrase, quick));
    await expect(readArchive(once(change(whole)), given)).rejects.toMatchObject({ reason, retry: 'never' });
  });
});

describe('a directory of backups', () => {
  let path = '';
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'hansa-backup-'));
  });
  afterAll(() => rm(path, { recursive: true, force: true }));

  it('lists what was put there whole, for its owner alone', async () => {
    const target = directoryTarget(join(path, 'a'));
    expect(await target.list()).toEqual([]);
    await target.put('default.north-20261123T070000Z.hansa-backup', once(Buffer.from('sealed')));
    expect(await target.list()).toEqual([
      { name: 'default.north-20261123T070000Z.hansa-backup', sizeBytes: 6 },
    ]);
    const { mode } = await stat(join(path, 'a', 'default.north-20261123T070000Z.hansa-backup'));
    expect(mode & 0o777).toBe(0o600);
    expect((await gather(target.get('default.north-20261123T070000Z.hansa-backup'))).toString()).toBe(
      'sealed',
    );
  });

  it('keeps the old one and no leftovers when a new one breaks off', async () => {
    const target = directoryTarget(join(path, 'b'));
    await target.put('one', once(Buffer.from('old')));
    const broken = (async function* () {
      yield Buffer.from('new');
      throw new Error('connection lost');
    })();
    await expect(target.put('one', broken)).rejects.toThrow('connection lost');
    expect(await readdir(join(path, 'b'))).toEqual(['one']);
    expect((await gather(target.get('one'))).toString()).toBe('old');
  });

  it('says which backup is missing, and takes no name that leads out of it', async () => {
    const target = directoryTarget(path);
    await expect(gather(target.get('none'))).rejects.toMatchObject({ reason: 'BackupMissing' });
    await expect(target.put('../out', once(Buffer.alloc(1)))).rejects.toMatchObject({
      reason: 'BadBackupName',
    });
  });
});

describe('an opened backup', () => {
  let path = '';
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'hansa-open-'));
  });
  afterAll(() => rm(path, { recursive: true, force: true }));

  const opened = async (): Promise<readonly string[]> =>
    (await readdir(tmpdir())).filter((name) => name.startsWith('hansa-restore-'));

  it('lies in files that only its owner can read, and goes when it is no more needed', async () => {
    const target = directoryTarget(path);
    await target.put('good', writeArchive(manifest, entries, passphrase, quick));
    let file = '';
    {
      await using backup = await openBackup(target, 'good', passphrase);
      file = backup.path('pki/ca.key') ?? '';
      expect(await readFile(file, 'utf8')).toBe('KEY');
      expect((await stat(file)).mode & 0o077).toBe(0);
      expect(backup.path('pki/other')).toBeUndefined();
    }
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it('leaves nothing behind when it is damaged', async () => {
    const before = await opened();
    const target = directoryTarget(path);
    const whole = await gather(writeArchive(manifest, entries, passphrase, quick));
    await target.put('bad', once(whole.subarray(0, whole.length - 100)));
    await expect(openBackup(target, 'bad', passphrase)).rejects.toMatchObject({ reason: 'BackupCorrupt' });
    expect(await opened()).toEqual(before);
  });
});
