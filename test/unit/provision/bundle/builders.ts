import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Header, pack } from 'tar-stream';
import { systemClock } from '../../../../src/kube/index.ts';
import {
  createFromDirectories,
  makeSigningKeys,
  type SigningKeys,
} from '../../../../src/provision/bundle/index.ts';
import { writeImageArchive } from '../../../machines/images.ts';

export interface Place extends AsyncDisposable {
  readonly root: string;
  path(name: string): string;
}

export async function temporaryPlace(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'hansa-bundle-'));
  return {
    root,
    path: (name) => join(root, name),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

export const keys: SigningKeys = makeSigningKeys();

const machineNumbers = { amd64: 0x3e, arm64: 0xb7 } as const;

/** Enough of a program for Linux to tell for which machine it is. */
export function program(name: string, arch: 'amd64' | 'arm64' = 'amd64'): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF', 'latin1');
  bytes[4] = 2;
  bytes[5] = 1;
  bytes.writeUInt16LE(machineNumbers[arch], 18);
  return Buffer.concat([bytes, Buffer.from(`${name} ${arch}`)]);
}

export function imagesOf(version: string): readonly string[] {
  return [
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map(
      (name) => `${name}:v${version}`,
    ),
    'coredns/coredns:v1.14.2',
    'pause:3.10.2',
    'etcd:3.6.8-0',
  ].map((name) => `registry.k8s.io/${name}`);
}

export const programs = [
  'kubelet',
  'kubectl',
  'etcdctl',
  'etcdutl',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'runc',
];
export const plugins = ['bridge', 'host-local', 'loopback', 'portmap'];

/** A kubeadm that runs wherever there is a shell. */
export function kubeadmScript(version: string): string {
  return `#!/bin/sh\n[ "$*" = "config images list --kubernetes-version v${version}" ] || exit 1\nprintf '%s\\n' ${imagesOf(version).join(' ')}\n`;
}

/** A directory as a person would collect it. */
export async function collect(
  directory: string,
  { version = '1.36.3', leaveOut = [] as readonly string[] } = {},
): Promise<void> {
  const put = async (name: string, content: string | Buffer) => {
    if (leaveOut.includes(name)) return;
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content, { mode: 0o755 });
  };
  await put('bin/kubeadm', kubeadmScript(version));
  for (const name of programs)
    await put(`bin/${name}`, program(name === 'kubelet' ? `${name} ${version}` : name));
  for (const name of plugins) await put(`cni/${name}`, program(name));
  await put('manifests/flannel.yaml', 'kind: List\n');
  await put('work/shared', 'a file that several images have');
  await mkdir(join(directory, 'images'), { recursive: true });
  for (const reference of imagesOf(version)) {
    const file = `images/${reference.replaceAll(/[/:]/g, '_')}.tar`;
    if (leaveOut.includes(reference)) continue;
    await put('work/own', `${reference} itself`);
    const own = { from: join(directory, 'work/own'), to: '/own' };
    const shared = { from: join(directory, 'work/shared'), to: '/shared' };
    const layers = [shared, own].map((from) => ({ kind: 'files' as const, files: [from] }));
    await writeImageArchive({ reference, layers }, join(directory, file));
  }
  await rm(join(directory, 'work'), { recursive: true });
}

/** A whole, signed bundle. */
export async function makeBundle(place: Place, to = 'bundle.tar', versions = ['1.36.3']): Promise<string> {
  const directories = [];
  for (const version of versions) {
    const directory = place.path(`source-${version}`);
    await collect(directory, { version });
    directories.push(directory);
  }
  const { path } = await createFromDirectories(directories, {
    to: place.path(to),
    privateKey: keys.privateKey,
    clock: systemClock,
  });
  return path;
}

export type TarEntry = Partial<Header> & { readonly name: string; readonly content?: Buffer | string };

export async function writeTar(path: string, entries: readonly TarEntry[]): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  for (const { content, ...header } of entries) archive.entry(header, content ?? '');
  archive.finalize();
  await written;
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What a promise is rejected with. */
export async function failureOf(
  promise: Promise<unknown>,
): Promise<{ readonly reason: string; readonly message: string }> {
  try {
    await promise;
  } catch (error) {
    return error as { reason: string; message: string };
  }
  throw new Error('it did not fail');
}
