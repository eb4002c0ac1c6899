import { HansaError, messageOf } from '../base/index.ts';
import type { ApiClient } from '../kube/index.ts';
import type { Probe } from './health.ts';

/** Asks a member for `/readyz` and its version, within `timeoutMs` for both. */
export async function probeMember(
  client: ApiClient,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Probe> {
  try {
    const [ready, version] = await Promise.all([
      client.raw('/readyz', { deadlineMs: timeoutMs, signal }),
      client.raw('/version', { deadlineMs: timeoutMs, signal }),
    ]);
    if (ready.trim().toLowerCase() !== 'ok') {
      return { kind: 'not-ready', message: `/readyz answered "${ready.trim().slice(0, 200)}"` };
    }
    return { kind: 'ready', version: (JSON.parse(version) as { gitVersion?: string }).gitVersion ?? '' };
  } catch (error) {
    return failedProbe(client, error);
  }
}

function failedProbe(client: ApiClient, error: unknown): Probe {
  const reason = error instanceof HansaError ? error.reason : 'UnexpectedError';
  const message = messageOf(error);
  switch (reason) {
    case 'Unreachable':
    case 'Timeout':
      return { kind: 'offline', message };
    case 'Unauthorized':
      return {
        kind: 'not-ready',
        message: `${client.server} refuses the stored token (401): it has expired or its ServiceAccount is gone; run "hansa join" for this cluster again`,
      };
    default:
      return { kind: 'not-ready', message };
  }
}
