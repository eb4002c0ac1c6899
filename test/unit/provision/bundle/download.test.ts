import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kube/index.ts';
import {
  createBundle,
  downloadContents,
  type DownloadOptions,
  openBundle,
  parseMirrors,
} from '../../../../src/provision/bundle/index.ts';
import { createHttpSource } from '../../../../src/provision/bundle/download/http-source.ts';
import { checksumIn, imagesIn } from '../../../../src/provision/bundle/download/published-files.ts';
import {
  failureOf,
  imagesOf,
  keys,
  type Place,
  plugins,
  programs,
  sha256,
  temporaryPlace,
} from './builders.ts';
import { extraImage, type ReleaseSite, startReleaseSite } from './release-site.ts';

/** Waits are asked for, not waited. */
const clock = { ...systemClock, sleep: async () => undefined };

function optionsFor(
  site: ReleaseSite,
  place: Place,
  changes: Partial<DownloadOptions> = {},
): DownloadOptions {
  return {
    architectures: ['amd64'],
    mirrors: site.mirrors,
    cacheDir: place.path('cache'),
    extraImages: [],
    extraManifests: new Map(),
    loginFor: async () => undefined,
    clock,
    ...changes,
  };
}

function load(site: ReleaseSite, place: Place, changes: Partial<DownloadOptions> = {}) {
  return downloadContents('1.36.3', optionsFor(site, place, changes));
}

describe('a bundle made of what is published', () => {
  it('has every program and image that a version needs, for each architecture', async () => {
    await using place = await temporaryPlace();
    await using site = await startReleaseSite();
    const contents = await load(site, place, { architectures: ['amd64', 'arm64'] });
    const options = { privateKey: keys.privateKey, clock, to: place.path('b.tar') };
    const { path, notes } = await createBundle([contents], options);
    expect(notes).toEqual([]);
    const bundle = await openBundle(path, { publicKey: keys.publicKey });
    for (const arch of ['amd64', 'arm64']) {
      const items = bundle.items({ arch, role: 'control-plane' });
      const names = items.map(({ name }) => name);
      expect(names).toEqual(
        expect.arrayContaining([...programs, ...plugins, ...imagesOf('1.36.3'), 'crictl', 'flannel.yaml']),
      );
      expect(names).toContain('ghcr.io/flannel-io/flannel:v0.28.4');
      expect(names).not.toContain('containerd-stress');
      expect(names).not.toContain('LICENSE');
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('is loaded once: what the cache has is not asked for again', async () => {
    await using place = await temporaryPlace();
    await using site = await startReleaseSite();
    await load(site, place);
    const before = site.sentBytes;
    site.asked.length = 0;
    await load(site, place);
    // Checksums and flannel's manifest are small, and may have changed.
    expect(site.asked.filter((path) => /\/store\/|\.tgz$|\.gz$|\/kubelet$/.test(path))).toEqual([]);
    expect(site.sentBytes - before).toBeLessThan(3_000);
  });

  it('goes on where a connection broke, and puts up with a server that is away for a while', async () => {
    await using place = await temporaryPlace();
    await using site = await startReleaseSite();
    site.onRequest = (path, before) => {
      if (/\/(kubelet|runc\.amd64)$/.test(path)) return before < 2 ? 'break-off' : 'answer';
      return path.startsWith('/store/') && before === 0 ? 'unavailable' : 'answer';
    };
    await load(site, place);
    expect(site.asked.filter((path) => /\/kubelet( |$)/.test(path))).toEqual([
      expect.stringMatching(/kubelet$/),
      expect.stringMatching(/kubelet bytes=\d+-$/),
      expect.stringMatching(/kubelet bytes=\d+-$/),
    ]);
  });

  it('uses a login only where the registry asks for one', async () => {
    await using place = await temporaryPlace();
    await using site = await startReleaseSite();
    const withExtra = (login: typeof site.user | undefined) =>
      load(site, place, { extraImages: [extraImage], loginFor: async () => login });
    const { reason, message } = await failureOf(withExtra(undefined));
    expect(reason).toBe('RegistryRefused');
    expect(message).toContain('docker login ghcr.io');
    const { drafts } = await withExtra(site.user);
    expect(drafts.map(({ name }) => name)).toContain(extraImage);
  });

  it('takes manifests of the user along, with their images', async () => {
    await using place = await temporaryPlace();
    await using site = await startReleaseSite();
    const extraManifests = new Map([['agent.yaml', `spec:\n  - name: a\n    image: "${extraImage}"\n`]]);
    const { drafts } = await load(site, place, { extraManifests, loginFor: async () => site.user });
    expect(drafts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['agent.yaml', extraImage, 'flannel.yaml']),
    );
  });
});

describe('what is not as published', () => {
  it.each([
    ['a program', '/dl/v1.36.3/bin/linux/amd64/kubelet', 'ChecksumMismatch'],
    [
      'an archive',
      '/github/containerd/containerd/releases/download/v2.3.4/containerd-2.3.4-linux-amd64.tar.gz',
      'ChecksumMismatch',
    ],
  ])('is refused: %s', async (_, path, reason) => {
    await using place = await temporaryPlace();
    await using site = await startReleaseSite();
    site.onRequest = (asked) => (asked === path ? 'lie' : 'answer');
    const failure = await failureOf(load(site, place));
    expect(failure.reason).toBe(reason);
    expect(failure.message).toContain('is not what its publisher says it is');
  });

  it('is refused: a layer, a manifest, a checksum that is the page of a proxy', async () => {
    await using place = await temporaryPlace();
    await using site = await startReleaseSite();
    site.onRequest = (asked) => (asked.startsWith('/store/') ? 'lie' : 'answer');
    expect((await failureOf(load(site, place))).reason).toBe('ChecksumMismatch');
    site.onRequest = (asked) => (/manifests\/sha256/.test(asked) ? 'lie' : 'answer');
    expect(await failureOf(load(site, place))).toMatchObject({ reason: 'ImageUnreadable' });
    site.onRequest = () => 'answer';
    site.files.set('/dl/v1.36.3/bin/linux/amd64/kubeadm.sha256', Buffer.from('<html>Please log in</html>'));
    expect((await failureOf(load(site, place))).message).toContain('it may be the page of a proxy');
  });

  it('is refused: an image for other machines only, a version nobody published', async () => {
    await using place = await temporaryPlace();
    await using site = await startReleaseSite();
    const { message } = await failureOf(load(site, place, { extraImages: ['registry.k8s.io/absent:v1'] }));
    expect(message).toContain('the registry has no image registry.k8s.io/absent:v1');
    const other = await failureOf(downloadContents('1.36.9', optionsFor(site, place)));
    expect(other).toMatchObject({ reason: 'NotPublished' });
    expect((await failureOf(downloadContents('1.20.0', optionsFor(site, place)))).reason).toBe(
      'VersionUnknown',
    );
  });
});

describe('a download', () => {
  const content = Buffer.from('0123456789'.repeat(1000));

  async function scene() {
    const place = await temporaryPlace();
    const site = await startReleaseSite();
    site.files.set('/file', content);
    const http = createHttpSource(clock);
    const path = place.path('file');
    const url = `${site.mirrors.get('dl.k8s.io')?.replace('/dl', '')}/file`;
    const wanted = { url, path, sha256: sha256(content), mode: 0o644 };
    return {
      site,
      path,
      get: () => http.file(wanted),
      [Symbol.asyncDispose]: async () => {
        await http[Symbol.asyncDispose]();
        await site[Symbol.asyncDispose]();
        await place[Symbol.asyncDispose]();
      },
    };
  }

  it('that another run left half done is finished, not begun again', async () => {
    await using scene_ = await scene();
    await writeFile(`${scene_.path}.part`, content.subarray(0, 9_000));
    await scene_.get();
    expect(scene_.site.sentBytes).toBe(1_000);
  });

  it.each([
    ['of another file', Buffer.from('something else')],
    ['longer than it', Buffer.alloc(20_000)],
    ['whole already', content],
  ])('whose leftover is %s still ends right', async (_, leftover) => {
    await using scene_ = await scene();
    await writeFile(`${scene_.path}.part`, leftover);
    await scene_.get();
    expect(await readdir(join(scene_.path, '..'))).toEqual(['file']);
  });

  it('from a server that knows no ranges begins again', async () => {
    await using scene_ = await scene();
    scene_.site.onRequest = () => 'no-ranges';
    await writeFile(`${scene_.path}.part`, content.subarray(0, 9_000));
    await scene_.get();
    expect(scene_.site.sentBytes).toBe(content.length);
  });

  it('that two want at once is loaded once', async () => {
    await using scene_ = await scene();
    await Promise.all([scene_.get(), scene_.get(), scene_.get()]);
    expect(scene_.site.sentBytes).toBe(content.length);
  });

  it('that never comes forward is given up', async () => {
    await using scene_ = await scene();
    scene_.site.onRequest = () => 'unavailable';
    expect(await failureOf(scene_.get())).toMatchObject({ reason: 'SiteRefused' });
    expect(scene_.site.asked.length).toBe(6);
  });
});

describe('small readers', () => {
  const hash = 'ab'.repeat(32);

  it.each([
    [hash, hash],
    [`${hash}\n`, hash],
    [`${hash}  kubelet\n`, hash],
    [`${hash} *kubelet\n`, hash],
    [`${'cd'.repeat(32)}  other\n${hash}  ./out/kubelet\n`, hash],
    [`-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${hash}  kubelet\n`, hash],
    [`${hash}  kubelet2\n`, undefined],
    ['<html></html>', undefined],
  ])('find the checksum in %j', (text, found) => {
    expect(checksumIn(text, 'kubelet')).toBe(found);
  });

  it('find images in manifests', () => {
    const text =
      '- image: a.b/c:1\n  image: "d.e/f:2" # why\n    - name: x\n      image: a.b/c:1\n# image: no/t:3\nimagePullPolicy: Always\n';
    expect(imagesIn(text)).toEqual(['a.b/c:1', 'd.e/f:2']);
  });

  it('read mirrors, and refuse what is none', () => {
    expect(parseMirrors(['registry.k8s.io=https://h.example/k8s/'])).toEqual(
      new Map([['registry.k8s.io', 'https://h.example/k8s']]),
    );
    for (const text of ['registry.k8s.io', '=https://x', 'a=ftp://x', 'https://a=https://b'])
      expect(() => parseMirrors([text])).toThrow(/write HOST=ADDRESS/);
  });
});
