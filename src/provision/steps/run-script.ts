import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import { lastWords } from './run-to-end.ts';

export interface ShortWork {
  readonly script: string;
  readonly args?: readonly string[];
  readonly deadlineMs?: number;
}

/** Runs a short script as root that may be run twice, and gives what it printed; nothing of it may be secret. */
export async function runScript(
  { signal }: Pick<StepContext, 'signal'>,
  machine: Machine,
  { reason, mend, ...work }: ShortWork & { readonly reason: string; readonly mend: string },
): Promise<string> {
  const result = await machine.transport.exec({ ...work, root: true, signal });
  if (result.code === 0) return result.stdout;
  throw new HansaError(`${machine.spec.name}: ${lastWords(result)}; ${mend}`, { reason });
}
