import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seal, unseal } from '../../../../src/provision/backup/seal.ts';

/** Weak on purpose: the strength of scrypt is not what is tested. */
const quick = { cost: 2 ** 4, chunkBytes: 64 };
const passphrase = 'correct horse';

async function* pieces(content: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function gather(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

const sealed = (content: Buffer, options = quick): Promise<Buffer> =>
  gather(seal(pieces(content, 50), passphrase, options));

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));

describe('a sealed stream', () => {
  it('comes back as it was, however it was cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        bytes,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 200 }),
        async (content, a, b) => {
          const whole = await gather(seal(pieces(content, a), passphrase, quick));
          expect((await gather(unseal(pieces(whole, b), passphrase))).equals(content)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([0, 63, 64, 65, 128, 129])(
    'comes back when it has %i bytes, at the edges of a chunk',
    async (length) => {
      const content = createHash('shake256', { outputLength: Math.max(1, length) })
        .digest()
        .subarray(0, length);
      expect((await gather(unseal(pieces(await sealed(content), 7), passphrase))).equals(content)).toBe(true);
    },
  );

  it('shows nothing of its content', async () => {
    const whole = await sealed(Buffer.from('BEGIN RSA PRIVATE KEY'.repeat(10)));
    expect(whole.includes('PRIVATE')).toBe(false);
  });

  it('is refused when any one byte of it was changed', async () => {
    const whole = await sealed(Buffer.alloc(200, 'x'));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const broken = Buffer.from(whole);
        broken[at] = (broken[at] ?? 0) ^ change;
        await expect(gather(unseal(pieces(broken, 50), passphrase))).rejects.toMatchObject({
          reason: expect.stringMatching(/NotSealed|PassphraseWrong|BackupCorrupt/),
        });
      }),
      { numRuns: 150 },
    );
  });

  it('is refused when it was cut off anywhere, at the end of a chunk too', async () => {
    const whole = await sealed(Buffer.alloc(64 * 3, 'x'));
    for (let length = 0; length < whole.length; length += 1) {
      await expect(gather(unseal(pieces(whole.subarray(0, length), 1000), passphrase))).rejects.toMatchObject(
        {
          retry: 'never',
        },
      );
    }
  });

  it('is refused when two of its chunks were swapped, or something was added', async () => {
    const whole = await sealed(
      Buffer.concat([Buffer.alloc(64, 'a'), Buffer.alloc(64, 'b'), Buffer.alloc(64, 'c')]),
    );
    const start = whole.indexOf('\n', 20) + 1;
    const chunk = (index: number): Buffer => whole.subarray(start + index * 80, start + (index + 1) * 80);
    const swapped = Buffer.concat([whole.subarray(0, start), chunk(1), chunk(0), chunk(2)]);
    await expect(gather(unseal(pieces(swapped, 50), passphrase))).rejects.toMatchObject({
      reason: 'BackupCorrupt',
    });
    const longer = Buffer.concat([whole, Buffer.from('more')]);
    await expect(gather(unseal(pieces(longer, 50), passphrase))).rejects.toMatchObject({
      reason: 'BackupCorrupt',
    });
  });

  it('tells a wrong passphrase from damage', async () => {
    const whole = await sealed(Buffer.from('secret'));
    await expect(gather(unseal(pieces(whole, 50), 'wrong horse'))).rejects.toMatchObject({
      reason: 'PassphraseWrong',
    });
  });

  it.each([
    ['asks for more memory than a reader should spend', '"cost":1073741824,'],
    ['has a cost that is none', '"cost":17,'],
  ])('is refused when it %s', async (_, cost) => {
    const whole = (await sealed(Buffer.from('secret'))).toString('latin1').replace('"cost":16,', cost);
    await expect(gather(unseal(pieces(Buffer.from(whole, 'latin1'), 50), passphrase))).rejects.toMatchObject({
      reason: 'NotSealed',
    });
  });

  it('is never the same twice', async () => {
    expect((await sealed(Buffer.from('x'))).equals(await sealed(Buffer.from('x')))).toBe(false);
  });
});
