import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { HansaError } from '../../base/index.ts';
import type { BundleItem, BundleSource } from '../engine/executor.ts';
import {
  type BundleFile,
  broken,
  bundlePaths,
  type FileItem,
  parseBundleFile,
  type StoredItem,
} from './bundle-file.ts';
import { chooseItems } from './choose-items.ts';
import { scanDirectory } from './directory-tree.ts';
import type { FilePlace, FileTree } from './file-tree.ts';
import { hashPlace, placeBytes, readPlace } from './read-place.ts';
import { isSignedBy, publicKeyText, readPublicKey } from './signature.ts';
import { parseSums } from './sums.ts';
import { scanTar } from './tar-tree.ts';

export interface OpenBundleOptions {
  /** PEM or `ed25519:…`; with it, the bundle must be signed by its private half. */
  readonly publicKey?: string | undefined;
  /** Take one whose maker isn't known. Its hashes are checked all the same. */
  readonly allowUnsigned?: boolean;
  readonly signal?: AbortSignal;
  /** Of the bytes that are hashed. */
  readonly onProgress?: (checkedBytes: number, totalBytes: number) => void;
}

/** A bundle that was checked. */
export interface Bundle extends BundleSource {
  readonly path: string;
  readonly file: BundleFile;
  readonly signature: BundleSignature;
  /** Of all files in it. */
  readonly sizeBytes: number;
}

export type BundleSignature =
  | { readonly kind: 'none' }
  /** There is one, and no public key to check it with. */
  | { readonly kind: 'unchecked' }
  | { readonly kind: 'good'; readonly publicKey: string };

const maxDescriptionBytes = 16 * 1024 * 1024;
const maxTextBytes = 16 * 1024 * 1024;

/**
 * Opens a bundle, a tar or a directory laid out the same way.
 * *Guarantees*: when it resolves, the signature is right, every file has its hash, and every item is there; a tar is not
 * unpacked. *Caveats*: reads all of it once. What is read of it later is hashed again by those who place it.
 * @throws HansaError BundleNotFound, BundleNotSigned, BundleUntrusted, BundleBroken
 */
export async function openBundle(path: string, options: OpenBundleOptions = {}): Promise<Bundle> {
  const key = options.publicKey === undefined ? undefined : readPublicKey(options.publicKey);
  const tree = await scan(path);
  const sums = await bytesOf(tree, bundlePaths.sums);
  const signature = tree.files.has(bundlePaths.signature)
    ? await bytesOf(tree, bundlePaths.signature)
    : undefined;
  // Before anything else is looked at: the list of hashes is what the signature is about.
  if (key) {
    if (!signature) throw notSigned(path, 'and a public key is asked for');
    if (!isSignedBy(sums, signature, key)) throw untrusted(path, publicKeyText(key));
  } else if (!options.allowUnsigned) {
    throw signature ? unknownMaker(path) : notSigned(path, 'so nobody knows who made it');
  }
  const hashes = parseSums(sums.toString('utf8'));
  if (!hashes) throw broken(path, `its ${bundlePaths.sums} is not a list of hashes and paths`);
  await checkFiles(tree, hashes, options);
  const file = parseBundleFile((await bytesOf(tree, bundlePaths.description)).toString('utf8'), path);
  const places = placesOf(tree, hashes, file);
  return {
    path,
    file,
    signature: key
      ? { kind: 'good', publicKey: publicKeyText(key) }
      : { kind: signature ? 'unchecked' : 'none' },
    sizeBytes: totalOf(tree),
    version: file.kubernetes.at(-1) ?? '',
    items: (wanted) => chooseItems(file, wanted, path).map(itemOf),
    open: ({ sha256 }) => open(places, sha256, path),
    text: (name) => textOf(file, places, name, path),
  };
}

async function scan(path: string): Promise<FileTree> {
  const refuse = (why: string) => broken(path, why);
  let isDirectory: boolean;
  try {
    isDirectory = (await stat(path)).isDirectory();
  } catch (error) {
    throw new HansaError(`there is no bundle at ${path}: make one with "hansa bundle create"`, {
      reason: 'BundleNotFound',
      retry: 'never',
      cause: error,
    });
  }
  const tree = isDirectory ? await scanDirectory(path, refuse) : await scanTar(path, refuse);
  if (tree.files.has(bundlePaths.description) && tree.files.has(bundlePaths.sums)) return tree;
  throw new HansaError(
    `${path} is not a bundle: it has no ${bundlePaths.description} and ${bundlePaths.sums}; make one of it with "hansa bundle create --from ${path}"`,
    { reason: 'BundleNotFound', retry: 'never' },
  );
}

/** Nothing more and nothing less than the list says, each with its hash. */
async function checkFiles(
  tree: FileTree,
  hashes: ReadonlyMap<string, string>,
  { signal, onProgress }: OpenBundleOptions,
): Promise<void> {
  const listed = [...tree.files.keys()].filter(
    (path) => path !== bundlePaths.sums && path !== bundlePaths.signature,
  );
  const unknown = listed.find((path) => !hashes.has(path));
  if (unknown) throw broken(tree.name, `it has the file ${unknown}, which its list of hashes doesn't know`);
  const missing = [...hashes.keys()].find((path) => !tree.files.has(path));
  if (missing) throw broken(tree.name, `the file ${missing} is missing`);
  const total = totalOf(tree);
  let checked = 0;
  for (const path of listed) {
    const file = tree.files.get(path);
    if (!file) continue;
    const { sha256, sizeBytes } = await hashPlace(file.at, {
      signal,
      onBytes: (bytes) => {
        checked += bytes;
        onProgress?.(checked, total);
      },
    });
    if (sizeBytes !== file.sizeBytes) throw broken(tree.name, `the file ${path} is cut off`);
    if (sha256 !== hashes.get(path))
      throw broken(tree.name, `the file ${path} is not what it was: its hash differs`);
  }
}

/** Where each hash that items name is found. */
function placesOf(
  tree: FileTree,
  hashes: ReadonlyMap<string, string>,
  file: BundleFile,
): ReadonlyMap<string, FilePlace> {
  const places = new Map<string, FilePlace>();
  const add = (owner: StoredItem, path: string, sha256: string, sizeBytes: number) => {
    const found = tree.files.get(path);
    if (!found) throw broken(tree.name, `${owner.kind} ${owner.name} is described, but ${path} is missing`);
    if (hashes.get(path) !== sha256 || found.sizeBytes !== sizeBytes) {
      throw broken(
        tree.name,
        `${owner.kind} ${owner.name} is described with another hash or size than ${path} has`,
      );
    }
    places.set(sha256, found.at);
  };
  for (const item of file.items) {
    if (item.kind === 'image') {
      for (const blob of item.blobs) add(item, bundlePaths.blob(blob.sha256), blob.sha256, blob.sizeBytes);
      if (!places.has(item.sha256))
        throw broken(tree.name, `image ${item.name} is described without its manifest`);
    } else {
      add(item, item.path, item.sha256, item.sizeBytes);
    }
  }
  return places;
}

function itemOf(item: StoredItem): BundleItem {
  const { kind, name, sizeBytes, sha256 } = item;
  return item.kind === 'image'
    ? { kind, name, sizeBytes, sha256, mode: 0o644, blobs: item.blobs, mediaType: item.mediaType }
    : { kind, name, sizeBytes, sha256, mode: Number.parseInt(item.mode, 8) };
}

function open(places: ReadonlyMap<string, FilePlace>, sha256: string, bundle: string): Readable {
  const place = places.get(sha256);
  if (place) return readPlace(place);
  throw new HansaError(`the bundle ${bundle} holds nothing with the hash sha256:${sha256}`, {
    reason: 'BundleItemMissing',
    retry: 'never',
  });
}

async function textOf(
  file: BundleFile,
  places: ReadonlyMap<string, FilePlace>,
  name: string,
  bundle: string,
): Promise<string> {
  const isText = (item: StoredItem): item is FileItem => item.kind === 'manifest' || item.kind === 'unit';
  const item = file.items.filter(isText).find((each) => each.name === name);
  const place = item && places.get(item.sha256);
  if (!place) {
    throw new HansaError(
      `the bundle ${bundle} holds no ${name}: make it anew with the file in its manifests/, or give the manifest yourself`,
      { reason: 'BundleItemMissing', retry: 'never' },
    );
  }
  return (await placeBytes(place, maxTextBytes)).toString('utf8');
}

async function bytesOf(tree: FileTree, path: string): Promise<Buffer> {
  const file = tree.files.get(path);
  if (!file) throw broken(tree.name, `the file ${path} is missing`);
  if (file.sizeBytes > maxDescriptionBytes) throw broken(tree.name, `the file ${path} is far too large`);
  return placeBytes(file.at, maxDescriptionBytes);
}

function totalOf({ files }: FileTree): number {
  return [...files.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function notSigned(path: string, why: string): HansaError {
  return new HansaError(
    `the bundle ${path} is not signed, ${why}: make it with "hansa bundle create --key", or take it as it is with --allow-unsigned`,
    { reason: 'BundleNotSigned', retry: 'never' },
  );
}

function unknownMaker(path: string): HansaError {
  return new HansaError(
    `the bundle ${path} is signed, and nobody said by whom it should be: give the public key (--public-key, or spec.bundle.publicKey of the cluster), or take it as it is with --allow-unsigned`,
    { reason: 'BundleUntrusted', retry: 'never' },
  );
}

function untrusted(path: string, key: string): HansaError {
  return new HansaError(
    `the bundle ${path} is not signed with the key ${key}, or it was changed afterwards: nothing was changed; get it again from who has the key, or give the right public key`,
    { reason: 'BundleUntrusted', retry: 'never' },
  );
}
