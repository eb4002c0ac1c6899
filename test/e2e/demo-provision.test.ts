import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { listGroups } from '../machines/machines.ts';

const demo = fileURLToPath(new URL('../demo/provision.ts', import.meta.url));
const run = promisify(execFile);
/** On a fresh machine everything is compiled first. */
const coldMs = 60 * 60_000;

it(
  'the demo of provisioning makes three clusters of bare machines, runs pods in all, and replaces a dead control plane',
  async () => {
    const before = listGroups().length;
    // An exit code other than 0 rejects, with what was printed.
    const { stdout } = await run(process.execPath, [demo, '--exit', '-o', 'json'], {
      maxBuffer: 64 * 1024 * 1024,
    });
    const result = JSON.parse(stdout) as { readonly ok: boolean; readonly tookMs: Record<string, number> };
    console.log(`demo:provision: ${JSON.stringify(result.tookMs)}`);
    expect(result.ok).toBe(true);
    expect(listGroups()).toHaveLength(before);
  },
  coldMs,
);
