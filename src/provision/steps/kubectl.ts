import { HansaError } from '../../base/index.ts';
import { apiServerPort } from '../plan/render/cluster-configuration.ts';
import type { RemoteResult, Transport } from '../transport/transport.ts';

/** A control plane machine, as far as kubectl needs it; every `Machine` is one. */
export interface KubectlHost {
  readonly transport: Transport;
}

export interface KubectlOptions {
  /** For `apply -f -`; not in arguments, since those are logged there. */
  readonly stdin?: string;
  readonly signal?: AbortSignal | undefined;
  /** Default 60 s. */
  readonly deadlineMs?: number;
  readonly onLine?: (line: string) => void;
}

/**
 * Runs kubectl on a control plane as its administrator; resolves with whatever exit code. It asks the API server of that very
 * machine: a load balancer that is down takes no cluster away from those who mend it.
 */
export async function runKubectl(
  on: KubectlHost,
  args: readonly string[],
  { stdin, signal, deadlineMs = 60_000, onLine }: KubectlOptions = {},
): Promise<RemoteResult> {
  return on.transport.exec({
    // sudo's own PATH often lacks /usr/local/bin.
    script: 'PATH=/usr/local/bin:$PATH exec kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"',
    args: [...ownServer, ...args],
    root: true,
    deadlineMs,
    ...(stdin !== undefined && { stdin }),
    ...(signal && { signal }),
    ...(onLine && { onLine }),
  });
}

const ownServer = ['--server', `https://127.0.0.1:${apiServerPort}`, '--tls-server-name', 'kubernetes'];

/** Runs kubectl there and gives what it printed. @throws HansaError KubectlFailed */
export async function askKubectl(
  on: KubectlHost,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<string> {
  const result = await runKubectl(on, args, options);
  if (result.code === 0) return result.stdout;
  throw kubectlFailed(on, args, result);
}

/** An object of the cluster, or undefined if there is none. @throws HansaError KubectlFailed if that can't be told */
export async function getObject(
  on: KubectlHost,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<Readonly<Record<string, unknown>> | undefined> {
  // `--ignore-not-found` answers nothing for what isn't there, so a network failure is never taken for absence.
  const text = await askKubectl(on, ['get', ...args, '-o', 'json', '--ignore-not-found'], options);
  return text.trim() === '' ? undefined : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}

export function kubectlFailed(on: KubectlHost, args: readonly string[], result: RemoteResult): HansaError {
  const said = result.stderr.trim().split('\n').at(-1) || `exit code ${result.code}`;
  return new HansaError(`kubectl ${args.slice(0, 3).join(' ')} failed on ${on.transport.address}: ${said}`, {
    reason: 'KubectlFailed',
  });
}
