import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSeal, openSeal } from '../../../../src/provision/store/seal.ts';

describe('a sealed secret', async () => {
  const seal = await newSeal('correct horse');

  it('is what it was, whatever was in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, label) => {
        expect(seal.open(seal.close(text, label), label)).toBe(text);
      }),
    );
  });

  it('shows nothing, not even that two are alike', () => {
    const [one, two] = [seal.close('the secret', 'a'), seal.close('the secret', 'a')];
    expect(one).not.toBe(two);
    expect(Buffer.from(one, 'base64').toString('latin1')).not.toContain('secret');
  });

  it('opens in its own place only', () => {
    const sealed = seal.close('x', 'clusters/shop/shop-ca');
    expect(() => seal.open(sealed, 'clusters/depot/depot-ca')).toThrow(/damaged/);
  });

  it('is noticed to be damaged, at whichever byte', () => {
    const bytes = Buffer.from(seal.close('the secret', 'a'), 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const broken = Buffer.from(bytes);
      broken[at] = (broken[at] ?? 0) ^ 1;
      expect(() => seal.open(broken.toString('base64'), 'a')).toThrow(/damaged/);
    }
    expect(() => seal.open('', 'a')).toThrow(/damaged/);
  });

  it('opens with the passphrase it was closed with, in another process too', async () => {
    const again = await openSeal('correct horse', JSON.parse(JSON.stringify(seal.head)));
    expect(again.open(seal.close('x', 'a'), 'a')).toBe('x');
  });

  it('and with no other: one sentence says so', async () => {
    await expect(openSeal('wrong horse', seal.head)).rejects.toMatchObject({
      reason: 'WrongPassphrase',
      message: 'the passphrase does not open this state file: give the one it was made with',
    });
  });

  it('takes a passphrase typed in either way that Unicode has', async () => {
    const composed = await newSeal('Schlüssel-Wort');
    await expect(openSeal('Schlüssel-Wort'.normalize('NFD'), composed.head)).resolves.toBeDefined();
  });

  it('never costs more memory than it should, whoever wrote the file', async () => {
    await expect(openSeal('x', { ...seal.head, n: 2 ** 40 })).rejects.toMatchObject({
      reason: 'StateCorrupt',
    });
  });
});
