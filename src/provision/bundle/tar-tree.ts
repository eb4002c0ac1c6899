import { type FileHandle, open } from 'node:fs/promises';
import type { FileTree, TreeFile } from './file-tree.ts';
import { safePath } from './safe-path.ts';

const blockBytes = 512;
/** Longest extended header that is read: a path, a size, some times. */
const maxExtendedBytes = 64 * 1024;
/** A bundle for several versions and architectures has some hundreds. */
const maxEntries = 100_000;

/** Why an archive is refused, as the end of a sentence. */
export type Refuse = (why: string) => Error;

/**
 * Finds the files of a tar without unpacking it. Plain files only: no links, no devices, no path that leads out of it,
 * none twice, nothing cut off.
 */
export async function scanTar(path: string, refuse: Refuse): Promise<FileTree> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const files = new Map<string, TreeFile>();
  const entries = new Entries(file, size, refuse);
  for (let entry = await entries.next(); entry; entry = await entries.next()) {
    const { rawPath, type, offset, sizeBytes, mode } = entry;
    const name = safePath(rawPath);
    if (name === undefined) throw refuse(`it has an entry ${shown(rawPath)}, which leads out of it`);
    if (type === 'directory') continue;
    if (type !== 'file')
      throw refuse(`its entry ${shown(name)} is a ${type}, and only plain files may be in it`);
    if (files.has(name)) throw refuse(`it has the file ${shown(name)} twice`);
    if (files.size >= maxEntries) throw refuse(`it has more than ${maxEntries} files`);
    files.set(name, { sizeBytes, mode, at: { path, offset, sizeBytes, isWhole: false } });
  }
  return { name: path, files };
}

interface Entry {
  readonly rawPath: string;
  readonly type: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly mode: number;
}

class Entries {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #refuse: Refuse;
  #at = 0;

  constructor(file: FileHandle, size: number, refuse: Refuse) {
    this.#file = file;
    this.#size = size;
    this.#refuse = refuse;
  }

  /** undefined: the end, as it should be. */
  async next(): Promise<Entry | undefined> {
    // What PAX and GNU write before an entry whose path or size doesn't fit into its header.
    let extendedPath: string | undefined;
    let extendedSize: number | undefined;
    for (;;) {
      const header = await this.#read(this.#at, blockBytes);
      if (header.every((byte) => byte === 0)) return undefined;
      if (!hasRightSum(header)) throw this.#refuse(`it is no tar archive, or damaged, at byte ${this.#at}`);
      const flag = header[156] === 0 ? '0' : String.fromCharCode(header[156] ?? 0);
      const sizeBytes =
        (flag === 'x' || flag === 'g' || flag === 'L' ? undefined : extendedSize) ??
        numberAt(header, 124, 12);
      const offset = this.#at + blockBytes;
      if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
        throw this.#refuse(`it is damaged at byte ${this.#at}`);
      if (offset + sizeBytes > this.#size) throw this.#cutOff();
      this.#at = offset + Math.ceil(sizeBytes / blockBytes) * blockBytes;
      switch (flag) {
        case 'x': {
          const fields = paxFields(await this.#extended(offset, sizeBytes));
          extendedPath = fields.get('path') ?? extendedPath;
          const size = fields.get('size');
          if (size !== undefined) extendedSize = Number(size);
          continue;
        }
        case 'g':
          continue;
        case 'L':
          extendedPath = textOf(await this.#extended(offset, sizeBytes));
          continue;
        default:
          return {
            rawPath: extendedPath ?? nameIn(header),
            type: types[flag] ?? 'special file',
            offset,
            sizeBytes,
            mode: numberAt(header, 100, 8) & 0o777,
          };
      }
    }
  }

  async #extended(offset: number, sizeBytes: number): Promise<Buffer> {
    if (sizeBytes > maxExtendedBytes) throw this.#refuse('it has an entry with an endless name');
    return this.#read(offset, sizeBytes);
  }

  async #read(at: number, length: number): Promise<Buffer> {
    if (at + length > this.#size) throw this.#cutOff();
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(buffer, 0, length, at);
    if (bytesRead < length) throw this.#cutOff();
    return buffer;
  }

  #cutOff(): Error {
    return this.#refuse(`it is cut off after ${this.#size} bytes`);
  }
}

const types: Readonly<Record<string, string>> = {
  '0': 'file',
  '7': 'file',
  '1': 'hard link',
  '2': 'symbolic link',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'pipe',
};

function nameIn(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  // Only the POSIX form has a prefix; GNU's keeps times there.
  const isPosix = header.subarray(257, 263).equals(Buffer.from('ustar\0'));
  const prefix = isPosix ? textOf(header.subarray(345, 500)) : '';
  return prefix ? `${prefix}/${name}` : name;
}

function paxFields(body: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const blank = body.indexOf(0x20, at);
    const length = blank < 0 ? Number.NaN : Number(body.subarray(at, blank).toString('latin1'));
    if (!(length > 0)) break;
    const [key = '', ...value] = body
      .subarray(blank + 1, at + length - 1)
      .toString('utf8')
      .split('=');
    fields.set(key, value.join('='));
    at += length;
  }
  return fields;
}

/** Octal text, or binary with its first bit set where octal has no room. */
function numberAt(header: Buffer, from: number, length: number): number {
  const field = header.subarray(from, from + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, (field[0] ?? 0) & 0x7f);
  }
  const text = textOf(field).trim();
  return text === '' ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

function hasRightSum(header: Buffer): boolean {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  return numberAt(header, 148, 8) === sum;
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  return (end < 0 ? field : field.subarray(0, end)).toString('utf8');
}

/** A path of a stranger in a message. */
function shown(path: string): string {
  return JSON.stringify(path.length > 120 ? `${path.slice(0, 120)}…` : path);
}
