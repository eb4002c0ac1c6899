import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BundleDir } from './bundle-dir.ts';
import { accessTo, type MachineFacts } from './machine.ts';
import { runOverSsh } from './ssh.ts';

export interface PlainNodeTimes {
  readonly copyMs: number;
  /** Programs, images, kubeadm init, flannel, and two pods that answer. */
  readonly setUpMs: number;
}

const script = fileURLToPath(new URL('plain-node.sh', import.meta.url));

/**
 * Makes a single-node cluster of a machine with kubeadm by script over SSH, without any of Hansa: what Hansa's own time
 * is compared with. Two pods answer on port 30080 of the machine when it is done.
 */
export async function makePlainNode(machine: MachineFacts, bundle: BundleDir): Promise<PlainNodeTimes> {
  const access = accessTo(machine);
  const startedAt = performance.now();
  await copyBundle(machine, bundle);
  const copyMs = performance.now() - startedAt;
  const pause = bundle.images.find(({ reference }) => reference.includes('/pause:'))?.reference ?? '';
  const args = [machine.ip, machine.name, bundle.kubernetesVersion, pause];
  await runOverSsh(access, `sudo bash -s ${args.join(' ')}`, createReadStream(script));
  return { copyMs, setUpMs: performance.now() - startedAt - copyMs };
}

/** The whole bundle directory to /opt/bundle, as one stream. */
export async function copyBundle(machine: MachineFacts, bundle: BundleDir): Promise<void> {
  const tar = spawn('tar', ['-C', bundle.path, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(tar, 'close');
  await runOverSsh(
    accessTo(machine),
    'sudo mkdir -p /opt/bundle && sudo tar -C /opt/bundle -xf -',
    tar.stdout,
  );
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`tar of ${bundle.path} ended with code ${code}`);
}
