import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { HansaError } from '../../base/index.ts';

/** How the key is made from the passphrase, and a known text sealed with it. Nothing in it is secret. */
export interface SealHead {
  readonly kdf: 'scrypt';
  /** Base64. */
  readonly salt: string;
  readonly n: number;
  readonly r: number;
  readonly p: number;
  /** Opens only with the right key: so a wrong passphrase is told from a damaged secret. */
  readonly check: string;
}

/** Seals and opens texts; what is sealed under one label opens under that label only. */
export interface Seal {
  readonly head: SealHead;
  close(text: string, label: string): string;
  /** @throws HansaError StateCorrupt */
  open(sealed: string, label: string): string;
}

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
/** 32 MiB and a tenth of a second a guess. */
const cost = { n: 2 ** 15, r: 8, p: 1 } as const;
/** A file of somebody else's making may not take the machine's memory. */
const costMost = { n: 2 ** 20, r: 32, p: 16 } as const;
const checkText = 'hansa state';
const checkLabel = 'check';

/** A seal with a fresh salt. */
export async function newSeal(passphrase: string): Promise<Seal> {
  const salt = randomBytes(16).toString('base64');
  const key = await keyOf(passphrase, { salt, ...cost });
  const check = close(key, checkText, checkLabel);
  return sealWith(key, { kdf: 'scrypt', salt, ...cost, check });
}

/** @throws HansaError WrongPassphrase, StateCorrupt */
export async function openSeal(passphrase: string, head: SealHead): Promise<Seal> {
  const { kdf, n, r, p } = head;
  if (kdf !== 'scrypt' || !(n <= costMost.n && r <= costMost.r && p <= costMost.p)) {
    throw new HansaError(
      'the state file is sealed in a way that this Hansa does not know: take the Hansa that wrote it',
      { reason: 'StateCorrupt', retry: 'never' },
    );
  }
  const key = await keyOf(passphrase, head);
  if (tryOpen(key, head.check, checkLabel) !== checkText) {
    throw new HansaError('the passphrase does not open this state file: give the one it was made with', {
      reason: 'WrongPassphrase',
      retry: 'never',
    });
  }
  return sealWith(key, head);
}

function sealWith(key: Buffer, head: SealHead): Seal {
  return {
    head,
    close: (text, label) => close(key, text, label),
    open: (sealed, label) => {
      const text = tryOpen(key, sealed, label);
      if (text !== undefined) return text;
      throw new HansaError(
        `the secret ${label} of the state file is damaged: take the file from a backup, or put the secret in again`,
        { reason: 'StateCorrupt', retry: 'never' },
      );
    },
  };
}

function close(key: Buffer, text: string, label: string): string {
  const nonce = randomBytes(nonceBytes);
  const sealer = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes }).setAAD(Buffer.from(label));
  const body = Buffer.concat([sealer.update(text, 'utf8'), sealer.final()]);
  return Buffer.concat([nonce, sealer.getAuthTag(), body]).toString('base64');
}

function tryOpen(key: Buffer, sealed: string, label: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  const opener = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(label))
    .setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  try {
    return Buffer.concat([opener.update(bytes.subarray(nonceBytes + tagBytes)), opener.final()]).toString(
      'utf8',
    );
  } catch {
    return undefined;
  }
}

/** People type ü in two ways; NFKC makes them one. */
function keyOf(
  passphrase: string,
  { salt, n, r, p }: Pick<SealHead, 'salt' | 'n' | 'r' | 'p'>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N: n, r, p, maxmem: 256 * n * r };
    scrypt(passphrase.normalize('NFKC'), Buffer.from(salt, 'base64'), keyBytes, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}
