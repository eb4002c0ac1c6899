import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { systemClock } from '../../src/kube/index.ts';
import {
  type Bundle,
  createFromDirectories,
  makeSigningKeys,
  openBundle,
} from '../../src/provision/bundle/index.ts';
import { lookForBlobs, uploadBlobs } from '../../src/provision/bundle/upload-blobs.ts';
import type { Machine, StepContext } from '../../src/provision/engine/executor.ts';
import type { Step } from '../../src/provision/plan/steps.ts';
import { importImages } from '../../src/provision/steps/import-images.ts';
import { loadBundle } from '../../src/provision/steps/load-bundle.ts';
import { connect, type LongCommand, runLong } from '../../src/provision/transport/index.ts';
import { type BundleDir, ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;

describe('a bundle, on machines without a way out', () => {
  let source: BundleDir;
  let bundle: Bundle;
  let group: MachineGroup;
  const bundlePath = join(machinesDir(), `bundle-test-${process.pid}`);

  beforeAll(async () => {
    await ensureDocker({ progress, signal });
    source = await ensureBundleDir({ progress, signal });
    const { privateKey, publicKey } = makeSigningKeys();
    const options = { to: bundlePath, privateKey, clock: systemClock, progress, signal };
    await createFromDirectories([source.path], options);
    bundle = await openBundle(bundlePath, { publicKey });
    group = await startMachines({
      count: 2,
      internal: true,
      disks: { '/var/cache/small': 300 },
      progress,
      signal,
    });
  }, coldMs);
  afterAll(async () => {
    await group?.[Symbol.asyncDispose]();
    await rm(bundlePath, { recursive: true, force: true });
  }, 60_000);

  it('is loaded and imported into containerd, and there is nothing left to do then', async () => {
    await using scene = await sceneOf('m1');
    for (const [kind, executor] of [
      ['load-bundle', loadBundle],
      ['import-images', importImages],
    ] as const) {
      const step = { id: `m1/${kind}`, kind, machine: 'm1', title: kind, inputs: {} } as unknown as Step;
      expect(await executor.observe(scene.context, step)).toMatchObject({ kind: 'todo' });
      await executor.apply(scene.context, step);
      await executor.verify(scene.context, step);
      expect(await executor.observe(scene.context, step)).toEqual({ kind: 'done' });
    }
    const listed = await group.machine('m1').exec('ctr -n k8s.io images ls');
    for (const { reference } of source.images) {
      const mirrored = reference
        .replace('registry.k8s.io/coredns', 'registry.k8s.io')
        .replace('registry.k8s.io', 'mirror.local/k8s');
      expect(listed).toContain(`${reference} `);
      expect(listed).toContain(`${mirrored} `);
    }
    expect(listed).toMatch(/mirror\.local\/k8s\/pause:\S+ .*io\.cri-containerd\.pinned=pinned/);
  });

  it('that fills a disk leaves no half file, and harms no other machine', async () => {
    await using full = await sceneOf('m2');
    await using other = await sceneOf('m1');
    // The check before sending would refuse this disk, so the sending is begun without it.
    await group
      .machine('m2')
      .exec(
        'mkdir -p /var/cache/hansa /var/cache/small/blobs && ln -s /var/cache/small/blobs /var/cache/hansa/blobs',
      );
    const step = { id: 'm2/load-bundle', kind: 'load-bundle', machine: 'm2', inputs: {} } as unknown as Step;
    await expect(loadBundle.apply(full.context, step)).rejects.toMatchObject({
      reason: 'DiskFull',
      retry: 'never',
    });
    const items = bundle.items({ arch: full.machine.facts.arch, role: 'control-plane' });
    const receiver = { name: 'm2', transport: full.machine.transport };
    const { missing } = await lookForBlobs(receiver, items, signal);
    const sending = uploadBlobs(receiver, bundle, missing, { signal, update: () => undefined });
    await expect(sending).rejects.toMatchObject({ reason: 'DiskFull' });
    const there = await group.machine('m2').exec('cd /var/cache/hansa/blobs/sha256 && sha256sum *');
    for (const line of there.trim().split('\n')) {
      const [hash, name] = line.split(/\s+/);
      expect(name).toBe(hash);
    }
    expect(await loadBundle.observe(other.context, { ...step, machine: 'm1' })).toEqual({ kind: 'done' });
  });

  async function sceneOf(name: string) {
    const { ip, ssh } = group.machine(name);
    const transport = await connect(
      {
        kind: 'ssh2',
        host: ip,
        port: ssh.port,
        user: ssh.user,
        credential: 'key',
        hostKeys: [ssh.hostKey],
        bastion: undefined,
        insecureIgnoreHostKey: false,
      },
      { privateKey: ssh.privateKey },
      {},
    );
    const machine = {
      spec: { name, role: 'control-plane' },
      transport,
      facts: {
        arch: process.arch === 'x64' ? 'amd64' : process.arch,
        hostname: name,
        runtimeSockets: ['/run/containerd/containerd.sock'],
        programs: {},
        stamps: {},
      },
      internalAddress: ip,
      runLong: (command: LongCommand) => runLong(transport, command),
    } as unknown as Machine;
    const context = {
      cluster: {
        name: 'c',
        namespace: 'd',
        version: source.kubernetesVersion,
        imageRepository: 'mirror.local/k8s',
      },
      journal: [],
      machine: () => machine,
      bundle,
      intent: async () => undefined,
      note: () => undefined,
      update: () => undefined,
      clock: systemClock,
      signal,
    } as unknown as StepContext;
    return { machine, context, [Symbol.asyncDispose]: () => transport.close() };
  }
});
