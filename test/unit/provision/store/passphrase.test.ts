import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { passphraseFrom } from '../../../../src/provision/store/passphrase.ts';
import { temporaryFolder } from './builders.ts';

describe('the passphrase of the state file', () => {
  it('comes from the option, then the environment, then a file of the environment, then whoever sits there', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'passphrase');
    writeFileSync(path, 'from the file\n');
    const ask = () => Promise.resolve('asked for');
    const both = { HANSA_STATE_PASSPHRASE: 'from the environment', HANSA_STATE_PASSPHRASE_FILE: path };
    const found = await Promise.all([
      passphraseFrom({ environment: both, path, ask })(),
      passphraseFrom({ environment: both, ask })(),
      passphraseFrom({ environment: { HANSA_STATE_PASSPHRASE_FILE: path }, ask })(),
      passphraseFrom({ environment: {}, ask })(),
    ]);
    expect(found).toEqual(['from the file', 'from the environment', 'from the file', 'asked for']);
  });

  it('is asked for once', async () => {
    let asked = 0;
    const passphrase = passphraseFrom({
      environment: {},
      ask: () => {
        asked += 1;
        return Promise.resolve('it');
      },
    });
    await Promise.all([passphrase(), passphrase()]);
    expect(asked).toBe(1);
  });

  it('is missed with a sentence that names the ways', async () => {
    await expect(passphraseFrom({ environment: {} })()).rejects.toThrow(/set HANSA_STATE_PASSPHRASE, or/);
    await expect(passphraseFrom({ environment: {}, path: '/nowhere/at/all' })()).rejects.toMatchObject({
      reason: 'Unreadable',
    });
  });
});
