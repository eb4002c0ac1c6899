import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const cliPath = fileURLToPath(new URL('../../src/cli/hansa.ts', import.meta.url));

export interface Shell {
  /** Runs `hansa` as a person would, with its own output in sight, unless it is only read. Gives its output. */
  hansa(
    args: readonly string[],
    options?: { readonly reads?: boolean; readonly mayFail?: boolean },
  ): Promise<string>;
}

/** The command line of this checkout. `quiet`: what it says is kept for errors. */
export function openShell({
  env,
  signal,
  quiet,
}: {
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly quiet: boolean;
}): Shell {
  return {
    async hansa(args, { reads = false, mayFail = false } = {}) {
      if (!quiet && !reads) process.stdout.write(`\n$ hansa ${args.map(shown).join(' ')}\n`);
      const isSeen = !quiet && !reads;
      const { stdout } = await execa(process.execPath, [cliPath, ...args], {
        env,
        reject: !mayFail,
        cancelSignal: signal,
        forceKillAfterDelay: 20_000,
        stdin: 'ignore',
        stdout: isSeen ? ['inherit', 'pipe'] : 'pipe',
        stderr: isSeen ? 'inherit' : 'pipe',
      });
      return stdout;
    },
  };
}

/** Long paths say nothing to who watches. */
function shown(arg: string): string {
  return arg.includes('/') ? (arg.split('/').at(-1) ?? arg) : arg;
}
