import { type Components, etcdVersionIn } from '../component-versions.ts';

/** One file of a release, and where its hash is published. */
export interface PublishedFile {
  readonly url: string;
  readonly checksumUrl: string;
  /** What it holds. */
  readonly version: string;
  /** Programs by their path in the archive; `*`: every one that is there. undefined: the file is the program. */
  readonly members: Readonly<Record<string, string>> | '*' | undefined;
  /** Of the program, where it is none. */
  readonly name: string;
  readonly folder: 'bin' | 'cni';
}

const github = 'https://github.com';

/** Programs of one version of Kubernetes, from dl.k8s.io. */
export function kubernetesProgram(name: string, version: string, arch: string): PublishedFile {
  const url = `https://dl.k8s.io/v${version}/bin/linux/${arch}/${name}`;
  return { url, checksumUrl: `${url}.sha256`, version, members: undefined, name, folder: 'bin' };
}

/** What machines need beside Kubernetes itself. etcd's programs are those of the etcd that the images bring. */
export function companionFiles(
  components: Components,
  images: readonly string[],
  arch: string,
): readonly PublishedFile[] {
  const { containerd, runc, cniPlugins, crictl } = components;
  const etcd = etcdVersionIn(images);
  const containerdUrl = `${github}/containerd/containerd/releases/download/v${containerd}/containerd-${containerd}-linux-${arch}.tar.gz`;
  const runcUrl = `${github}/opencontainers/runc/releases/download/v${runc}`;
  const cniUrl = `${github}/containernetworking/plugins/releases/download/v${cniPlugins}/cni-plugins-linux-${arch}-v${cniPlugins}.tgz`;
  const crictlUrl = `${github}/kubernetes-sigs/cri-tools/releases/download/v${crictl}/crictl-v${crictl}-linux-${arch}.tar.gz`;
  return [
    {
      ...archive('containerd', containerd, containerdUrl, `${containerdUrl}.sha256sum`),
      members: {
        'bin/containerd': 'containerd',
        'bin/containerd-shim-runc-v2': 'containerd-shim-runc-v2',
        'bin/ctr': 'ctr',
      },
    },
    {
      url: `${runcUrl}/runc.${arch}`,
      checksumUrl: `${runcUrl}/runc.sha256sum`,
      version: runc,
      members: undefined,
      name: 'runc',
      folder: 'bin',
    },
    { ...archive('cni-plugins', cniPlugins, cniUrl, `${cniUrl}.sha256`), members: '*', folder: 'cni' },
    { ...archive('crictl', crictl, crictlUrl, `${crictlUrl}.sha256`), members: { crictl: 'crictl' } },
    ...(etcd ? [etcdFile(etcd, arch)] : []),
  ];
}

export function flannelManifestUrl({ flannel }: Components): string {
  return `${github}/flannel-io/flannel/releases/download/v${flannel}/kube-flannel.yml`;
}

function etcdFile(version: string, arch: string): PublishedFile {
  const directory = `etcd-v${version}-linux-${arch}`;
  const release = `${github}/etcd-io/etcd/releases/download/v${version}`;
  return {
    ...archive('etcd', version, `${release}/${directory}.tar.gz`, `${release}/SHA256SUMS`),
    members: { [`${directory}/etcdctl`]: 'etcdctl', [`${directory}/etcdutl`]: 'etcdutl' },
  };
}

function archive(name: string, version: string, url: string, checksumUrl: string) {
  return { url, checksumUrl, version, name, folder: 'bin' } as const;
}

/** A file's sha256 in what is published: the bare sum, or a list as `sha256sum` prints it. */
export function checksumIn(text: string, fileName: string): string | undefined {
  const bare = /^\s*([0-9a-f]{64})\s*$/.exec(text)?.[1];
  if (bare) return bare;
  for (const line of text.split('\n')) {
    const [, sum, name] = /^([0-9a-f]{64})\s+\*?(?:\S*\/)?([^\s/]+)\s*$/.exec(line) ?? [];
    if (sum && name === fileName) return sum;
  }
  return undefined;
}

/** Images that a manifest names. */
export function imagesIn(manifest: string): readonly string[] {
  const found = [...manifest.matchAll(/^\s*(?:-\s+)?image:\s*["']?([^\s"'#]+)/gm)];
  return [...new Set(found.flatMap(([, image]) => image ?? []))];
}
