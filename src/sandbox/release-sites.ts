import type { Platform } from './platform.ts';
import { type Component, isKubernetesComponent } from './versions.ts';

/** Where releases are published. */
export interface ReleaseSites {
  readonly kubernetes: string;
  readonly etcd: string;
  readonly kwok: string;
  /** kwok publishes no checksum file; the release's own listing has the digest of each file. */
  readonly kwokListing: string;
}

export const officialSites: ReleaseSites = {
  kubernetes: 'https://dl.k8s.io/release',
  etcd: 'https://github.com/etcd-io/etcd/releases/download',
  kwok: 'https://github.com/kubernetes-sigs/kwok/releases/download',
  kwokListing: 'https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags',
};

/** One file to fetch for a program, and how its checksum is found. */
export interface ReleaseFile {
  readonly url: string;
  readonly checksumUrl: string;
  /** Name under which the checksum stands, where the answer lists several. */
  readonly fileName: string;
  /** The program's path in the archive; absent if the file is the program. */
  readonly inArchive?: string;
}

/** The published file with a program; undefined where none is published. */
export function releaseFileOf(
  component: Component,
  version: string,
  { os, arch }: Platform,
  sites: ReleaseSites = officialSites,
): ReleaseFile | undefined {
  if (component === 'etcd') {
    const directory = `etcd-v${version}-${os}-${arch}`;
    const fileName = `${directory}.${os === 'linux' ? 'tar.gz' : 'zip'}`;
    return {
      url: `${sites.etcd}/v${version}/${fileName}`,
      checksumUrl: `${sites.etcd}/v${version}/SHA256SUMS`,
      fileName,
      inArchive: `${directory}/etcd`,
    };
  }
  if (component === 'kwok') {
    const fileName = `kwok-${os}-${arch}`;
    return {
      url: `${sites.kwok}/v${version}/${fileName}`,
      checksumUrl: `${sites.kwokListing}/v${version}`,
      fileName,
    };
  }
  // Servers are published for Linux only; kubectl everywhere.
  if (os !== 'linux' && isKubernetesComponent(component) && component !== 'kubectl') return undefined;
  const url = `${sites.kubernetes}/v${version}/bin/${os}/${arch}/${component}`;
  return { url, checksumUrl: `${url}.sha256`, fileName: component };
}

/**
 * Finds a file's sha256 in what a release site answers: the bare sum, a list as `sha256sum` prints it, or a listing in
 * JSON with a digest a file. Undefined if it is in none of them, as in the page of a proxy that wants a login.
 */
export function checksumIn(text: string, fileName: string): string | undefined {
  const bare = /^\s*([0-9a-f]{64})\s*$/.exec(text)?.[1];
  if (bare) return bare;
  for (const line of text.split('\n')) {
    const [, sum, name] = /^([0-9a-f]{64})\s+\*?(\S+)\s*$/.exec(line) ?? [];
    if (sum && name === fileName) return sum;
  }
  return digestInListing(text, fileName);
}

function digestInListing(text: string, fileName: string): string | undefined {
  try {
    const { assets } = JSON.parse(text) as { assets?: readonly { name?: string; digest?: string }[] };
    const digest = assets?.find(({ name }) => name === fileName)?.digest;
    return /^sha256:([0-9a-f]{64})$/.exec(digest ?? '')?.[1];
  } catch {
    return undefined;
  }
}
