import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectS3 } from '../../src/provision/backup/s3-target.ts';
import type { BackupTarget } from '../../src/provision/backup/target.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server({ bucket: 'backups' });
}, 600_000);
afterAll(async () => server?.[Symbol.asyncDispose]());

interface Wishes {
  readonly bucket?: string;
  readonly prefix?: string;
  readonly endpoint?: string;
  readonly credentials?: Readonly<Record<string, string>>;
}

function target({
  bucket = 'backups',
  prefix = '',
  endpoint = server.url,
  credentials,
}: Wishes = {}): BackupTarget {
  return connectS3(
    { kind: 's3', bucket, prefix, endpoint, region: 'us-east-1', secretName: 'store' },
    credentials ?? server.credentials,
  );
}

async function* chunks(...content: readonly Buffer[]) {
  for (const chunk of content) yield await Promise.resolve(chunk);
}

async function contentOf(of: BackupTarget, name: string): Promise<Buffer> {
  const got: Buffer[] = [];
  for await (const chunk of of.get(name)) got.push(chunk);
  return Buffer.concat(got);
}

describe('backups in an S3-compatible store', () => {
  it('come back as they were, small ones and those of several parts', async () => {
    const store = target({ prefix: 'round/trip' });
    const small = Buffer.from('small');
    const large = randomBytes(40 * 1024 * 1024);
    await store.put('small.hbk', chunks(small));
    await store.put(
      'large.hbk',
      chunks(large.subarray(0, 1), large.subarray(1, 20_000_000), large.subarray(20_000_000)),
    );
    expect(await contentOf(store, 'small.hbk')).toEqual(small);
    expect((await contentOf(store, 'large.hbk')).equals(large)).toBe(true);
    expect(await store.list()).toEqual([
      { name: 'large.hbk', sizeBytes: large.length },
      { name: 'small.hbk', sizeBytes: small.length },
    ]);
    expect(store.where).toBe('s3://backups/round/trip');
  });

  it('of one prefix are not those of another', async () => {
    const one = target({ prefix: 'one' });
    await one.put('a.hbk', chunks(Buffer.from('a')));
    expect(await target({ prefix: 'on' }).list()).toEqual([]);
    expect(await target({ prefix: 'one/' }).list()).toHaveLength(1);
    await one.remove('a.hbk');
    await one.remove('a.hbk');
    expect(await one.list()).toEqual([]);
  });

  it('are not there when sending them failed half way', async () => {
    const store = target({ prefix: 'broken' });
    async function* breaking() {
      yield randomBytes(20 * 1024 * 1024);
      await Promise.resolve();
      throw new Error('the machine went away');
    }
    await expect(store.put('half.hbk', breaking())).rejects.toThrow('the machine went away');
    expect(await store.list()).toEqual([]);
    await expect(contentOf(store, 'half.hbk')).rejects.toMatchObject({ reason: 'BackupMissing' });
  });

  it.each([
    ['a bucket that is not there', { bucket: 'elsewhere' }, 'NoSuchBucket', /there is no such bucket/],
    [
      'a key that nobody knows',
      { credentials: { 'access-key-id': 'nobody', 'secret-access-key': 'hush-hush-hush' } },
      'AccessDenied',
      /Correct the Secret/,
    ],
    [
      'a wrong secret',
      { credentials: { 'access-key-id': 'hansa-test', 'secret-access-key': 'hush-hush-hush' } },
      'SignatureDoesNotMatch',
      /secret key is wrong/,
    ],
    ['a Secret without keys', { credentials: {} }, 'SecretIncomplete', /must have access-key-id/],
    [
      'a store that does not answer',
      { endpoint: 'http://127.0.0.1:1' },
      'BackupTargetUnreachable',
      /can't be listed in s3:/,
    ],
  ] satisfies readonly (readonly [string, Wishes, string, RegExp])[])(
    'say what is wrong with %s, and nothing that is secret',
    async (_, wishes, reason, words) => {
      const error = await target(wishes)
        .list()
        .then(
          () => undefined,
          (reasonOfIt: Error) => reasonOfIt,
        );
      expect(error).toMatchObject({ reason });
      expect(error?.message).toMatch(words);
      expect(error?.message).not.toContain('hush-hush-hush');
    },
  );
});
