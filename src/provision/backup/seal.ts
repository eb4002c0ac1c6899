import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { HansaError } from '../../base/index.ts';

/** How hard it is to guess a passphrase: scrypt's cost N (a power of two). 2^17 takes 128 MiB and some tenths of a second. */
export interface SealOptions {
  readonly cost?: number;
  readonly chunkBytes?: number;
}

const magic = 'hansa-sealed 1\n';
const tagBytes = 16;
const prefixBytes = 7;
const keyBytes = 32;
/** Above these a file could make its reader run out of memory before anything of it was proved. */
const limits = { cost: 2 ** 20, chunkBytes: 16 * 1024 * 1024, headerBytes: 4096 };

/**
 * Encrypts a stream under a passphrase: scrypt, then AES-256-GCM chunk by chunk.
 *
 * *Guarantees*: each chunk is authenticated with its number and with whether it is the last, so chunks can't be changed,
 * swapped, left out or cut off at the end unnoticed; the header is authenticated too, so a wrong passphrase is told from
 * damage. Nothing is held but one chunk.
 */
export async function* seal(
  content: AsyncIterable<Buffer>,
  passphrase: string,
  { cost = 2 ** 17, chunkBytes = 1024 * 1024 }: SealOptions = {},
): AsyncGenerator<Buffer> {
  const salt = randomBytes(16);
  const prefix = randomBytes(prefixBytes);
  const keys = await deriveKeys(passphrase, salt, cost);
  const fields = {
    kdf: 'scrypt',
    cost,
    salt: salt.toString('base64'),
    cipher: 'aes-256-gcm',
    chunkBytes,
    prefix: prefix.toString('base64'),
  };
  const check = checkOf(keys.header, fields);
  yield Buffer.from(`${magic}${JSON.stringify({ ...fields, check })}\n`);
  let number = 0;
  for await (const { chunk, isLast } of inChunks(content, chunkBytes)) {
    const cipher = createCipheriv('aes-256-gcm', keys.content, nonceOf(prefix, number, isLast));
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
    number += 1;
  }
}

/**
 * Decrypts what `seal` made. What it yields is authentic, but only when it ended without an error is it whole.
 * @throws HansaError NotSealed, PassphraseWrong, BackupCorrupt
 */
export async function* unseal(content: AsyncIterable<Buffer>, passphrase: string): AsyncGenerator<Buffer> {
  const { header, rest } = await readHeader(content);
  // A cost that scrypt does not take was never written by us.
  const keys = await deriveKeys(passphrase, header.salt, header.cost).catch((error: unknown) => {
    throw notSealed(error);
  });
  if (!isSame(checkOf(keys.header, header.fields), header.check)) {
    throw new HansaError(
      'the passphrase is not the one this backup was made with (or its first line is damaged)',
      {
        reason: 'PassphraseWrong',
        retry: 'never',
      },
    );
  }
  let number = 0;
  for await (const { chunk, isLast } of inChunks(rest, header.chunkBytes + tagBytes)) {
    yield openChunk(chunk, keys.content, nonceOf(header.prefix, number, isLast), number);
    number += 1;
  }
}

function openChunk(chunk: Buffer, key: Buffer, nonce: Buffer, number: number): Buffer {
  if (chunk.length < tagBytes) throw corrupt(`it is cut off in part ${number + 1}`);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    decipher.setAuthTag(chunk.subarray(-tagBytes));
    return Buffer.concat([decipher.update(chunk.subarray(0, -tagBytes)), decipher.final()]);
  } catch (error) {
    throw corrupt(`part ${number + 1} was changed, or the end is missing`, error);
  }
}

interface Header {
  readonly salt: Buffer;
  readonly cost: number;
  readonly chunkBytes: number;
  readonly prefix: Buffer;
  readonly check: string;
  /** As written, without the check. */
  readonly fields: Readonly<Record<string, unknown>>;
}

async function readHeader(
  content: AsyncIterable<Buffer>,
): Promise<{ readonly header: Header; readonly rest: AsyncIterable<Buffer> }> {
  const source = content[Symbol.asyncIterator]();
  let read = Buffer.alloc(0);
  for (;;) {
    const end = read.indexOf('\n', magic.length);
    if (end >= 0) {
      const header = parseHeader(read.subarray(0, end).toString('utf8'));
      return { header, rest: continued(read.subarray(end + 1), source) };
    }
    const next = await source.next();
    if (next.done || read.length > limits.headerBytes) throw notSealed();
    read = Buffer.concat([read, next.value]);
    if (!read.subarray(0, magic.length).equals(Buffer.from(magic).subarray(0, read.length)))
      throw notSealed();
  }
}

function parseHeader(text: string): Header {
  try {
    if (!text.startsWith(magic)) throw notSealed();
    const { check, ...fields } = JSON.parse(text.slice(magic.length)) as Readonly<Record<string, unknown>>;
    const { kdf, cost, salt, cipher, chunkBytes, prefix } = fields;
    const isSane =
      kdf === 'scrypt' &&
      cipher === 'aes-256-gcm' &&
      isWithin(cost, limits.cost) &&
      isWithin(chunkBytes, limits.chunkBytes) &&
      typeof check === 'string' &&
      typeof salt === 'string' &&
      typeof prefix === 'string';
    if (
      !isSane ||
      Buffer.from(prefix, 'base64').length !== prefixBytes ||
      Buffer.from(check, 'base64').length !== keyBytes
    ) {
      throw notSealed();
    }
    return {
      salt: Buffer.from(salt, 'base64'),
      cost,
      chunkBytes,
      prefix: Buffer.from(prefix, 'base64'),
      check,
      fields,
    };
  } catch (error) {
    throw notSealed(error);
  }
}

function isWithin(value: unknown, limit: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 1 && value <= limit;
}

async function* continued(first: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first;
    for (;;) {
      const next = await source.next();
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}

/** Cuts a stream into pieces of one size; the last is shorter, and there always is one. */
async function* inChunks(
  content: AsyncIterable<Buffer>,
  size: number,
): AsyncGenerator<{ readonly chunk: Buffer; readonly isLast: boolean }> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const part of content) {
    held.push(part);
    heldBytes += part.length;
    // More than one chunk must be there before one is given away: the last is marked.
    if (heldBytes <= size) continue;
    let joined = Buffer.concat(held);
    while (joined.length > size) {
      yield { chunk: joined.subarray(0, size), isLast: false };
      joined = joined.subarray(size);
    }
    held = [joined];
    heldBytes = joined.length;
  }
  yield { chunk: Buffer.concat(held), isLast: true };
}

function nonceOf(prefix: Buffer, number: number, isLast: boolean): Buffer {
  const end = Buffer.alloc(5);
  end.writeUInt32BE(number);
  end[4] = isLast ? 1 : 0;
  return Buffer.concat([prefix, end]);
}

async function deriveKeys(
  passphrase: string,
  salt: Buffer,
  cost: number,
): Promise<{ content: Buffer; header: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ content: Buffer; header: Buffer }>();
  const blockSize = 8;
  const options = { N: cost, r: blockSize, p: 1, maxmem: 256 * cost * blockSize };
  scrypt(passphrase.normalize('NFKC'), salt, 2 * keyBytes, options, (error, key) => {
    if (error) reject(error);
    else resolve({ content: key.subarray(0, keyBytes), header: key.subarray(keyBytes) });
  });
  return promise;
}

function checkOf(key: Buffer, fields: Readonly<Record<string, unknown>>): string {
  return createHmac('sha256', key).update(JSON.stringify(fields)).digest('base64');
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function notSealed(cause?: unknown): HansaError {
  return new HansaError('this is not a backup that Hansa wrote, or its beginning is damaged', {
    reason: 'NotSealed',
    retry: 'never',
    cause,
  });
}

function corrupt(why: string, cause?: unknown): HansaError {
  return new HansaError(`the backup is damaged: ${why}; nothing was changed, take another one`, {
    reason: 'BackupCorrupt',
    retry: 'never',
    cause,
  });
}
