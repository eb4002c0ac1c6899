import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkSnapshot } from '../../../../src/provision/etcd/snapshot-check.ts';

function snapshot(pages: number): Buffer {
  const body = createHash('shake256', { outputLength: 512 * pages })
    .update('db')
    .digest();
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

async function* pieces(content: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

describe('a snapshot of etcd', () => {
  it.each([1, 7, 31, 32, 33, 544, 100_000])('is found whole, in pieces of %i bytes', async (size) => {
    const content = snapshot(20);
    expect(await checkSnapshot(pieces(content, size))).toEqual({
      sizeBytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
  });

  it('fault 22: is refused with one bit changed, in its pages or its check sum', async () => {
    for (const at of [0, 5000, 512 * 20, 512 * 20 + 31]) {
      const content = snapshot(20);
      content[at] = (content[at] ?? 0) ^ 1;
      await expect(checkSnapshot(pieces(content, 1000))).rejects.toMatchObject({ reason: 'SnapshotCorrupt' });
    }
  });

  it('fault 22: is refused when cut off, when empty, and when it is a bare copy of the db file', async () => {
    const content = snapshot(20);
    for (const length of [0, 1, 31, 32, 512, 512 * 19 + 32, content.length - 1]) {
      await expect(checkSnapshot(pieces(content.subarray(0, length), 1000))).rejects.toMatchObject({
        reason: 'SnapshotCorrupt',
      });
    }
    await expect(checkSnapshot(pieces(content.subarray(0, -32), 1000))).rejects.toThrow(/no check sum/);
  });
});
