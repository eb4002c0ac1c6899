import { createInterface } from 'node:readline/promises';
import { HansaError } from '../../base/index.ts';

export interface Agreement {
  /** `--yes`. */
  readonly isGiven: boolean;
  /** Asks whoever sits at the terminal; undefined: nobody does. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}

/** Of the flag, else of the person at the terminal. One question at a time, however many clusters are worked on. */
export function agreementOf(isGiven: boolean, signal: AbortSignal): Agreement {
  if (isGiven || !process.stdin.isTTY || !process.stderr.isTTY) return { isGiven, ask: undefined };
  let turn: Promise<unknown> = Promise.resolve();
  return {
    isGiven,
    ask: (question) => {
      const answer = turn.then(() => askLine(question, signal));
      turn = answer.catch(() => undefined);
      return answer;
    },
  };
}

/**
 * Agreement to what takes data or machines away: given beforehand, or by typing the cluster's name, which nobody does by
 * mistake. @throws HansaError NeedsConsent
 */
export async function agree(cluster: string, what: string, { isGiven, ask }: Agreement): Promise<void> {
  if (isGiven) return;
  if (!ask) throw notAgreed(`${what}: say --yes to agree`);
  const answer = await ask(
    `${what.charAt(0).toUpperCase()}${what.slice(1)}.\nType the name of the cluster (${cluster}) to agree: `,
  );
  if (answer.trim() !== cluster) throw notAgreed(`not agreed to: nothing was changed in cluster ${cluster}`);
}

function notAgreed(message: string): HansaError {
  return new HansaError(message, { reason: 'NeedsConsent', retry: 'never' });
}

async function askLine(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const interrupted = new AbortController();
  lines.on('SIGINT', () => interrupted.abort());
  lines.on('close', () => interrupted.abort());
  try {
    return await lines.question(question, { signal: AbortSignal.any([signal, interrupted.signal]) });
  } catch {
    process.stderr.write('\n');
    throw new HansaError('interrupted: nothing was agreed to', { reason: 'Cancelled', retry: 'never' });
  } finally {
    lines.close();
  }
}
