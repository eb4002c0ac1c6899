import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { signalProcess, startOf } from '../../../src/sandbox/process-identity.ts';

/** A process that starts two sleepers under a watchdog, guards one, and prints both numbers. */
const program = `
  import { spawn } from 'node:child_process';
  const { startWatchdog } = await import(process.env.WATCHDOG);
  const { identityOf } = await import(process.env.IDENTITY);
  const watchdog = startWatchdog();
  const [one, other] = [0, 1].map(() => spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }));
  watchdog.guard(identityOf(one.pid));
  watchdog.guard({ pid: other.pid, start: 'of another process' });
  console.log(JSON.stringify([one.pid, other.pid]));
  process.stdin.on('data', () => { watchdog[Symbol.dispose](); one.unref(); other.unref(); process.stdin.unref(); });
`;

async function run(): Promise<{ kill: () => void; finish: () => Promise<unknown>; pids: [number, number] }> {
  const at = (file: string) => new URL(`../../../src/sandbox/${file}`, import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, WATCHDOG: at('watchdog.ts'), IDENTITY: at('process-identity.ts') },
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    kill: () => child.kill('SIGKILL'),
    finish: () => {
      child.stdin.end('go home\n');
      return once(child, 'exit');
    },
    pids: JSON.parse(line.toString()) as [number, number],
  };
}

function end(pid: number): void {
  const start = startOf(pid);
  if (start) signalProcess({ pid, start }, 'SIGKILL');
}

describe('a process that is killed with its sandbox', () => {
  it('takes what it started with it, and nobody who only has the number', async () => {
    const { kill, pids } = await run();
    kill();
    await vi.waitFor(() => expect(startOf(pids[0])).toBeUndefined(), { timeout: 5_000 });
    expect(startOf(pids[1])).toBeDefined();
    end(pids[1]);
  });

  it('leaves a detached sandbox running once it has let go', async () => {
    const { finish, pids } = await run();
    await finish();
    // As long as the watchdog took in the test above, and more.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(startOf(pids[0])).toBeDefined();
    pids.forEach(end);
  });
});
