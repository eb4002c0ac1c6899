import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { listSandboxes } from '../../src/sandbox/index.ts';
import { findPrometheus } from '../support/real-prometheus.ts';

const hansa = fileURLToPath(new URL('../../src/cli/hansa.ts', import.meta.url));
const run = promisify(execFile);

interface Result {
  readonly ok: boolean;
  readonly prometheus: 'real' | 'stand-in';
  readonly acts: readonly {
    readonly verdict: string;
    readonly message: string;
    readonly pods: Readonly<Record<string, Readonly<Record<string, number>>>>;
  }[];
}

it('the rollout demo catches the bad version in the first wave, takes it back, and rolls the good one out', async () => {
  const name = `demo-${randomUUID().slice(0, 8)}`;
  const prometheus = await findPrometheus();
  const path = [...(prometheus ? [dirname(prometheus)] : []), process.env['PATH'] ?? ''].join(delimiter);
  // An exit code other than 0 rejects, with what was printed.
  const { stdout } = await run(
    process.execPath,
    [hansa, 'demo', '--rollout', '--exit', '-o', 'json', '--name', name, '--timeout', '280'],
    { env: { ...process.env, PATH: path } },
  );
  const { ok, acts, prometheus: kind } = JSON.parse(stdout) as Result;
  expect(ok).toBe(true);
  expect(kind).toBe(prometheus ? 'real' : 'stand-in');
  const everywhere = (version: string) => {
    const pods = { [`registry.example.com/shop/web:${version}`]: 5 };
    return { cluster1: pods, cluster2: pods, cluster3: pods };
  };
  expect(acts).toMatchObject([
    { verdict: 'failed', pods: everywhere('1') },
    { verdict: 'completed', pods: everywhere('3') },
  ]);
  expect(acts[0]?.message).toMatch(/cluster1: gate error-rate said no/);
  expect(listSandboxes().map((each) => each.name)).not.toContain(name);
}, 400_000);
