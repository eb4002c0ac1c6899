import { describe, expect, it } from 'vitest';
import { checksumIn, releaseFileOf } from '../../../src/sandbox/release-sites.ts';

const linux = { os: 'linux', arch: 'arm64' } as const;
const mac = { os: 'darwin', arch: 'amd64' } as const;
const sum = 'ab'.repeat(32);

describe('the published file of a program', () => {
  it('is found for each kind of release', () => {
    expect(releaseFileOf('kube-apiserver', '1.36.3', linux)).toMatchObject({
      url: 'https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-apiserver',
      checksumUrl: 'https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kube-apiserver.sha256',
    });
    expect(releaseFileOf('etcd', '3.6.5', linux)).toMatchObject({
      url: 'https://github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-arm64.tar.gz',
      inArchive: 'etcd-v3.6.5-linux-arm64/etcd',
    });
    expect(releaseFileOf('kwok', '0.8.0', linux)?.url).toMatch(/v0\.8\.0\/kwok-linux-arm64$/);
  });

  it('is missing where none is published: servers for macOS', () => {
    expect(releaseFileOf('kube-apiserver', '1.36.3', mac)).toBeUndefined();
    expect(releaseFileOf('kubectl', '1.36.3', mac)?.url).toContain('/bin/darwin/amd64/kubectl');
    expect(releaseFileOf('etcd', '3.6.5', mac)?.fileName).toBe('etcd-v3.6.5-darwin-amd64.zip');
  });
});

describe('its checksum', () => {
  it('is read from each way of publishing one', () => {
    expect(checksumIn(`${sum}\n`, 'kubectl')).toBe(sum);
    expect(checksumIn(`${'00'.repeat(32)}  other\n${sum}  etcd.tar.gz\n`, 'etcd.tar.gz')).toBe(sum);
    const listing = {
      assets: [
        { name: 'kwok-a', digest: 'sha256:x' },
        { name: 'kwok-b', digest: `sha256:${sum}` },
      ],
    };
    expect(checksumIn(JSON.stringify(listing), 'kwok-b')).toBe(sum);
  });

  it.each(['<html>please log in</html>', '', '{}', '{"assets":[{"name":"x"}]}', `${sum}  other-file`, 'abc'])(
    'is not made up from %j',
    (text) => {
      expect(checksumIn(text, 'x')).toBeUndefined();
    },
  );
});
