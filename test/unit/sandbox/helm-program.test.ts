import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findHelm,
  type HelmOptions,
  helmReleaseFile,
  helmVersion,
} from '../../../src/sandbox/helm-program.ts';
import { platformOf } from '../../../src/sandbox/platform.ts';
import { writeFakeGo } from './fake-go.ts';

let dir: string;
let cacheDir: string;
const path = process.env.PATH ?? '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hansa-unit-'));
  cacheDir = join(dir, 'cache');
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(dir, { recursive: true, force: true });
});

/** A program called helm that tells a version. */
function writeHelm(below: string, version: string): string {
  mkdirSync(join(dir, below), { recursive: true });
  const at = join(dir, below, 'helm');
  writeFileSync(at, `#!/bin/sh\n[ "$1" = version ] && echo ${version}\n`, { mode: 0o755 });
  return at;
}

/** Without the programs and the network of this machine. */
function find(options: HelmOptions) {
  return findHelm({ env: {}, cacheDir, ...options });
}

const fails = (reason: string, message: RegExp) =>
  expect.objectContaining({ reason, message: expect.stringMatching(message) });

describe('helm is looked for', () => {
  it('in HANSA_HELM first', async () => {
    const given = writeHelm('given', 'v3.17.0+g301108e');
    writeHelm('bin', 'v3.20.0');
    const found = await find({ env: { HANSA_HELM: given, PATH: join(dir, 'bin') } });
    expect(found).toEqual({ path: given, version: '3.17.0', origin: 'HANSA_HELM' });
  });

  it.each([
    ['an old one', 'v2.17.0', /is version 2.17.0.*3.13.0 or newer, or unset it/],
    ['something else', 'hello', /does not answer as helm/],
  ])('and %s there is refused rather than passed over', async (_, version, message) => {
    const given = writeHelm('given', version);
    await expect(find({ env: { HANSA_HELM: given } })).rejects.toEqual(fails('HelmUnusable', message));
  });

  it('on PATH next, where one of Helm 2 is passed over', async () => {
    writeHelm('old', 'Client: v2.17.0+ga690bad');
    const good = writeHelm('new', 'v3.20.0');
    const env = { PATH: `${join(dir, 'absent')}:${join(dir, 'old')}:${join(dir, 'new')}` };
    expect(await find({ env })).toEqual({ path: good, version: '3.20.0', origin: 'PATH' });
  });
});

describe('where there is none', () => {
  it('one is built once, and then in the cache', async () => {
    writeFakeGo(join(dir, 'go-bin'));
    process.env.PATH = `${join(dir, 'go-bin')}:${path}`;
    const steps: string[] = [];
    const progress = {
      step: (title: string) => {
        steps.push(title);
        return { update() {}, done() {}, fail() {} };
      },
    };
    const first = await find({ ways: ['build'], progress });
    expect([first.origin, first.version, existsSync(first.path)]).toEqual(['build', helmVersion, true]);
    expect(steps.some((step) => step.startsWith('compile helm'))).toBe(true);
    expect(await find({ ways: [] })).toEqual({ ...first, origin: 'cache' });
    const builds = readFileSync(join(dir, 'go-bin', 'calls'), 'utf8').match(/^build .*$/gm);
    expect(builds).toEqual([expect.stringContaining(`internal/version.version=v${helmVersion}`)]);
  });

  it('one is downloaded, if it is what its publisher says', async () => {
    const { fileName, inArchive = '' } = helmReleaseFile(platformOf());
    const [folder = ''] = inArchive.split('/');
    writeHelm(folder, `v${helmVersion}`);
    const archive = execFileSync('tar', ['-czf', '-', '-C', dir, folder]);
    let sum = 'f'.repeat(64);
    const server = createServer((request, response) => {
      response.end(request.url?.endsWith('.sha256sum') ? `${sum}  ${fileName}\n` : archive);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const download = () => find({ ways: ['download'], site });
      await expect(download()).rejects.toEqual(fails('ChecksumMismatch', /not what its publisher says/));
      sum = createHash('sha256').update(archive).digest('hex');
      expect(await download()).toMatchObject({ origin: 'download', version: helmVersion });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('and no way to get one is open, the message says what to do', async () => {
    await expect(find({ ways: ['download'], site: 'http://127.0.0.1:1' })).rejects.toEqual(
      fails(
        'HelmMissing',
        /cannot load http:\/\/127.0.0.1:1.*install helm 3.13.0 or newer, or set HANSA_HELM/,
      ),
    );
  });
});
