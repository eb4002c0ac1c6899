import type { CallOptions } from '../../kube/index.ts';
import type { RolloutFlags } from '../commands/rollout.ts';
import { type Host, interruptSignal, openHost } from '../host-options.ts';

/** What each verb works with. */
export interface CommandContext {
  readonly host: Host;
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly call: CallOptions;
}

/** Opens the host for one command and closes it, whatever comes of it. */
export async function withHost(
  flags: RolloutFlags,
  work: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const host = await openHost(flags);
  const signal = interruptSignal();
  try {
    const namespace = flags.namespace ?? host.namespace ?? 'default';
    await work({ host, namespace, signal, call: { signal } });
  } finally {
    await host.client.close();
  }
}
