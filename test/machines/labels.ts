import { identityOf, isRunning, type ProcessIdentity } from '../../src/sandbox/process-identity.ts';

/** On everything of ours in the engine. */
export const machineLabel = 'dev.hansa.machine';
export const groupLabel = 'dev.hansa.group';
/** The process whose end makes a group a leftover; `nobody` for groups that stay until they are taken down by name. */
export const ownerLabel = 'dev.hansa.owner';

export const ownerless = 'nobody';

export function ownerMark(): string {
  const me = identityOf(process.pid);
  return me ? `${me.pid}/${me.start}` : ownerless;
}

/** Whether a group's owner has ended without taking it down. */
export function isLeftBehind(mark: string): boolean {
  const [pid, start] = mark.split('/');
  if (mark === ownerless || !pid || !start) return false;
  return !isRunning({ pid: Number(pid), start } satisfies ProcessIdentity);
}
