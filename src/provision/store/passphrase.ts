import { readFile } from 'node:fs/promises';
import { HansaError, messageOf } from '../../base/index.ts';

export const passphraseVariable = 'HANSA_STATE_PASSPHRASE';
export const passphraseFileVariable = 'HANSA_STATE_PASSPHRASE_FILE';

export interface PassphraseOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of `--passphrase-file`. */
  readonly path?: string | undefined;
  /** Asks whoever sits at the terminal; undefined: nobody does. */
  readonly ask?: (() => Promise<string>) | undefined;
}

/** Short ones are guessed in hours even against scrypt; what a file was made with already is taken as it is. */
const newLengthLeast = 8;

/**
 * The passphrase of the state file: from the option, the environment, or whoever sits there. Asked for once.
 * @throws HansaError NoPassphrase, Unreadable
 */
export function passphraseFrom(options: PassphraseOptions): () => Promise<string> {
  let found: Promise<string> | undefined;
  return () => {
    found ??= find(options);
    return found;
  };
}

/** @throws HansaError PassphraseTooShort */
export function checkNewPassphrase(passphrase: string): void {
  if (passphrase.length >= newLengthLeast) return;
  throw new HansaError(
    `the passphrase of a new state file must have at least ${newLengthLeast} characters: CA keys depend on it`,
    { reason: 'PassphraseTooShort', retry: 'never' },
  );
}

async function find({ environment, path, ask }: PassphraseOptions): Promise<string> {
  const file = path ?? environment[passphraseFileVariable];
  if (path === undefined && environment[passphraseVariable]) return environment[passphraseVariable];
  if (file) {
    const text = (await readText(file)).replace(/\r?\n$/, '');
    if (text !== '') return text;
    throw noPassphrase(`the passphrase file ${file} is empty`);
  }
  const answer = (await ask?.()) ?? '';
  if (answer !== '') return answer;
  throw noPassphrase('the secrets of the state file are sealed, and there is no passphrase');
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new HansaError(`the passphrase file ${path} can’t be read: ${messageOf(error)}`, {
      reason: 'Unreadable',
      retry: 'never',
      cause: error,
    });
  }
}

function noPassphrase(what: string): HansaError {
  return new HansaError(
    `${what}: set ${passphraseVariable}, or ${passphraseFileVariable} to a file that holds it, or run at a terminal`,
    { reason: 'NoPassphrase', retry: 'never' },
  );
}
