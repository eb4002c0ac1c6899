import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, openBundle } from '../../../../src/provision/bundle/index.ts';
import { refuseFullDisk } from '../../../../src/provision/bundle/upload-blobs.ts';
import { loadBundle } from '../../../../src/provision/steps/load-bundle.ts';
import { failureOf, keys, makeBundle, type Place, sha256, temporaryPlace } from './builders.ts';
import { machineScene, stepOf } from './machine.ts';

let home: Place;
let bundle: Bundle;
beforeAll(async () => {
  home = await temporaryPlace();
  bundle = await openBundle(await makeBundle(home, 'b.tar', ['1.35.4', '1.36.3']), {
    publicKey: keys.publicKey,
  });
});
afterAll(() => home[Symbol.asyncDispose]());

const step = stepOf('load-bundle');

async function blobsOn(varDirectory: string): Promise<readonly string[]> {
  return readdir(join(varDirectory, 'cache/hansa/blobs/sha256'));
}

describe('loading a bundle onto a machine', () => {
  it('brings what its role and version need, by hash, and says first that it will', async () => {
    await using place = await temporaryPlace();
    await using scene = await machineScene(place, 'worker');
    const context = scene.context(bundle);
    expect(await loadBundle.observe(context, step)).toMatchObject({
      kind: 'todo',
      why: expect.stringMatching(/^\d+ files, /),
    });
    await loadBundle.apply(context, step);
    await loadBundle.verify(context, step);
    expect(await loadBundle.observe(context, step)).toEqual({ kind: 'done' });
    expect(scene.intents).toHaveLength(1);
    const there = await blobsOn(scene.varDirectory);
    for (const name of there) {
      expect(sha256(await readFile(join(scene.varDirectory, 'cache/hansa/blobs/sha256', name)))).toBe(name);
    }
    const wanted = bundle.items({ arch: 'amd64', role: 'worker', version: '1.36.3' });
    const hashes = wanted.flatMap((item) => item.blobs?.map((blob) => blob.sha256) ?? item.sha256);
    expect(there.toSorted()).toEqual([...new Set(hashes)].sort());
  });

  it('sends nothing again, and only what is missing or damaged', async () => {
    await using place = await temporaryPlace();
    await using scene = await machineScene(place);
    const context = scene.context(bundle);
    await loadBundle.apply(context, step);
    const sent = scene.server.commands.length;
    await loadBundle.apply(context, step);
    expect(scene.server.commands.length - sent).toBe(1);
    expect(scene.intents).toHaveLength(1);
    const [first = '', second = ''] = await blobsOn(scene.varDirectory);
    const at = (name: string) => join(scene.varDirectory, 'cache/hansa/blobs/sha256', name);
    await rm(at(first));
    await truncate(at(second), 3);
    expect(await loadBundle.observe(context, step)).toMatchObject({ why: expect.stringMatching(/^2 files/) });
    await loadBundle.apply(context, step);
    expect(await loadBundle.observe(context, step)).toEqual({ kind: 'done' });
    expect(scene.intents.at(-1)).toMatchObject({ files: '2' });
  });

  it('of an upgrade brings the version that the step is about', async () => {
    await using place = await temporaryPlace();
    await using scene = await machineScene(place, 'control-plane');
    const context = scene.context(bundle, { version: '1.35.4' });
    await loadBundle.apply(context, step);
    const hop = stepOf('load-bundle', { version: '1.36.3' });
    expect(await loadBundle.observe(context, step)).toEqual({ kind: 'done' });
    expect(await loadBundle.observe(context, hop)).toMatchObject({ kind: 'todo' });
    await loadBundle.apply(context, hop);
    expect(await loadBundle.observe(context, hop)).toEqual({ kind: 'done' });
    expect(await loadBundle.observe(context, step)).toEqual({ kind: 'done' });
  });

  it('goes on when the connection is lost on the way', async () => {
    await using place = await temporaryPlace();
    await using scene = await machineScene(place);
    scene.server.onCommand = (_, before) => (before % 17 === 9 ? 'drop' : 'run');
    const context = scene.context(bundle);
    await loadBundle.apply(context, step);
    scene.server.onCommand = () => 'run';
    expect(await loadBundle.observe(context, step)).toEqual({ kind: 'done' });
  });

  it('stops at the first failure and tells that one', async () => {
    await using place = await temporaryPlace();
    await using scene = await machineScene(place);
    // Where blobs should go is a file.
    await writeFile(join(scene.varDirectory, 'cache'), 'in the way');
    const { message } = await failureOf(loadBundle.apply(scene.context(bundle), step));
    expect(message).not.toMatch(/abort/i);
  });
});

describe('a machine with little room', () => {
  const missing = [{ sha256: 'a'.repeat(64), sizeBytes: 800_000_000 }];

  it('is refused before anything is sent, with the arithmetic', () => {
    expect(() => refuseFullDisk('m1', { missing, freeBytes: 2_399_999_999 })).toThrow(
      /m1 has 2400 MB free below \/var\/cache, and 2400 MB are needed: 800 MB of the bundle/,
    );
  });

  it('is taken if it has three times what comes, or if nothing comes', () => {
    expect(() => refuseFullDisk('m1', { missing, freeBytes: 2_400_000_000 })).not.toThrow();
    expect(() => refuseFullDisk('m1', { missing: [], freeBytes: 0 })).not.toThrow();
  });
});
