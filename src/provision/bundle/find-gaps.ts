import type { ItemDraft } from './bundle-draft.ts';

export interface Expected {
  readonly version: string;
  readonly arch: string;
  /** As kubeadm lists them. */
  readonly images: readonly string[];
}

const programs = ['kubeadm', 'kubelet', 'kubectl', 'etcdctl', 'etcdutl'] as const;
/** Without them, machines must have a runtime and network plugins already. */
const runtimePrograms = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc'] as const;
const networkPlugins = ['bridge', 'host-local', 'loopback', 'portmap'] as const;

export interface Gaps {
  /** No cluster can be made without. */
  readonly missing: readonly string[];
  /** Machines may have it from elsewhere. */
  readonly perhaps: readonly string[];
}

/** What a bundle lacks for a version on an architecture. */
export function findGaps(drafts: readonly ItemDraft[], { version, arch, images }: Expected): Gaps {
  const has = (kind: 'binary' | 'image' | 'manifest', name: string) =>
    drafts.some(
      (draft) =>
        draft.kind === kind &&
        draft.name === name &&
        draft.kubernetes.includes(version) &&
        (draft.arch === undefined || draft.arch === arch),
    );
  return {
    missing: [
      ...programs.filter((name) => !has('binary', name)),
      ...images.filter((name) => !has('image', name)),
    ],
    perhaps: [
      ...[...runtimePrograms, ...networkPlugins].filter((name) => !has('binary', name)),
      ...(has('manifest', 'flannel.yaml') ? [] : ['flannel.yaml']),
    ],
  };
}
