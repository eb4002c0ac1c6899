import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kube/index.ts';
import { createFromDirectories, openBundle, upgradePath } from '../../../../src/provision/bundle/index.ts';
import { collect, failureOf, imagesOf, keys, makeBundle, temporaryPlace, writeTar } from './builders.ts';

const options = { privateKey: keys.privateKey, clock: systemClock };

describe('a bundle made of a directory', () => {
  it('is the same to the byte when it is made again at the same time', async () => {
    await using place = await temporaryPlace();
    await collect(place.path('source'));
    const clock = { ...systemClock, now: () => 0 };
    for (const name of ['one.tar', 'other.tar']) {
      await createFromDirectories([place.path('source')], { ...options, clock, to: place.path(name) });
    }
    expect(await readFile(place.path('one.tar'))).toEqual(await readFile(place.path('other.tar')));
  });

  it('is a layout of images and a list of hashes that other tools read', async () => {
    await using place = await temporaryPlace();
    const path = await makeBundle(place, 'bundle-dir');
    expect(execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: path }).toString()).toBe(
      '',
    );
    const index = JSON.parse(await readFile(join(path, 'oci/index.json'), 'utf8')) as {
      manifests: { digest: string; annotations: Record<string, string> }[];
    };
    const names = index.manifests.map(({ annotations }) => annotations['io.containerd.image.name']);
    expect(new Set(names)).toEqual(new Set(imagesOf('1.36.3')));
    const blobs = await readdir(join(path, 'oci/blobs/sha256'));
    for (const { digest } of index.manifests) expect(blobs).toContain(digest.slice('sha256:'.length));
  });

  it('says what no cluster can be made without', async () => {
    await using place = await temporaryPlace();
    await collect(place.path('source'), {
      leaveOut: ['bin/kubectl', 'registry.k8s.io/pause:3.10.2', 'bin/runc'],
    });
    const create = (allowIncomplete: boolean) =>
      createFromDirectories([place.path('source')], {
        ...options,
        allowIncomplete,
        to: place.path('bundle.tar'),
      });
    const { reason, message } = await failureOf(create(false));
    expect(reason).toBe('BundleIncomplete');
    expect(message).toContain('lacks kubectl, registry.k8s.io/pause:3.10.2;');
    await expect(stat(place.path('bundle.tar'))).rejects.toThrow();
    const { notes } = await create(true);
    expect(notes).toEqual([
      expect.stringContaining('lacks kubectl'),
      expect.stringMatching(/has no runc: machines must have/),
    ]);
  });

  it('asks kubeadm which images a version wants, and knows them itself where kubeadm does not run', async () => {
    await using place = await temporaryPlace();
    await collect(place.path('source'));
    const create = (name: string) =>
      createFromDirectories([place.path('source')], { ...options, to: place.path(name) });
    const kubeadm = place.path('source/bin/kubeadm');
    await writeFile(kubeadm, '#!/bin/sh\necho registry.k8s.io/newcomer:v1\n');
    expect((await failureOf(create('one.tar'))).message).toContain('lacks registry.k8s.io/newcomer:v1;');
    await writeFile(kubeadm, '#!/bin/sh\nexit 1\n');
    await expect(create('other.tar')).resolves.toBeDefined();
  });

  it('does not replace what is there, and leaves nothing half done', async () => {
    await using place = await temporaryPlace();
    await collect(place.path('source'));
    await writeFile(place.path('bundle.tar'), 'mine');
    const to = (name: string) =>
      createFromDirectories([place.path('source')], { ...options, to: place.path(name) });
    expect((await failureOf(to('bundle.tar'))).reason).toBe('FileExists');
    expect(await readFile(place.path('bundle.tar'), 'utf8')).toBe('mine');
    // An archive whose part is not what its name says.
    const archive = join(place.path('source/images'), 'registry.k8s.io_pause_3.10.2.tar');
    const bytes = await readFile(archive);
    const at = bytes.indexOf('pause:3.10.2 itself');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(archive, bytes);
    for (const name of ['new.tar', 'new-dir']) {
      const { reason, message } = await failureOf(to(name));
      expect(reason).toBe('HashMismatch');
      expect(message).toContain('pause_3.10.2.tar');
    }
    expect((await readdir(place.root)).filter((name) => name.startsWith('new'))).toEqual([]);
  });

  it('takes the older archives of docker save', async () => {
    await using place = await temporaryPlace();
    await collect(place.path('source'), { leaveOut: ['registry.k8s.io/pause:3.10.2'] });
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [] },
    });
    await writeTar(place.path('source/images/pause.tar'), [
      { name: 'abc.json', content: config },
      { name: 'def/layer.tar', content: 'a layer' },
      {
        name: 'manifest.json',
        content: JSON.stringify([
          {
            Config: 'abc.json',
            RepoTags: ['registry.k8s.io/pause:3.10.2', 'web:1'],
            Layers: ['def/layer.tar'],
          },
        ]),
      },
    ]);
    const { path, file } = await createFromDirectories([place.path('source')], {
      ...options,
      to: place.path('b.tar'),
    });
    const pause = file.items.filter(({ name }) => /pause|web/.test(name));
    expect(pause.map(({ name }) => name)).toEqual([
      'registry.k8s.io/pause:3.10.2',
      'docker.io/library/web:1',
    ]);
    expect(pause[0]?.sha256).toBe(pause[1]?.sha256);
    await openBundle(path, { publicKey: keys.publicKey });
  });

  it.each([
    ['a link', [{ name: 'x', type: 'symlink' as const, linkname: '/etc/passwd' }], 'symbolic link'],
    ['no image', [{ name: 'x', content: 'x' }], 'neither an index.json nor a manifest.json'],
  ])('refuses an archive with %s', async (_, entries, why) => {
    await using place = await temporaryPlace();
    await collect(place.path('source'));
    await writeTar(place.path('source/images/evil.tar'), entries);
    const { reason, message } = await failureOf(
      createFromDirectories([place.path('source')], { ...options, to: place.path('b.tar') }),
    );
    expect(reason).toBe('ImageUnreadable');
    expect(message).toContain(why);
  });

  it('needs a directory with images', async () => {
    await using place = await temporaryPlace();
    await collect(place.path('source'));
    await rm(place.path('source/images'), { recursive: true });
    const make = (from: string) =>
      failureOf(createFromDirectories([place.path(from)], { ...options, to: place.path('b.tar') }));
    expect((await make('source')).message).toContain('kube-apiserver, whose tag tells the version');
    expect((await make('absent')).reason).toBe('DirectoryIncomplete');
  });
});

describe('a bundle for an upgrade', () => {
  it('holds what both versions need, and what they share once', async () => {
    await using place = await temporaryPlace();
    const path = await makeBundle(place, 'b.tar', ['1.36.3', '1.35.4']);
    const bundle = await openBundle(path, { publicKey: keys.publicKey });
    expect(bundle.file.kubernetes).toEqual(['1.35.4', '1.36.3']);
    expect(bundle.version).toBe('1.36.3');
    const kubelets = bundle.file.items.filter(({ name }) => name === 'kubelet');
    expect(kubelets.map((item) => 'path' in item && item.path)).toEqual([
      'bin/amd64/1.36.3/kubelet',
      'bin/amd64/1.35.4/kubelet',
    ]);
    expect(bundle.file.items.filter(({ name }) => name === 'containerd')).toHaveLength(1);
    for (const version of ['1.35.4', '1.36.3']) {
      const names = bundle.items({ arch: 'amd64', role: 'control-plane', version }).map(({ name }) => name);
      expect(names.filter((name) => name === 'kubelet')).toHaveLength(1);
      expect(names.filter((name) => name.includes('kube-apiserver'))).toEqual([
        `registry.k8s.io/kube-apiserver:v${version}`,
      ]);
    }
  });

  it('leaves out no minor', () => {
    expect(upgradePath(['1.37.2', '1.36.3', '1.36.1'])).toEqual(['1.36.1', '1.36.3', '1.37.2']);
    expect(() => upgradePath(['1.34.4', '1.36.3'])).toThrow(
      /no way from Kubernetes 1\.34\.4 to 1\.36\.3.*put a 1\.35/,
    );
  });
});
