import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Progress } from '../../../src/base/index.ts';
import { type BinariesOptions, ensureBinaries } from '../../../src/sandbox/binaries.ts';
import { startOf } from '../../../src/sandbox/process-identity.ts';
import { components } from '../../../src/sandbox/versions.ts';
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

/** What `only` names, without the programs and the network of this machine. */
function ensure(options: BinariesOptions) {
  return ensureBinaries({ assetsDir: '', cacheDir, kubernetesVersion: '1.36.3', ...options });
}

function useGo(
  ...options: Parameters<typeof writeFakeGo> extends [string, (infer O)?] ? [O?] : never
): string {
  const bin = join(dir, 'go-bin');
  writeFakeGo(bin, ...options);
  process.env.PATH = `${bin}:${path}`;
  return bin;
}

const calls = (bin: string) => readFileSync(join(bin, 'calls'), 'utf8').trim().split('\n');
const builds = (bin: string) => calls(bin).filter((call) => call.startsWith('build'));

describe('building the programs', () => {
  it('happens once; the next time they are in the cache', async () => {
    const bin = useGo();
    const first = await ensure({ ways: ['build'] });
    expect(Object.keys(first.programs).toSorted()).toEqual([...components].toSorted());
    for (const [component, { origin, path: at }] of Object.entries(first.programs)) {
      expect([component, origin, existsSync(at)]).toEqual([component, 'build', true]);
    }
    expect(first.programs.etcd?.version).toBe('3.6.5');
    const second = await ensure({ ways: ['build'] });
    expect(new Set(Object.values(second.programs).map(({ origin }) => origin))).toEqual(new Set(['cache']));
    expect(builds(bin)).toHaveLength(components.length);
  });

  it('that is interrupted ends the compiler, leaves no half program, keeps what was finished and starts again', async () => {
    const bin = useGo({ slow: 'kube-scheduler' });
    const interrupt = new AbortController();
    const interrupted = ensure({ ways: ['build'], signal: interrupt.signal });
    const outcome = interrupted.catch((error: unknown) => error);
    await vi.waitFor(() => expect(existsSync(join(bin, 'slow-pid'))).toBe(true), { timeout: 10_000 });
    const compiler = Number(readFileSync(join(bin, 'slow-pid'), 'utf8'));
    interrupt.abort(new Error('Ctrl-C'));
    expect(await outcome).toMatchObject({ message: 'Ctrl-C' });
    await vi.waitFor(() => expect(startOf(compiler)).toBeUndefined());
    expect(readdirSync(join(cacheDir, 'bin')).toSorted()).toEqual([
      'kube-apiserver',
      'kube-controller-manager',
    ]);
    expect(readdirSync(cacheDir)).toEqual(['bin']);

    useGo();
    const { programs } = await ensure({ ways: ['build'] });
    expect(programs['kube-apiserver']?.origin).toBe('cache');
    expect(programs['kube-scheduler']?.origin).toBe('build');
  });

  it('that was killed is cleaned up by the next one', async () => {
    useGo();
    mkdirSync(join(cacheDir, 'unfinished', 'abc', 'kubernetes', 'bin'), { recursive: true });
    writeFileSync(join(cacheDir, 'unfinished', 'abc', 'kubernetes', 'bin', 'kubectl'), 'half');
    writeFileSync(
      join(cacheDir, 'programs.lock'),
      JSON.stringify({ pid: process.pid, start: 'of one that died' }),
    );
    await ensure({ ways: ['build'], only: ['kubectl'] });
    expect(readdirSync(cacheDir)).toEqual(['bin']);
  });

  it('is done by one of two who want it at once; the other one waits and says so', async () => {
    const bin = useGo();
    const titles: string[] = [];
    const progress: Progress = {
      step: (title) => {
        titles.push(title);
        return { update() {}, done() {}, fail() {} };
      },
    };
    const [one, other] = await Promise.all(
      [1, 2].map(() => ensure({ ways: ['build'], only: ['etcd', 'kwok'], progress })),
    );
    expect(builds(bin)).toHaveLength(2);
    expect(new Set([one?.programs.etcd?.origin, other?.programs.etcd?.origin])).toEqual(
      new Set(['build', 'cache']),
    );
    expect(titles.filter((title) => title.includes('wait for process'))).toHaveLength(1);
  });

  it('says how far it is', async () => {
    useGo();
    const titles: string[] = [];
    const progress: Progress = {
      step: (title) => {
        titles.push(title);
        return { update() {}, done() {}, fail() {} };
      },
    };
    await ensure({ ways: ['build'], only: ['etcd'], progress });
    expect(titles).toEqual(['Go modules of etcd 3.6.5 (step 1 of 2)', 'compile etcd 3.6.5 (step 2 of 2)']);
  });

  it('is refused in a sentence by a Go that is too old, and allowed to one that can fetch a newer one', async () => {
    useGo({ version: 'go1.24.1' });
    await expect(ensure({ ways: ['build'], only: ['kubectl'] })).rejects.toThrow(
      /needs Go 1\.26\.0 or newer/,
    );
    useGo({ version: 'go1.24.1', toolchain: 'auto' });
    await expect(ensure({ ways: ['build'], only: ['kubectl'] })).resolves.toBeDefined();
  });

  it('cannot be done without Go, which is told with what to do', async () => {
    process.env.PATH = join(dir, 'empty');
    await expect(ensure({ ways: ['build'], only: ['kubectl'] })).rejects.toThrow(
      /install Go.*KUBEBUILDER_ASSETS/s,
    );
  });
});

describe('programs that the user has already', () => {
  function provide(programs: Record<string, string>): string {
    const assets = join(dir, 'assets');
    mkdirSync(assets, { recursive: true });
    for (const [name, version] of Object.entries(programs)) {
      writeFileSync(join(assets, name), `#!/bin/sh\necho v${version}\n`, { mode: 0o755 });
    }
    return assets;
  }

  it('are taken, and the rest of the set is got in the version of their API server', async () => {
    useGo();
    const assetsDir = provide({ 'kube-apiserver': '1.36.3', etcd: '3.5.1' });
    const { programs, kubernetesVersion } = await ensureBinaries({ assetsDir, cacheDir, ways: ['build'] });
    expect(kubernetesVersion).toBe('1.36.3');
    expect(programs.etcd).toEqual({ path: join(assetsDir, 'etcd'), version: '3.5.1', origin: 'assets' });
    expect(programs.kubectl).toMatchObject({ version: '1.36.3', origin: 'build' });
  });

  it('are passed over where another Kubernetes version is asked for', async () => {
    useGo();
    const assetsDir = provide({ 'kube-apiserver': '1.35.4', etcd: '3.6.5' });
    const { programs } = await ensure({ assetsDir, ways: ['build'] });
    expect(programs['kube-apiserver']).toMatchObject({ version: '1.36.3', origin: 'build' });
    expect(programs.etcd?.origin).toBe('assets');
  });
});

describe('downloading the programs', () => {
  const program = `#!/bin/sh\necho v1.36.3\n${'#'.repeat(100_000)}\n`;
  const sha256 = createHash('sha256').update(program).digest('hex');
  let server: Server;
  let asked: string[];
  let answer: (url: string) => { status?: number; body: string; cutAfter?: number };

  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      const url = request.url ?? '';
      asked.push(url);
      const { status = 200, body, cutAfter } = answer(url);
      response.writeHead(status, { 'content-length': Buffer.byteLength(body) });
      if (cutAfter === undefined) response.end(body);
      else response.write(body.slice(0, cutAfter), () => response.destroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const sitesAt = (port: number) => {
    const base = `http://127.0.0.1:${port}`;
    return { kubernetes: base, etcd: base, kwok: base, kwokListing: base };
  };
  const sites = () => sitesAt((server.address() as AddressInfo).port);
  const honest = (url: string) => ({ body: url.endsWith('.sha256') ? sha256 : program });

  it('fetches and checks them once', async () => {
    answer = honest;
    const { programs } = await ensure({ only: ['kubectl'], ways: ['download'], sites: sites() });
    expect(programs.kubectl?.origin).toBe('download');
    expect(readFileSync(programs.kubectl?.path ?? '', 'utf8')).toBe(program);
    await ensure({ only: ['kubectl'], ways: ['download'], sites: sites() });
    expect(asked).toHaveLength(2);
  });

  it('refuses a file that is not what was published, and does not build behind the back', async () => {
    const bin = useGo();
    answer = (url) => (url.endsWith('.sha256') ? { body: sha256 } : { body: `${program}x` });
    await expect(ensure({ only: ['kubectl'], sites: sites() })).rejects.toMatchObject({
      reason: 'ChecksumMismatch',
    });
    expect(existsSync(join(bin, 'calls'))).toBe(false);
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  it('that breaks off leaves nothing behind, and starts again cleanly', async () => {
    answer = (url) => ({ ...honest(url), ...(url.endsWith('.sha256') ? {} : { cutAfter: 50_000 }) });
    await expect(ensure({ only: ['kubectl'], ways: ['download'], sites: sites() })).rejects.toMatchObject({
      reason: 'ProgramsMissing',
    });
    expect(readdirSync(cacheDir)).toEqual([]);
    answer = honest;
    await expect(ensure({ only: ['kubectl'], ways: ['download'], sites: sites() })).resolves.toBeDefined();
  });

  it.each([
    ['is not published', { status: 404, body: 'no' }],
    ['is hidden behind the page of a proxy', { body: '<html>log in</html>' }],
  ])('builds what %s', async (_, given) => {
    useGo();
    answer = () => given;
    const { programs } = await ensure({ only: ['kubectl'], sites: sites() });
    expect(programs.kubectl?.origin).toBe('build');
  });

  it('gives up on a network that swallows everything within seconds, once for all programs of a site', async () => {
    useGo();
    // Accepts connections and never says a word, as a silent firewall's proxy does.
    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const port = (silent.address() as AddressInfo).port;
    const started = performance.now();
    const { programs } = await ensure({ only: ['kubectl', 'kube-scheduler'], sites: sitesAt(port) });
    expect(performance.now() - started).toBeLessThan(7_000);
    expect(programs.kubectl?.origin).toBe('build');
    silent.close();
  });
});
