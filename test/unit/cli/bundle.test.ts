import { readFile, stat, truncate } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCreate } from '../../../src/cli/bundle/run-create.ts';
import type { CreateFlags } from '../../../src/cli/commands/bundle.ts';
import { collect, imagesOf, type Place, temporaryPlace } from '../provision/bundle/builders.ts';
import { type ReleaseSite, startReleaseSite } from '../provision/bundle/release-site.ts';

const program = fileURLToPath(new URL('../../../src/cli/hansa.ts', import.meta.url));

let place: Place;
let publicKey: string;
beforeAll(async () => {
  place = await temporaryPlace();
  await collect(place.path('source'));
  publicKey = (await bundle('keygen', place.path('key'))).stdout;
  await bundle('create', place.path('b.tar'), '--from', place.path('source'), '--key', place.path('key'));
}, 60_000);
afterAll(() => place[Symbol.asyncDispose]());

async function bundle(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [program, 'bundle', ...args], {
    reject: false,
    env: { HANSA_CACHE_DIR: place.path('cache') },
  });
  return { exitCode, stdout, stderr };
}

describe('hansa bundle keygen', () => {
  it('prints the public key, keeps the private one to its owner, and replaces none', async () => {
    expect(publicKey).toMatch(/^ed25519:[A-Za-z0-9+/]{43}=$/);
    expect(await readFile(place.path('key.pub'), 'utf8')).toBe(`${publicKey}\n`);
    expect((await stat(place.path('key'))).mode & 0o777).toBe(0o600);
    const again = await bundle('keygen', place.path('key'));
    expect(again).toMatchObject({ exitCode: 1, stdout: '' });
    expect(again.stderr).toContain('is there already: name another file');
  });
});

describe('hansa bundle verify', () => {
  it('tells who signed it, with the key or a file with it', async () => {
    for (const key of [publicKey, place.path('key.pub')]) {
      const { exitCode, stdout } = await bundle('verify', place.path('b.tar'), '--public-key', key);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/b\.tar is whole: \d+ items, /);
      expect(stdout).toContain(`; signed with ${publicKey}.`);
    }
  });

  it('fails in one sentence where something is wrong', async () => {
    const noKey = await bundle('verify', place.path('b.tar'));
    expect(noKey.exitCode).toBe(1);
    expect(noKey.stderr).toContain('--public-key');
    await bundle('create', place.path('cut.tar'), '--from', place.path('source'), '--unsigned');
    await truncate(place.path('cut.tar'), 30_000);
    const cut = await bundle('verify', place.path('cut.tar'), '--allow-unsigned');
    expect(cut.exitCode).toBe(1);
    expect(cut.stderr.split('\n').filter((line) => line.startsWith('hansa: '))).toHaveLength(1);
    expect(cut.stderr).toContain("can't be used: it is cut off");
    expect(cut.stderr).not.toContain('    at ');
  });
});

describe('hansa bundle inspect', () => {
  it('lists what is in it, for people and for programs', async () => {
    const { stdout } = await bundle('inspect', place.path('b.tar'));
    expect(stdout).toContain('Kubernetes     1.36.3');
    expect(stdout).toContain('Signature      signed, not checked for want of a public key');
    for (const name of [...imagesOf('1.36.3'), 'kubelet', 'flannel.yaml'])
      expect(stdout).toContain(` ${name} `);
    const data = JSON.parse((await bundle('inspect', place.path('b.tar'), '-o', 'json')).stdout) as {
      items: { name: string }[];
    };
    expect(data.items.map(({ name }) => name)).toEqual(expect.arrayContaining([...imagesOf('1.36.3')]));
  });
});

describe('hansa bundle create', () => {
  let site: ReleaseSite;
  beforeAll(async () => {
    site = await startReleaseSite();
  });
  afterAll(() => site[Symbol.asyncDispose]());

  it('loads a version from mirrors, and shows how far it is', async () => {
    const mirrors = [...site.mirrors].flatMap(([host, address]) => ['--mirror', `${host}=${address}`]);
    const made = await bundle(
      'create',
      place.path('loaded'),
      '--versions',
      '1.36.3',
      '--arch',
      'amd64',
      '--unsigned',
      ...mirrors,
    );
    expect(made.exitCode).toBe(0);
    expect(made.stdout).toMatch(/loaded: Kubernetes 1\.36\.3 for amd64, \d+ items, .*, not signed\.$/);
    expect(made.stderr).toContain('load Kubernetes 1.36.3 for amd64');
    const verified = await bundle('verify', place.path('loaded'), '--allow-unsigned', '-o', 'json');
    expect(JSON.parse(verified.stdout)).toMatchObject({
      kubernetes: ['1.36.3'],
      signature: { kind: 'none' },
    });
  });

  it('ends with 2 where the command line is wrong', async () => {
    const { exitCode, stderr } = await bundle('create', place.path('never.tar'), '--unsigned');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('say where it comes from')]);
  });

  it.each<[Partial<CreateFlags>, string]>([
    [{ versions: '1.36.3', from: ['x'], unsigned: true }, 'say where it comes from'],
    [{ from: ['x'] }, 'say whether it is signed'],
    [{ from: ['x'], unsigned: true, key: 'y' }, 'say whether it is signed'],
    [{ from: ['x'], unsigned: true, image: ['a/b:1'] }, 'go with --versions'],
    [{ versions: '1.36.3', unsigned: true, mirror: ['nonsense'] }, 'write HOST=ADDRESS'],
    [{ versions: '1.34.4,1.36.3', unsigned: true }, 'put a 1.35 between them'],
  ])('refuses %j before anything is loaded', async (flags, why) => {
    const none = { from: [], mirror: [], image: [], manifest: [] };
    await expect(runCreate(place.path('never.tar'), { ...none, ...flags })).rejects.toThrow(why);
  });
});
