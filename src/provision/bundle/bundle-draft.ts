import type { BundleBlob } from '../engine/executor.ts';
import type { BundleRole, StoredItem } from './bundle-file.ts';
import type { FilePlace } from './file-tree.ts';

/** What will be in a bundle, before it is written: items, and where their bytes are now. */
export type ItemDraft = FileDraft | ImageDraft;

export type Content =
  | { readonly kind: 'place'; readonly place: FilePlace }
  | { readonly kind: 'bytes'; readonly bytes: Buffer };

export interface BlobDraft extends BundleBlob {
  readonly content: Content;
}

interface CommonDraft {
  readonly name: string;
  readonly role: BundleRole;
  readonly version?: string;
  /** Of Kubernetes; those it is for. */
  readonly kubernetes: readonly string[];
  readonly source?: string;
}

export interface FileDraft extends CommonDraft, BlobDraft {
  readonly kind: 'binary' | 'unit' | 'manifest';
  /** undefined: any. */
  readonly arch: string | undefined;
  /** First part of its path in the bundle. */
  readonly folder: 'bin' | 'cni' | 'manifests' | 'units';
  readonly mode: number;
}

export interface ImageDraft extends CommonDraft {
  readonly kind: 'image';
  readonly arch: string;
  readonly sha256: string;
  readonly mediaType: string;
  /** Its manifest first. */
  readonly blobs: readonly BlobDraft[];
}

/** The same thing for several versions is one item. */
export function mergeDrafts(drafts: readonly ItemDraft[]): readonly ItemDraft[] {
  const merged = new Map<string, ItemDraft>();
  for (const draft of drafts) {
    const key = [draft.kind, draft.name, draft.arch ?? '', draft.sha256].join(' ');
    const before = merged.get(key);
    merged.set(key, before ? { ...before, kubernetes: union(before.kubernetes, draft.kubernetes) } : draft);
  }
  return [...merged.values()];
}

/** As it stands in `bundle.json`. `all`: versions of the whole bundle. */
export function storedItem(draft: ItemDraft, all: readonly string[]): StoredItem {
  const isForAll = all.every((version) => draft.kubernetes.includes(version));
  const common = {
    name: draft.name,
    role: draft.role,
    ...(draft.arch === undefined ? {} : { arch: draft.arch }),
    ...(draft.version === undefined ? {} : { version: draft.version }),
    ...(isForAll ? {} : { kubernetes: all.filter((version) => draft.kubernetes.includes(version)) }),
    ...(draft.source === undefined ? {} : { source: draft.source }),
    sha256: draft.sha256,
  };
  if (draft.kind === 'image') {
    const blobs = draft.blobs.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes }));
    const sizeBytes = blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0);
    return { ...common, kind: 'image', mediaType: draft.mediaType, sizeBytes, blobs };
  }
  const folders = [
    draft.folder,
    draft.folder === 'bin' || draft.folder === 'cni' ? (draft.arch ?? 'any') : '',
  ];
  const path = [...folders, isForAll ? '' : (draft.kubernetes[0] ?? ''), draft.name]
    .filter(Boolean)
    .join('/');
  return {
    ...common,
    kind: draft.kind,
    path,
    sizeBytes: draft.sizeBytes,
    mode: `0${draft.mode.toString(8).padStart(3, '0')}`,
  };
}

/** Control planes alone run these; everything else may land on any machine. */
export function roleOfImage(reference: string): BundleRole {
  const name = /([^/:@]+)(?:[:@][^/]*)?$/.exec(reference)?.[1] ?? '';
  if (['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'].includes(name))
    return 'control-plane';
  return ['haproxy', 'keepalived', 'kube-vip'].includes(name) ? 'lb' : 'all';
}

/** etcdctl and etcdutl work on a control plane's own etcd. */
export function roleOfBinary(name: string): BundleRole {
  if (name === 'etcdctl' || name === 'etcdutl') return 'control-plane';
  return name === 'haproxy' || name === 'keepalived' ? 'lb' : 'all';
}

function union(one: readonly string[], other: readonly string[]): readonly string[] {
  return [...new Set([...one, ...other])];
}
