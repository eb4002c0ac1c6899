import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BundleItem } from '../../../../src/provision/engine/executor.ts';
import { differingBinaries, installBinaries } from '../../../../src/provision/steps/install-binaries.ts';
import { writePatches } from '../../../../src/provision/steps/kubeadm-node.ts';
import { originalsLibrary, placeFiles } from '../../../../src/provision/steps/originals.ts';
import { readStamps, writeStamp } from '../../../../src/provision/steps/stamps.ts';
import { clusterOf, inputFor } from '../plan/render/builders.ts';
import { movedMachine } from './moved-machine.ts';

describe('stamps', () => {
  it('of steps that end at once are all kept', async () => {
    await using place = await movedMachine();
    const kinds = Array.from({ length: 8 }, (_, index) => `step-${index}`);
    await Promise.all(kinds.map((kind) => writeStamp(place.machine, kind, `hash-${kind}`)));
    expect(await readStamps(place.machine)).toEqual(
      Object.fromEntries(kinds.map((kind) => [kind, `hash-${kind}`])),
    );
  });

  it('are replaced, and read by whoever reads JSON', async () => {
    await using place = await movedMachine();
    await writeStamp(place.machine, 'prepare-host', 'old');
    await writeStamp(place.machine, 'set-endpoint', 'other');
    await writeStamp(place.machine, 'prepare-host', 'new');
    expect(JSON.parse((await place.read('/etc/hansa/stamps.json')) ?? '')).toEqual({
      'prepare-host': 'new',
      'set-endpoint': 'other',
    });
  });

  it('of a damaged file count as none', async () => {
    await using place = await movedMachine();
    await place.put('/etc/hansa/stamps.json', '{"prepare-host": ');
    expect(await readStamps(place.machine)).toEqual({});
  });
});

describe('a file that Hansa replaces', () => {
  it('comes back as it was first, and one that was not there goes', async () => {
    await using place = await movedMachine();
    await place.put('/etc/containerd/config.toml', 'of the administrator\n', 0o640);
    const write = (content: string) =>
      placeFiles(place.context, place.machine, [
        { path: '/etc/containerd/config.toml', content, mode: 0o644 },
        { path: '/etc/sysctl.d/90-hansa.conf', content, mode: 0o644 },
      ]);
    expect(await write('ours, one\n')).toHaveLength(2);
    expect(await write('ours, two\n')).toHaveLength(2);
    expect(await write('ours, two\n')).toEqual([]);
    await place.machine.transport.exec({ script: `${originalsLibrary}\nrestore_originals`, root: true });
    expect(await place.read('/etc/containerd/config.toml')).toBe('of the administrator\n');
    expect(await place.read('/etc/sysctl.d/90-hansa.conf')).toBeUndefined();
  });
});

describe('programs', () => {
  const itemOf = (name: string, content: string): BundleItem => ({
    kind: 'binary',
    name,
    sizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    mode: 0o755,
  });
  const kubelet = itemOf('kubelet', 'new kubelet');
  const placement = { item: kubelet, path: '/usr/local/bin/kubelet' };
  const blob = `/var/cache/hansa/blobs/sha256/${kubelet.sha256}`;

  it('are put in place from the cache by hash, and once is enough', async () => {
    await using place = await movedMachine();
    await place.put(blob, 'new kubelet');
    expect(await differingBinaries(place.context, place.machine, [placement])).toHaveLength(1);
    expect(await installBinaries(place.context, place.machine, [placement])).toHaveLength(1);
    expect(await place.read('/usr/local/bin/kubelet')).toBe('new kubelet');
    expect(await differingBinaries(place.context, place.machine, [placement])).toEqual([]);
    expect(await installBinaries(place.context, place.machine, [placement])).toEqual([]);
    expect(await place.read('/etc/hansa/installed')).toMatch(/\/usr\/local\/bin\/kubelet\n$/);
  });

  it('of somebody else are kept aside, and not on the list of what a reset removes', async () => {
    await using place = await movedMachine();
    await place.put(blob, 'new kubelet');
    await place.put('/usr/local/bin/kubelet', 'kubelet of the administrator', 0o755);
    await installBinaries(place.context, place.machine, [placement]);
    expect(await place.read('/etc/hansa/installed')).toBe('');
    await place.machine.transport.exec({ script: `${originalsLibrary}\nrestore_originals`, root: true });
    expect(await place.read('/usr/local/bin/kubelet')).toBe('kubelet of the administrator');
  });

  it('that were not loaded are named', async () => {
    await using place = await movedMachine();
    await expect(installBinaries(place.context, place.machine, [placement])).rejects.toMatchObject({
      reason: 'BlobMissing',
      message: expect.stringContaining('kubelet'),
    });
  });

  it('from a damaged blob never get in place, and the blob goes so that it is loaded anew', async () => {
    await using place = await movedMachine();
    await place.put(blob, 'new kubeleX');
    await expect(installBinaries(place.context, place.machine, [placement])).rejects.toMatchObject({
      reason: 'InstallFailed',
    });
    expect(await place.read('/usr/local/bin/kubelet')).toBeUndefined();
    expect(await place.read(blob)).toBeUndefined();
  });
});

describe('the patches directory', () => {
  it('holds what the spec says and nothing from before, since kubeadm takes every file in it', async () => {
    await using place = await movedMachine();
    const input = (patches: object) => inputFor(clusterOf({ kubeadm: { patches } }));
    await writePatches(
      place.context,
      place.machine,
      input({ 'etcd+merge.yaml': 'metadata: {}\n', 'etcd1.json': '{}' }),
    );
    await writePatches(place.context, place.machine, input({ 'etcd+merge.yaml': 'spec: {}\n' }));
    expect(await place.read('/etc/kubernetes/hansa/patches/etcd+merge.yaml')).toBe('spec: {}\n');
    expect(await place.read('/etc/kubernetes/hansa/patches/etcd1.json')).toBeUndefined();
  });
});
