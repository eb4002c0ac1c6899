import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirFor } from '../../src/sandbox/index.ts';
import { findFreePort } from '../../src/sandbox/free-ports.ts';

const run = promisify(execFile);
const version = 'v1.8.0';

export interface S3Server extends AsyncDisposable {
  readonly url: string;
  readonly credentials: Readonly<Record<'access-key-id' | 'secret-access-key', string>>;
}

/** A real S3-compatible store on loopback over a directory, with one bucket. */
export async function startS3Server({ bucket }: { readonly bucket: string }): Promise<S3Server> {
  const program = await findGateway();
  const dir = await mkdtemp(join(tmpdir(), 'hansa-test-s3-'));
  await mkdir(join(dir, 'data', bucket), { recursive: true });
  await mkdir(join(dir, 'meta'));
  const port = await findFreePort();
  const credentials = { 'access-key-id': 'hansa-test', 'secret-access-key': 'only-for-this-test' };
  const child = spawn(
    program,
    ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', join(dir, 'meta'), join(dir, 'data')],
    {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        HOME: dir,
        ROOT_ACCESS_KEY: credentials['access-key-id'],
        ROOT_SECRET_KEY: credentials['secret-access-key'],
      },
    },
  );
  const exit = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const answers = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answers) break;
    if (tries > 200 || child.exitCode !== null) throw new Error('the S3 server does not answer');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    credentials,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await exit;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Built once with Go, beside the other programs. */
async function findGateway(): Promise<string> {
  const path = join(cacheDirFor(), 'test-s3', version, 'versitygw');
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    await mkdir(join(cacheDirFor(), 'test-s3'), { recursive: true });
  }
  const dir = await mkdtemp(join(cacheDirFor(), 'test-s3', 'build-'));
  try {
    await run(
      'go',
      ['install', '-trimpath', '-ldflags=-s -w', `github.com/versity/versitygw/cmd/versitygw@${version}`],
      {
        env: { ...process.env, GOBIN: join(dir, 'bin'), CGO_ENABLED: '0' },
      },
    );
    // Whole or not at all; another run that was quicker has put the same there.
    await rename(join(dir, 'bin'), join(cacheDirFor(), 'test-s3', version)).catch(() => undefined);
    return path;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
