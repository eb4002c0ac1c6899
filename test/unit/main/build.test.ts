import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hansaVersion } from '../../../src/main/version.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

let dir: string;

// Outside the repository, so that nothing is found in node_modules by accident.
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hansa-build-'));
  await run(process.execPath, ['src/main/build.ts', join(dir, 'dist')], { cwd: root });
}, 60_000);

afterAll(() => rm(dir, { recursive: true, force: true }));

function hansa(...args: string[]) {
  const env = { PATH: process.env.PATH, KUBECONFIG: join(dir, 'absent') };
  return run(process.execPath, [join(dir, 'dist/hansa.js'), ...args], { cwd: dir, env });
}

describe('the bundle', () => {
  it('runs without node_modules', async () => {
    const { stdout } = await hansa('version', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ hansa: hansaVersion });
    expect((await hansa('controller', '--help')).stdout).toContain('--lease-duration');
  });

  it('holds the controller with all it loads late, down to reading the kubeconfig', async () => {
    await expect(hansa('controller')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot read the kubeconfig'),
    });
  });

  it('holds what reaches machines over SSH', async () => {
    const { stdout } = await hansa('cluster', 'status', '--state', join(dir, 'state.json'));
    expect(stdout).toContain('No clusters are kept');
  });

  it('brings the licences of what is in it', async () => {
    const licences = await readFile(join(dir, 'dist/THIRD-PARTY-LICENCES.txt'), 'utf8');
    const packages = [...licences.matchAll(/^(\S+) \d+\.\d+\.\d+\S* \(\S+\)$/gm)].map(([, name]) => name);
    expect(packages).toEqual(
      expect.arrayContaining(['@kubernetes/client-node', 'express', 'pino', 'undici', 'zod']),
    );
    expect(licences).not.toContain('no licence named');
  });
});
