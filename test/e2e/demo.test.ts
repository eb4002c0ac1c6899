import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { DemoResult } from '../../src/cli/demo/demo-result.ts';
import { listSandboxes } from '../../src/sandbox/index.ts';

const hansa = fileURLToPath(new URL('../../src/cli/hansa.ts', import.meta.url));
const run = promisify(execFile);

describe('the demo', () => {
  it('spreads the quickstart over real clusters, counts 3 + 5 and 3 + 6 in them, and leaves nothing', async () => {
    const name = `demo-${randomUUID().slice(0, 8)}`;
    // An exit code other than 0 rejects, with what was printed.
    const { stdout, stderr } = await run(process.execPath, [
      hansa,
      'demo',
      '--exit',
      '-o',
      'json',
      '--name',
      name,
    ]);
    expect(stderr).toBe('');
    const result = JSON.parse(stdout) as DemoResult;
    const readyIn = (namespace: string) =>
      result.workloads.find((each) => each.namespace === namespace && each.kind === 'Deployment')?.ready;
    expect(readyIn('test-namespace')).toEqual({ cluster1: 3, cluster2: 5, cluster3: 0 });
    expect(readyIn('test-ns')).toEqual({ cluster1: 3, cluster2: 6, cluster3: 0 });
    expect(result).toMatchObject({ ok: true, missing: [] });
    console.log(`demo: ${JSON.stringify(result.tookMs)}`);
    expect(listSandboxes().map((each) => each.name)).not.toContain(name);
  });

  it('fails with exit code 1 and a sentence when it is given no time', async () => {
    const name = `demo-${randomUUID().slice(0, 8)}`;
    const failing = run(process.execPath, [hansa, 'demo', '--exit', '--timeout', '1', '--name', name]);
    await expect(failing).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the demo was not up after 1 s: give it longer with --timeout'),
    });
    expect(listSandboxes().map((each) => each.name)).not.toContain(name);
  });
});
