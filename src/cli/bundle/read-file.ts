import { readFile } from 'node:fs/promises';
import { HansaError, messageOf } from '../../base/index.ts';

/** A file that a flag names. @throws HansaError InputNotReadable */
export async function readFlagFile(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new HansaError(`${flag} ${path} cannot be read: ${messageOf(error)}`, {
      reason: 'InputNotReadable',
      retry: 'never',
      cause: error,
    });
  }
}

/** A public key as it is written on the command line, or the file that has it. */
export async function readPublicKeyFlag(value: string | undefined): Promise<string | undefined> {
  if (value === undefined || value.startsWith('ed25519:') || value.includes('-----BEGIN')) return value;
  return readFlagFile('--public-key', value);
}
