import type { Readable } from 'node:stream';

/** Files by path, read only: a directory, or a tar that stays packed. */
export interface FileTree {
  /** What it is called in messages. */
  readonly name: string;
  readonly files: ReadonlyMap<string, TreeFile>;
}

export interface TreeFile {
  readonly sizeBytes: number;
  readonly mode: number;
  /** Where its bytes are. */
  readonly at: FilePlace;
}

/** A part of a file on this machine: all of it, or an entry of a tar. */
export interface FilePlace {
  readonly path: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** The place is the whole file, so it may be linked instead of copied. */
  readonly isWhole: boolean;
}

export type OpenPlace = (place: FilePlace) => Readable;
