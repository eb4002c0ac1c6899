import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process that can't be mistaken for another one, on this machine or elsewhere. */
export interface ProcessMark {
  readonly pid: number;
  /** When it started, as the kernel tells it; compared for equality only. */
  readonly start: string;
  /** Host, and where there are several, the space in which the pid counts. */
  readonly place: string;
}

export function ownMark(): ProcessMark {
  return { pid: process.pid, start: startOf(process.pid) ?? '', place: ownPlace() };
}

/** `elsewhere`: it can't be told from here. */
export function lifeOf({ pid, start, place }: ProcessMark): 'alive' | 'dead' | 'elsewhere' {
  if (place !== ownPlace()) return 'elsewhere';
  return startOf(pid) === start ? 'alive' : 'dead';
}

/** Two containers over one volume may have the same host name, and pids of their own. */
function ownPlace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function startOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

function startFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name stands in parentheses and may hold spaces and parentheses, so fields count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
    // Ticks count from boot, so the same pid and ticks could come again after a reboot.
    return `${ticks}@${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)}`;
  } catch {
    return undefined;
  }
}

function startFromPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    }).trim();
    const [state = '', ...started] = text.split(/\s+/);
    return started.length === 0 || state.startsWith('Z') ? undefined : started.join('_');
  } catch {
    return undefined;
  }
}
