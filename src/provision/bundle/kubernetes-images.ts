import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { officialRepository } from './mirror-name.ts';
import { componentsFor } from './component-versions.ts';

const kubeadmLimitMs = 30_000;

/** The images that a version of Kubernetes wants. kubeadm knows best, if one of that version can be run here. */
export async function listImages(
  version: string,
  kubeadm: string | undefined,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  return (kubeadm ? await askKubeadm(kubeadm, version, signal) : undefined) ?? knownImages(version);
}

/** From the table, which is right for the newest patch of each minor when this was written. */
function knownImages(version: string): readonly string[] {
  const { coredns, pause, etcdImage } = componentsFor(version);
  const own = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'];
  return [
    ...own.map((name) => `${name}:v${version}`),
    `coredns/coredns:v${coredns}`,
    `pause:${pause}`,
    `etcd:${etcdImage}`,
  ].map((name) => `${officialRepository}/${name}`);
}

async function askKubeadm(
  kubeadm: string,
  version: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[] | undefined> {
  const args = ['config', 'images', 'list', '--kubernetes-version', `v${version}`];
  try {
    const { stdout } = await promisify(execFile)(kubeadm, args, { timeout: kubeadmLimitMs, signal });
    const images = stdout.split('\n').filter((line) => line.startsWith(`${officialRepository}/`));
    return images.length > 0 ? images : undefined;
  } catch {
    signal?.throwIfAborted();
    // Of another architecture, most likely.
    return undefined;
  }
}
