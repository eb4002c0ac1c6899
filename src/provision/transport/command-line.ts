import { HansaError } from '../../base/index.ts';

/** How a command becomes root. */
export type Elevation =
  | { readonly kind: 'none' }
  | { readonly kind: 'sudo' }
  /** `prompt` is what sudo shows when it wants the password, so that it is sent only when asked for. */
  | { readonly kind: 'sudo-password'; readonly prompt: string };

export interface CommandLine {
  readonly script: string;
  readonly args: readonly string[];
  readonly elevation: Elevation;
  /** Printed to stderr as the first thing the elevated shell does: what comes before it is sudo's. */
  readonly startMark: string;
  /** After this the machine itself ends the command, so that nothing we lost sight of runs for ever. */
  readonly deadlineMs: number;
}

/** An argument of a program is 128 KiB at most on Linux. */
const longestScript = 100_000;

// Logins find less than root does: without sbin there is no `ip`, without /usr/local/bin none of our own programs. `timeout` is
// missing on few machines; a command there may outlive its deadline.
const prologue = [
  'export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"',
  'm=$1 t=$2 s=$3',
  'shift 3',
  'if [ -n "$m" ]; then printf "%s\\n" "$m" >&2; fi',
  'if command -v timeout >/dev/null 2>&1; then exec timeout -k 5 "$t" sh -euc "$s" hansa "$@"; fi',
  'exec sh -euc "$s" hansa "$@"',
].join('; ');

/** The line that a login shell gets. Of one line and in single quotes, so that fish and zsh read it as sh does. */
export function renderCommandLine({ script, args, elevation, startMark, deadlineMs }: CommandLine): string {
  if (Buffer.byteLength(script) > longestScript) {
    throw new HansaError(
      `a script of ${script.length} characters can't be an argument: give its data on stdin`,
      {
        reason: 'ScriptTooLong',
        retry: 'never',
      },
    );
  }
  const mark = elevation.kind === 'none' ? '' : startMark;
  const seconds = String(Math.ceil(deadlineMs / 1000) + 5);
  return [...elevate(elevation), 'sh', '-c', prologue, 'hansa', mark, seconds, script, ...args]
    .map(quote)
    .join(' ');
}

function elevate(elevation: Elevation): readonly string[] {
  switch (elevation.kind) {
    case 'none':
      return [];
    case 'sudo':
      return ['sudo', '-n', '--'];
    case 'sudo-password':
      return ['sudo', '-S', '-p', elevation.prompt, '--'];
  }
}

/** For sh: nothing in it is special any more. */
export function quote(text: string): string {
  if (/^[A-Za-z0-9_./:=@%+-]+$/.test(text)) return text;
  if (text.includes('\0')) {
    throw new HansaError('an argument with a NUL character can not be given to a program', {
      reason: 'ArgumentInvalid',
      retry: 'never',
    });
  }
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
