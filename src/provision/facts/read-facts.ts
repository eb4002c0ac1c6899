import { type Clock, HansaError } from '../../base/index.ts';
import type { MachineFacts } from '../plan/facts.ts';
import type { Transport } from '../transport/index.ts';
import { factsScript } from './facts-script.ts';
import { parseFacts } from './parse-facts.ts';

/** An address of another machine that this one must be able to reach. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/**
 * Asks a machine about itself, as root where that is possible, and whether it reaches its `peers`.
 * @throws HansaError what connecting throws, FactsUnreadable
 */
export async function readFacts(
  transport: Transport,
  clock: Clock,
  signal?: AbortSignal,
  peers: readonly Peer[] = [],
): Promise<MachineFacts> {
  const before = clock.now();
  const common = {
    script: factsScript,
    args: peers.flatMap(({ address, port }) => [address, `${port}`]),
    deadlineMs: 30_000,
    ...(signal ? { signal } : {}),
  };
  const { stdout, canSudo, code, stderr } = await asRootIfPossible(transport, common);
  if (code !== 0 || !stdout.includes('hostname ')) {
    throw new HansaError(
      `${transport.address} does not say what it is (exit code ${code}): ${stderr.slice(0, 300) || 'no answer'}`,
      { reason: 'FactsUnreadable', retry: 'backoff' },
    );
  }
  return parseFacts(stdout, { askedAtSeconds: (before + clock.now()) / 2000, canSudo });
}

async function asRootIfPossible(
  transport: Transport,
  command: { readonly script: string; readonly deadlineMs: number },
) {
  try {
    return { ...(await transport.exec({ ...command, root: true })), canSudo: true };
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'SudoFailed') throw error;
    return { ...(await transport.exec(command)), canSudo: false };
  }
}
