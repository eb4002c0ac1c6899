import { randomBytes } from 'node:crypto';
import { HansaError } from '../../base/index.ts';
import type { Elevation } from './command-line.ts';
import type { GateMarks, NotStarted } from './start-gate.ts';

/** What the probe found about becoming root. */
export type Way =
  | { readonly kind: 'is-root' }
  | { readonly kind: 'free' }
  | { readonly kind: 'asks' }
  | { readonly kind: 'no-sudo' }
  | { readonly kind: 'refused'; readonly said: string };

/** Prints the way; sudo with -n neither asks nor counts as a failed login. */
export const probeScript = `
if [ "$(id -u)" = 0 ]; then echo is-root; exit; fi
if ! command -v sudo >/dev/null 2>&1; then echo no-sudo; exit; fi
if said=$(sudo -n true 2>&1 </dev/null); then echo free; exit; fi
echo asks
printf '%s' "$said"
`;

export function readWay(stdout: string): Way {
  const [first = '', ...rest] = stdout.split('\n');
  const said = rest.join('\n').trim();
  switch (first) {
    case 'is-root':
    case 'free':
    case 'no-sudo':
      return { kind: first };
    default:
      return isAboutPassword(said) ? { kind: 'asks' } : { kind: 'refused', said };
  }
}

export function elevationFor(way: Way): { readonly elevation: Elevation; readonly startMark: string } {
  const nonce = randomBytes(9).toString('hex');
  const startMark = `hansa-started-${nonce}`;
  switch (way.kind) {
    case 'is-root':
      return { elevation: { kind: 'none' }, startMark };
    case 'asks':
      return { elevation: { kind: 'sudo-password', prompt: `hansa-asks-${nonce}:` }, startMark };
    default:
      return { elevation: { kind: 'sudo' }, startMark };
  }
}

export function marksFor(
  { elevation, startMark }: ReturnType<typeof elevationFor>,
  password: string | undefined,
): GateMarks | undefined {
  if (elevation.kind === 'none') return undefined;
  const prompt = elevation.kind === 'sudo-password' ? elevation.prompt : undefined;
  return { startMark, prompt, password };
}

/** A way that can't be gone, as the sentence that says what to do. */
export function sudoFailed(address: string, way: Way, hasPassword: boolean): HansaError | undefined {
  switch (way.kind) {
    case 'is-root':
    case 'free':
      return undefined;
    case 'no-sudo':
      return failure(
        `${address} is not root and sudo is not installed there: install sudo or log in as root`,
      );
    case 'asks':
      if (hasPassword) return undefined;
      return failure(
        `sudo on ${address} asks for a password: put sudo-password in the credential, or let the user run it without ` +
          '("USER ALL=(ALL) NOPASSWD: ALL" in /etc/sudoers.d/)',
      );
    case 'refused':
      return failure(explain(address, way.said));
  }
}

/** Why sudo did not start a command, for people. */
export function explainNotStarted(address: string, { asked, said, code }: NotStarted): HansaError {
  switch (asked) {
    case 'again':
      return failure(
        `sudo on ${address} did not take the password: it was tried once and won't be again, so that the user is not locked ` +
          'out; correct sudo-password in the credential',
      );
    case 'without-password':
      return failure(`sudo on ${address} asks for a password: put sudo-password in the credential`);
    case 'never':
      return failure(code === 127 ? `sudo was not found on ${address}` : explain(address, said));
  }
}

export function isAboutPassword(said: string): boolean {
  return /password is required|askpass/i.test(said);
}

function explain(address: string, said: string): string {
  if (/must have a tty|no tty present/i.test(said)) {
    return (
      `sudo on ${address} wants a terminal (requiretty): put "Defaults:USER !requiretty" with the name of the user ` +
      'in a file in /etc/sudoers.d/'
    );
  }
  if (/not in the sudoers file|not allowed|may not run/i.test(said)) {
    return (
      `the user of ${address} may not become root with sudo: allow it with "USER ALL=(ALL) NOPASSWD: ALL" ` +
      'in a file in /etc/sudoers.d/'
    );
  }
  if (isAboutPassword(said)) {
    return `sudo on ${address} asks for a password now: put sudo-password in the credential`;
  }
  return `sudo on ${address} did not run the command; it said: ${said === '' ? '(nothing)' : said.slice(0, 500)}`;
}

function failure(message: string): HansaError {
  return new HansaError(message, { reason: 'SudoFailed', retry: 'never' });
}
