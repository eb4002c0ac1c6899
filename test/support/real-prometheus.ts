import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirFor } from '../../src/sandbox/index.ts';

const run = promisify(execFile);

/** Debian's package, unpacked here by the first test that wants it; found again by the next. */
const unpackedDir = join(cacheDirFor(), 'test-prometheus');
const downloadTimeoutMs = 60_000;
const startTimeoutMs = 30_000;

export interface RealPrometheus extends AsyncDisposable {
  readonly url: string;
}

/**
 * The program `prometheus`: on PATH, else out of Debian's package, which is unpacked beside the test and installed
 * nowhere, so that neither root nor a service is needed. Undefined where neither can be had.
 */
export async function findPrometheus(): Promise<string | undefined> {
  const candidates = [
    ...(process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'prometheus')),
    join(unpackedDir, 'usr', 'bin', 'prometheus'),
  ];
  for (const path of candidates) if (await isProgram(path)) return path;
  return unpackPackage().catch(() => undefined);
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function unpackPackage(): Promise<string> {
  await mkdir(cacheDirFor(), { recursive: true });
  // On the same disk, so that the rename below is one.
  const dir = await mkdtemp(join(cacheDirFor(), 'test-prometheus-'));
  try {
    await run('apt-get', ['download', 'prometheus'], { cwd: dir, timeout: downloadTimeoutMs });
    const archive = (await readdir(dir)).find((file) => file.endsWith('.deb'));
    if (!archive) throw new Error('apt-get brought no package');
    await mkdir(join(dir, 'unpacked'));
    await run('dpkg-deb', ['--extract', join(dir, archive), join(dir, 'unpacked')], {
      timeout: downloadTimeoutMs,
    });
    // Whole or not at all; another run that was quicker has put the same there.
    await rename(join(dir, 'unpacked'), unpackedDir).catch(() => undefined);
    return join(unpackedDir, 'usr', 'bin', 'prometheus');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A real Prometheus on loopback that scrapes one target four times a second. */
export async function startPrometheus(
  program: string,
  { target }: { readonly target: string },
): Promise<RealPrometheus> {
  const dir = await mkdtemp(join(tmpdir(), 'hansa-test-prometheus-data-'));
  const config = join(dir, 'prometheus.yml');
  await writeFile(
    config,
    `global: {scrape_interval: 250ms, scrape_timeout: 200ms}
scrape_configs:
  - job_name: app
    static_configs: [{targets: ['${target}']}]
`,
  );
  const port = await freePort();
  const process = spawn(
    program,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  process.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4_000);
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (process.exitCode === null && process.signalCode === null) {
      process.kill('SIGTERM');
      await once(process, 'exit');
    }
    await rm(dir, { recursive: true, force: true });
  };
  const until = performance.now() + startTimeoutMs;
  for (;;) {
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return { url, [Symbol.asyncDispose]: stop };
    if (process.exitCode !== null || performance.now() > until) {
      await stop();
      throw new Error(`Prometheus did not start: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || !address) throw new Error('no port is free');
  return address.port;
}
