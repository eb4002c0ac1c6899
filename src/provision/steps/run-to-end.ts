import { createHash } from 'node:crypto';
import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import type { JournalRecord } from '../plan/journal.ts';
import type { Step } from '../plan/steps.ts';
import { forgetLong, opsDirectory } from '../transport/run-long.ts';
import type { RemoteResult } from '../transport/transport.ts';

export interface LongWork {
  /** A few letters that tell it from the other long commands of the step: `renew`, `restart-etcd`. */
  readonly what: string;
  readonly script: string;
  readonly args?: readonly string[];
  readonly stdin?: string;
  readonly deadlineMs: number;
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a long command of a step to its end, whatever happens to the connection. A killed engine that comes back to the
 * same step attaches to what still runs; a new attempt starts anew.
 * @throws HansaError MachineRestarted if the machine was started again meanwhile: look, then try again
 */
export async function runToEnd(
  context: StepContext,
  step: Step,
  machine: Machine,
  { what, ...work }: LongWork,
): Promise<RemoteResult> {
  const id = longId(context, step, what, work);
  const result = await machine.runLong({ ...work, id, root: true, signal: context.signal });
  if (result.kind === 'ended') {
    // What went well is seen on the machine; what didn't stays there to be looked at.
    if (result.code === 0) await forgetLong(machine.transport, id);
    return result;
  }
  throw new HansaError(
    `${machine.spec.name} was restarted while "${step.title}" was at work (${what}): its state is looked at again before another attempt`,
    { reason: 'MachineRestarted' },
  );
}

/**
 * Whether the machine was already given the long command of this attempt, by an engine that was killed meanwhile: then what
 * prepares it must not be done again beside it.
 */
export async function hasBegun(
  context: StepContext,
  step: Step,
  machine: Machine,
  { what, script, args }: Pick<LongWork, 'what' | 'script' | 'args'>,
): Promise<boolean> {
  const id = longId(context, step, what, { script, ...(args && { args }) });
  const { code } = await machine.transport.exec({
    script: '[ -d "$1" ]',
    args: [`${opsDirectory}/${id}`],
    root: true,
    signal: context.signal,
  });
  return code === 0;
}

/** As `runToEnd`; anything but exit code 0 is an error with the last lines of what it said, tried again unless told not to. */
export async function mustRunToEnd(
  context: StepContext,
  step: Step,
  machine: Machine,
  work: LongWork & { readonly reason: string; readonly mend: string; readonly retry?: 'never' },
): Promise<RemoteResult> {
  const result = await runToEnd(context, step, machine, work);
  if (result.code === 0) return result;
  throw new HansaError(`${work.what} failed on ${machine.spec.name}: ${lastWords(result)}; ${work.mend}`, {
    reason: work.reason,
    ...(work.retry && { retry: work.retry }),
  });
}

/** What a command ended on, on one line: the failed checks of kubeadm if it names some, else the last lines. */
export function lastWords({ stderr, stdout, code }: RemoteResult): string {
  const lines = (stderr.trim() || stdout.trim()).split('\n').filter((line) => line.trim() !== '');
  const failed = lines.filter((line) => line.includes('[ERROR ')).map((line) => line.trim());
  return (failed.length > 0 ? failed.slice(0, 3) : lines.slice(-3)).join(' | ') || `exit code ${code}`;
}

function longId(
  { journal, cluster }: Pick<StepContext, 'journal' | 'cluster'>,
  step: Step,
  what: string,
  { script, args = [] }: Pick<LongWork, 'script' | 'args'>,
): string {
  const hash = createHash('sha256')
    .update(
      JSON.stringify([
        cluster.namespace,
        cluster.name,
        step.id,
        step.inputs,
        script,
        args,
        endedAttempts(journal, step),
      ]),
    )
    .digest('hex');
  return `${what.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${hash.slice(0, 16)}`;
}

/** An attempt that only broke off is not over: its command may still run. The latest end makes the id new. */
function endedAttempts(journal: readonly JournalRecord[], step: Step): string {
  const last = journal.findLast(
    (record) => record.step === step.id && ['done', 'failed', 'undone'].includes(record.event),
  );
  return last === undefined ? '' : `${last.operation} ${last.attempt} ${last.at}`;
}
