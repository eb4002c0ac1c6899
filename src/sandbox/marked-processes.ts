import { readdirSync, readFileSync } from 'node:fs';
import { identityOf, type ProcessIdentity } from './process-identity.ts';

/** Stands in the environment of each process of a sandbox, with a value no other sandbox ever has. */
export const markVariable = 'HANSA_SANDBOX_MARK';

/**
 * Processes that carry a sandbox's mark. A process can only be written down after it was started; a crash in between
 * leaves one that is known by this mark alone. Empty where the system does not show environments (only Linux does).
 */
export function findMarked(mark: string): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  const entry = `${markVariable}=${mark}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => environmentOf(pid).includes(entry))
    .map((pid) => identityOf(Number(pid)))
    .filter((identity) => identity !== undefined);
}

function environmentOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    // Another user's process, or one that has just ended.
    return [];
  }
}
