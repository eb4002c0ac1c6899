import { describe, expect, it } from 'vitest';
import { bytesText } from '../../../../src/cli/cluster/bytes-text.ts';
import { takenOf, takenText } from '../../../../src/cli/cluster/run-backup.ts';
import { renderBackups } from '../../../../src/cli/cluster/run-backups.ts';
import { journalled } from '../../provision/plan/day-two-world.ts';

const shop = { name: 'shop', etcd: { kind: 'stacked', imageTag: undefined } } as const;

describe('a backup that was taken', () => {
  it('is told with its size, its place and the command that restores it', () => {
    const evidence = {
      backup: 'b1',
      backupBytes: '2097152',
      sizeBytes: '1048576',
      keys: '366',
      removed: 'b0',
    };
    expect(takenText(shop, evidence, '/srv/backups')).toBe(
      [
        'backup b1 (2.0 MiB; etcd 1.0 MiB, 366 keys) is in /srv/backups',
        'beyond retention, and removed: b0',
        'hansa cluster restore shop --from b1',
      ].join('\n'),
    );
  });

  it('that stayed on machines is told with its path', () => {
    const evidence = { sizeBytes: '1048576', path: '/x.db', machines: 'm1,m2' };
    expect(takenText(shop, evidence, undefined)).toBe(
      ['snapshot (etcd 1.0 MiB) is on m1, m2: /x.db', 'hansa cluster restore shop --snapshot m1:/x.db'].join(
        '\n',
      ),
    );
  });

  it('of an etcd that others keep is theirs to restore', () => {
    const evidence = { sizeBytes: '1048576', path: '/x.db', machines: 'm1' };
    const etcd = { kind: 'external', endpoints: ['https://10.0.0.9:2379'], secretName: 'kept' } as const;
    const text = takenText({ name: 'shop', etcd }, evidence, undefined);
    expect(text).toContain('whoever keeps the etcd restores it');
    expect(text).not.toContain('hansa cluster restore');
  });

  it('is the last one of the journal that was taken to its end', () => {
    const journal = [
      { ...journalled('cluster/snapshot-etcd', 'done'), operation: 'first' },
      { ...journalled('cluster/snapshot-etcd', 'failed'), operation: 'second' },
    ];
    expect(takenOf(journal)?.operation).toBe('first');
  });
});

describe('backups', () => {
  it('are listed with their age and size', () => {
    const now = Date.UTC(2026, 10, 23, 12);
    const list = [{ name: 'default.shop-1', takenAt: now - 7_200_000, sizeBytes: 1536 }];
    expect(renderBackups(list, now)).toBe(
      [
        'NAME            TAKEN                 AGE     SIZE',
        'default.shop-1  2026-11-23T10:00:00Z   2h  1.5 KiB',
      ].join('\n'),
    );
  });
});

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [150 * 1024 ** 2, '150 MiB'],
    [2.5 * 1024 ** 3, '2.5 GiB'],
    [Number.NaN, '? B'],
  ])('%d: %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});
