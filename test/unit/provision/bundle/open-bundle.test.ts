import { createPublicKey, sign } from 'node:crypto';
import { appendFile, copyFile, cp, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSigningKeys, openBundle, readPrivateKey } from '../../../../src/provision/bundle/index.ts';
import { scanTar } from '../../../../src/provision/bundle/tar-tree.ts';
import {
  failureOf,
  keys,
  makeBundle,
  type Place,
  program,
  sha256,
  temporaryPlace,
  writeTar,
} from './builders.ts';

let place: Place;
let tar: string;
let directory: string;
const trusted = { publicKey: keys.publicKey };

beforeAll(async () => {
  place = await temporaryPlace();
  tar = await makeBundle(place);
  directory = await makeBundle(place, 'bundle-dir');
});
afterAll(() => place[Symbol.asyncDispose]());

/** Every refusal tells what is wrong in one sentence, without a full stop in the middle of nowhere. */
function expectSentence(message: string): void {
  expect(message).toMatch(/^[a-z/][^\n]+[^.\n]$/);
}

describe.each(['a tar', 'a directory'])('%s', (kind) => {
  const path = () => (kind === 'a tar' ? tar : directory);

  it('gives the items of a role, and their bytes', async () => {
    const bundle = await openBundle(path(), trusted);
    expect(bundle.version).toBe('1.36.3');
    const namesFor = (role: 'control-plane' | 'worker') =>
      new Set(bundle.items({ arch: 'amd64', role }).map(({ name }) => name));
    expect(namesFor('worker')).toContain('kubelet');
    expect(namesFor('worker')).toContain('registry.k8s.io/kube-proxy:v1.36.3');
    expect(namesFor('worker')).not.toContain('registry.k8s.io/etcd:3.6.8-0');
    expect(namesFor('control-plane')).toContain('registry.k8s.io/etcd:3.6.8-0');
    const kubelet = bundle.items({ arch: 'amd64', role: 'worker' }).find(({ name }) => name === 'kubelet');
    expect(kubelet).toMatchObject({ kind: 'binary', mode: 0o755 });
    expect(await text(bundle.open(kubelet ?? { sha256: '' }))).toBe(program('kubelet 1.36.3').toString());
    expect(await bundle.text('flannel.yaml')).toBe('kind: List\n');
  });

  it('gives each image as blobs, and those that images share once', async () => {
    const bundle = await openBundle(path(), trusted);
    const images = bundle
      .items({ arch: 'amd64', role: 'control-plane' })
      .filter(({ kind }) => kind === 'image');
    expect(images).toHaveLength(7);
    for (const { blobs = [], sha256: digest, sizeBytes } of images) {
      expect(blobs).toHaveLength(4);
      expect(blobs[0]?.sha256).toBe(digest);
      expect(blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0)).toBe(sizeBytes);
      for (const blob of blobs) expect(sha256(await text(bundle.open(blob)))).toBe(blob.sha256);
    }
    const all = images.flatMap(({ blobs = [] }) => blobs.map((blob) => blob.sha256));
    expect(new Set(all).size).toBe(all.length - 6);
  });

  it('fault 22: is refused with another key, and without one unless that is asked for', async () => {
    const other = await failureOf(openBundle(path(), { publicKey: makeSigningKeys().publicKey }));
    expect(other.reason).toBe('BundleUntrusted');
    expectSentence(other.message);
    const none = await failureOf(openBundle(path()));
    expect(none.reason).toBe('BundleUntrusted');
    expect(none.message).toContain('--public-key');
    expect((await openBundle(path(), { allowUnsigned: true })).signature).toEqual({ kind: 'unchecked' });
    expect((await openBundle(path(), trusted)).signature).toEqual({
      kind: 'good',
      publicKey: keys.publicKey,
    });
  });

  it('for other versions or machines says how to make the right one', async () => {
    const bundle = await openBundle(path(), trusted);
    expect(() => bundle.items({ arch: 'amd64', role: 'worker', version: '1.35.4' })).toThrow(
      /is for Kubernetes 1\.36\.3, and 1\.35\.4 is asked for.*--versions 1\.35\.4/,
    );
    expect(() => bundle.items({ arch: 'arm64', role: 'worker' })).toThrow(/--arch amd64,arm64/);
  });
});

describe('a public key', () => {
  it('may be in PEM too', async () => {
    const pem = createPublicKey(readPrivateKey(keys.privateKey))
      .export({ type: 'spki', format: 'pem' })
      .toString();
    expect((await openBundle(tar, { publicKey: pem })).signature.kind).toBe('good');
  });

  it.each([['nonsense'], ['ed25519:short'], [keys.privateKey]])(
    'that is none is refused and not shown',
    async (key) => {
      const { reason, message } = await failureOf(openBundle(tar, { publicKey: key }));
      expect(reason).toBe('KeyInvalid');
      expect(message).not.toContain(key);
    },
  );
});

describe('a tar that came damaged', () => {
  it('fault 22: is refused wherever it was cut off', async () => {
    const { size } = await stat(tar);
    const copy = place.path('cut.tar');
    // The last kilobyte and the padding before it are zeros that say no more than that it ends.
    const lengths = Array.from({ length: 60 }, (_, index) => Math.floor((index / 60) * (size - 20_000)));
    for (const length of [...lengths, 1, 511, 512, 513, 1024]) {
      await copyFile(tar, copy);
      await truncate(copy, length);
      const { reason, message } = await failureOf(openBundle(copy, trusted));
      expect([reason, length]).toEqual([
        length < 0 ? '' : expect.stringMatching(/^Bundle(Broken|NotFound)$/),
        length,
      ]);
      expectSentence(message);
    }
  });

  it('fault 22: is refused wherever a bit flipped in a file', async () => {
    const { files } = await scanTar(tar, (why) => new Error(why));
    const bytes = await readFile(tar);
    const copy = place.path('flipped.tar');
    for (const [path, { at, sizeBytes }] of files) {
      const changed = Buffer.from(bytes);
      const where = at.offset + Math.floor(sizeBytes / 2);
      changed[where] = (changed[where] ?? 0) ^ 1;
      await writeFile(copy, changed);
      const { reason } = await failureOf(openBundle(copy, trusted));
      const isSigned = path === 'SHA256SUMS' || path === 'SHA256SUMS.sig';
      expect([path, reason]).toEqual([path, isSigned ? 'BundleUntrusted' : 'BundleBroken']);
    }
  });

  it('that is something else is told to be none', async () => {
    await writeFile(place.path('x.tar'), 'this is a text\n'.repeat(100));
    expect(await failureOf(openBundle(place.path('x.tar'), trusted))).toMatchObject({
      reason: 'BundleBroken',
    });
    await writeTar(place.path('other.tar'), [{ name: 'readme', content: 'hello' }]);
    expect((await failureOf(openBundle(place.path('other.tar'), trusted))).message).toContain(
      'hansa bundle create --from',
    );
    expect((await failureOf(openBundle(place.path('absent.tar'), trusted))).reason).toBe('BundleNotFound');
  });
});

describe('a tar that was made to harm', () => {
  it.each([
    ['a path out of it', { name: '../outside', content: 'x' }, 'leads out of it'],
    ['a path out of it from within', { name: 'bin/../../outside', content: 'x' }, 'leads out of it'],
    ['an absolute path', { name: '/etc/passwd', content: 'x' }, 'leads out of it'],
    ['a symbolic link', { name: 'link', type: 'symlink', linkname: '/etc/passwd' }, 'symbolic link'],
    ['a hard link', { name: 'link', type: 'link', linkname: 'bundle.json' }, 'hard link'],
    ['a device', { name: 'null', type: 'character-device', devmajor: 1, devminor: 3 }, 'device'],
    ['a file twice', { name: 'bundle.json', content: '{}' }, 'twice'],
    ['a file twice by another spelling', { name: './bundle.json', content: '{}' }, 'twice'],
    ['a name with control characters', { name: 'a\u001b[2Jb', content: 'x' }, 'leads out of it'],
    ['a file that no hash is known of', { name: 'bin/amd64/extra', content: 'x' }, "doesn't know"],
  ] as const)('with %s is refused', async (_, entry, why) => {
    const own = await readFile(tar);
    const path = place.path('evil.tar');
    await writeTar(place.path('tail.tar'), [entry]);
    // Before the two blocks of zeros that end it.
    await writeFile(path, own.subarray(0, own.length - 1024));
    await appendFile(path, await readFile(place.path('tail.tar')));
    const { reason, message } = await failureOf(openBundle(path, trusted));
    expect(reason).toBe('BundleBroken');
    expect(message).toContain(why);
    expectSentence(message);
    expect(message).not.toContain('\u001b');
  });

  it('with items that its hashes contradict is refused though it is signed', async () => {
    const copy = place.path('lying');
    await cp(directory, copy, { recursive: true });
    const description = JSON.parse(await readFile(join(copy, 'bundle.json'), 'utf8')) as {
      items: { sha256: string; kind: string }[];
    };
    const item = description.items.find(({ kind }) => kind === 'binary');
    if (item) item.sha256 = 'a'.repeat(64);
    const changed = JSON.stringify(description);
    await writeFile(join(copy, 'bundle.json'), changed);
    const sums = await readFile(join(copy, 'SHA256SUMS'), 'utf8');
    const resummed = Buffer.from(
      sums.replace(/^[0-9a-f]{64} {2}bundle\.json$/m, `${sha256(changed)}  bundle.json`),
    );
    await writeFile(join(copy, 'SHA256SUMS'), resummed);
    await writeFile(join(copy, 'SHA256SUMS.sig'), sign(null, resummed, keys.privateKey));
    const { message } = await failureOf(openBundle(copy, trusted));
    expect(message).toMatch(/described with another hash/);
  });
});

describe('a directory that was changed', () => {
  it.each([
    ['a link', (at: string) => symlink('/etc/passwd', join(at, 'bin/link')), /link or special file/],
    ['a file more', (at: string) => writeFile(join(at, 'bin/more'), 'x'), /doesn't know/],
    [
      'a file cut off',
      (at: string) => truncate(join(at, 'cni/amd64/bridge'), 5),
      /cni\/amd64\/bridge is not what it was/,
    ],
  ])('by %s is refused', async (name, change, why) => {
    const copy = place.path(`changed-${name}`);
    await cp(directory, copy, { recursive: true });
    await change(copy);
    const { reason, message } = await failureOf(openBundle(copy, trusted));
    expect(reason).toBe('BundleBroken');
    expect(message).toMatch(why);
  });
});
