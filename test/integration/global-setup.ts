import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainProgress } from '../../src/cli/progress.ts';
import { cacheDirFor, ensureBinaries, listSandboxes, stopSandbox } from '../../src/sandbox/index.ts';

let dir: string | undefined;

/**
 * Gets the control plane's programs before the first test, which on a fresh machine may mean minutes of building, and
 * gives the run a place for its sandboxes beside those of the user.
 */
export async function setup(): Promise<void> {
  const started = performance.now();
  const { kubernetesVersion, programs } = await ensureBinaries({
    progress: plainProgress((line) => console.log(line)),
  });
  const origins = new Set(Object.values(programs).map(({ origin }) => origin));
  console.log(
    `control planes: Kubernetes ${kubernetesVersion} from ${[...origins].join(', ')} ` +
      `(${Math.round(performance.now() - started)} ms)`,
  );
  dir = mkdtempSync(join(tmpdir(), 'hansa-test-'));
  // The workers inherit these.
  process.env.HANSA_SANDBOX_DIR = dir;
  process.env.HANSA_CACHE_DIR = cacheDirFor();
}

/** A test that leaves a sandbox behind is told so, and its processes are ended all the same. */
export async function teardown(): Promise<void> {
  if (!dir) return;
  const left = listSandboxes({ dir });
  for (const { name } of left) await stopSandbox(name, { dir, keep: false });
  rmSync(dir, { recursive: true, force: true });
  if (left.length > 0) {
    throw new Error(
      `tests left sandboxes behind (they are gone now): ${left.map(({ name }) => name).join(', ')}`,
    );
  }
}
