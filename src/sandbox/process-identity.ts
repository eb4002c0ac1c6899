import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that can't be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, as the kernel tells it; compared for equality only. */
  readonly start: string;
}

/** The start of the process that has this number now; undefined if there is none or it is a zombie. */
export function startOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

export function identityOf(pid: number): ProcessIdentity | undefined {
  const start = startOf(pid);
  return start === undefined ? undefined : { pid, start };
}

export function isRunning({ pid, start }: ProcessIdentity): boolean {
  return startOf(pid) === start;
}

/** Sends a signal only to the very process that was recorded; tells whether it was still there. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Resident memory in bytes; undefined if the process is gone. */
export function residentBytesOf(pid: number): number | undefined {
  try {
    if (process.platform === 'linux') {
      const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
    }
    return Number(runPs('rss', pid)) * 1024 || undefined;
  } catch {
    return undefined;
  }
}

function startFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name stands in parentheses and may hold spaces and parentheses, so fields count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    // In a container without an init that reaps, an orphan that was killed stays a zombie for ever: it is not running.
    if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
    return `${ticks}@${bootId()}`;
  } catch {
    return undefined;
  }
}

let knownBootId: string | undefined;

/** Ticks count from boot, so the same pid and ticks could come again after a reboot. */
function bootId(): string {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
  return knownBootId;
}

function startFromPs(pid: number): string | undefined {
  try {
    const [state = '', ...started] = runPs('state=,lstart', pid).split(/\s+/);
    return started.length === 0 || state.startsWith('Z') ? undefined : started.join('_');
  } catch {
    return undefined;
  }
}

function runPs(format: string, pid: number): string {
  return execFileSync('ps', ['-o', `${format}=`, '-p', String(pid)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, LC_ALL: 'C' },
  }).trim();
}
