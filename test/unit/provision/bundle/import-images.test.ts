import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, openBundle } from '../../../../src/provision/bundle/index.ts';
import { mirrorName } from '../../../../src/provision/bundle/mirror-name.ts';
import { parseImageCheck, parseLabelled } from '../../../../src/provision/steps/containerd-images.ts';
import { importImages } from '../../../../src/provision/steps/import-images.ts';
import { loadBundle } from '../../../../src/provision/steps/load-bundle.ts';
import { failureOf, imagesOf, keys, makeBundle, type Place, temporaryPlace } from './builders.ts';
import { installCtr, machineScene, stepOf } from './machine.ts';

let home: Place;
let bundle: Bundle;
beforeAll(async () => {
  home = await temporaryPlace();
  bundle = await openBundle(await makeBundle(home), { publicKey: keys.publicKey });
});
afterAll(() => home[Symbol.asyncDispose]());

const step = stepOf('import-images');

async function loadedScene(place: Place) {
  const scene = await machineScene(place, 'control-plane');
  await installCtr(place);
  await loadBundle.apply(scene.context(bundle), stepOf('load-bundle'));
  const imported = async () =>
    (await readFile(place.path('containerd/images'), 'utf8'))
      .split('\n')
      .flatMap((line) => line.split(' ')[0] || []);
  return { ...scene, imported, store: place.path('containerd') };
}

describe('importing images', () => {
  it('gives the runtime every image of the role, and pins the pause image', async () => {
    await using place = await temporaryPlace();
    await using scene = await loadedScene(place);
    const context = scene.context(bundle);
    expect(await importImages.observe(context, step)).toEqual({
      kind: 'todo',
      why: '7 images are missing or incomplete',
    });
    await importImages.apply(context, step);
    await importImages.verify(context, step);
    expect(await importImages.observe(context, step)).toEqual({ kind: 'done' });
    expect((await scene.imported()).toSorted()).toEqual([...imagesOf('1.36.3')].sort());
    expect(await readFile(join(scene.store, 'labels'), 'utf8')).toBe(
      'registry.k8s.io/pause:3.10.2 io.cri-containerd.pinned=pinned\n',
    );
  });

  it("tags them for the cluster's own repository", async () => {
    await using place = await temporaryPlace();
    await using scene = await loadedScene(place);
    await importImages.apply(scene.context(bundle), step);
    const mirrored = scene.context(bundle, { imageRepository: 'mirror.local:5000/k8s' });
    expect(await importImages.observe(mirrored, step)).toMatchObject({
      why: expect.stringMatching(/^7 images lack their name/),
    });
    await importImages.apply(mirrored, step);
    await importImages.verify(mirrored, step);
    const names = await scene.imported();
    expect(names).toContain('mirror.local:5000/k8s/coredns:v1.14.2');
    expect(names).toContain('mirror.local:5000/k8s/pause:3.10.2');
    expect(await readFile(join(scene.store, 'labels'), 'utf8')).toContain(
      'mirror.local:5000/k8s/pause:3.10.2 ',
    );
  });

  it('does only what is missing, and mends an image that is another under the same name', async () => {
    await using place = await temporaryPlace();
    await using scene = await loadedScene(place);
    const context = scene.context(bundle);
    await importImages.apply(context, step);
    const images = await readFile(join(scene.store, 'images'), 'utf8');
    const other = images.replace(/^(registry\.k8s\.io\/pause:\S+) \S+$/m, `$1 sha256:${'0'.repeat(64)}`);
    await writeFile(join(scene.store, 'images'), other);
    expect(await importImages.observe(context, step)).toMatchObject({
      why: '1 images are missing or incomplete',
    });
    await importImages.apply(context, step);
    expect(await importImages.observe(context, step)).toEqual({ kind: 'done' });
    expect(scene.intents.at(-1)).toEqual({ images: 'registry.k8s.io/pause:3.10.2', tags: '0' });
  });

  it('tells a full disk from other failures, and a blob that is gone', async () => {
    await using place = await temporaryPlace();
    await using scene = await loadedScene(place);
    const context = scene.context(bundle);
    await writeFile(join(scene.store, 'full'), '');
    const full = await failureOf(importImages.apply(context, step));
    expect(full.reason).toBe('DiskFull');
    expect(full.message).toContain('/var/lib/containerd');
    await rm(join(scene.store, 'full'));
    const pause = bundle
      .items({ arch: 'amd64', role: 'worker' })
      .find(({ name }) => name.includes('/pause:'));
    await rm(join(scene.varDirectory, 'cache/hansa/blobs/sha256', pause?.sha256 ?? ''));
    const gone = await failureOf(importImages.apply(context, step));
    expect(gone.reason).toBe('BlobMissing');
    expect(gone.message).toContain('registry.k8s.io/pause:3.10.2 lacks its part');
  });

  it('waits for a runtime rather than failing, where there is none yet', async () => {
    await using place = await temporaryPlace();
    await using scene = await machineScene(place);
    await writeFile(place.path('machine-bin/ctr'), '#!/bin/sh\necho "ctr: no such socket" >&2\nexit 1\n', {
      mode: 0o755,
    });
    const context = scene.context(bundle);
    expect(await importImages.observe(context, step)).toEqual({
      kind: 'todo',
      why: 'containerd does not answer: ctr: no such socket',
    });
    expect(await failureOf(importImages.apply(context, step))).toMatchObject({ reason: 'RuntimeNotReady' });
  });
});

describe('what containerd prints', () => {
  // As containerd 1.6 has it.
  const checked = `REF                                   TYPE                                       DIGEST                                                                  STATUS         SIZE              UNPACKED
registry.k8s.io/pause:3.10.2          application/vnd.oci.image.manifest.v1+json sha256:${'a'.repeat(64)} complete (2/2) 1.4 MiB/1.4 MiB   true
registry.k8s.io/etcd:3.6.8-0          application/vnd.oci.image.manifest.v1+json sha256:${'b'.repeat(64)} incomplete (1/3) 1.4 MiB/58.6 MiB false
registry.k8s.io/coredns:v1            application/vnd.oci.image.manifest.v1+json sha256:${'c'.repeat(64)} complete (2/2) 1.4 MiB/1.4 MiB   false
`;

  it('tells which images are whole', () => {
    const images = parseImageCheck(checked);
    expect([...images].map(([name, { isComplete }]) => [name, isComplete])).toEqual([
      ['registry.k8s.io/pause:3.10.2', true],
      ['registry.k8s.io/etcd:3.6.8-0', false],
      ['registry.k8s.io/coredns:v1', false],
    ]);
    expect(images.get('registry.k8s.io/pause:3.10.2')?.digest).toBe(`sha256:${'a'.repeat(64)}`);
  });

  it('tells which have a label', () => {
    const listed = `REF TYPE DIGEST SIZE PLATFORMS LABELS
a/pause:1 t sha256:1 1.4 MiB linux/amd64 io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned 
a/pause:2 t sha256:1 1.4 MiB linux/amd64 io.cri-containerd.image=managed 
a/pause:3 t sha256:1 1.4 MiB linux/amd64 - 
`;
    expect([...parseLabelled(listed, 'io.cri-containerd.pinned=pinned')]).toEqual(['a/pause:1']);
  });
});

describe('the name of an image in another repository', () => {
  it.each([
    ['registry.k8s.io/pause:3.10.2', 'm.local/k8s', 'm.local/k8s/pause:3.10.2'],
    ['registry.k8s.io/coredns/coredns:v1', 'm.local', 'm.local/coredns:v1'],
    ['registry.k8s.io/etcd:3.6.8-0', 'registry.k8s.io', undefined],
    ['ghcr.io/flannel-io/flannel:v1', 'm.local', undefined],
  ])('of %s in %s is %s', (reference, repository, expected) => {
    expect(mirrorName(reference, repository)).toBe(expected);
  });
});
