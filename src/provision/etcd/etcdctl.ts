import { HansaError } from '../../base/index.ts';
import type { RemoteResult, Transport } from '../transport/transport.ts';

/** A control plane machine, as far as etcd's tools need it; every `Machine` is one. */
export interface EtcdHost {
  readonly transport: Transport;
}

export interface EtcdctlOptions {
  /** Default: the member on the machine itself. */
  readonly endpoints?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly deadlineMs?: number;
}

export const localEndpoint = 'https://127.0.0.1:2379';

/**
 * Shell function `etcdctl_here`: etcdctl with the machine's own certificates. The program on the host comes first, since
 * it works while the container doesn't; else the one in etcd's container. Certificates are read by path, so no key
 * appears in arguments.
 */
export const etcdctlHere = `
pki=/etc/kubernetes/pki
pair=$pki/etcd/healthcheck-client
[ -f $pair.crt ] || pair=$pki/apiserver-etcd-client
etcdctl_here() {
  set -- --cacert $pki/etcd/ca.crt --cert $pair.crt --key $pair.key "$@"
  if [ -x /usr/local/bin/etcdctl ]; then
    /usr/local/bin/etcdctl "$@"
  elif container=$(crictl ps -q --state Running --name '^etcd$' 2>/dev/null) && [ -n "$container" ]; then
    crictl exec "$(echo "$container" | head -n 1)" etcdctl "$@"
  elif container=$(ctr -n k8s.io containers ls -q 'labels."io.kubernetes.container.name"==etcd' 2>/dev/null) &&
    container=$(for one in $container; do ctr -n k8s.io tasks ls | grep "^$one .*RUNNING" | cut -d' ' -f1; done) &&
    [ -n "$container" ]; then
    ctr -n k8s.io tasks exec --exec-id "hansa-$$-$(date +%s%N)" "$(echo "$container" | head -n 1)" etcdctl "$@"
  else
    echo 'hansa: no etcdctl in /usr/local/bin and no running etcd container' >&2
    return 97
  fi
}
`;

/** Runs etcdctl there; resolves with whatever exit code. */
export async function runEtcdctl(
  on: EtcdHost,
  args: readonly string[],
  { endpoints = [localEndpoint], signal, deadlineMs = 30_000 }: EtcdctlOptions = {},
): Promise<RemoteResult> {
  const result = await on.transport.exec({
    script: `${etcdctlHere}\netcdctl_here "$@"`,
    args: ['--endpoints', endpoints.join(','), ...args],
    root: true,
    deadlineMs,
    ...(signal && { signal }),
  });
  if (result.code === 97) throw noEtcdctl(on);
  return result;
}

/** Runs etcdctl there and gives what it printed. @throws HansaError EtcdctlFailed, EtcdctlMissing */
export async function askEtcdctl(
  on: EtcdHost,
  args: readonly string[],
  options: EtcdctlOptions = {},
): Promise<string> {
  const result = await runEtcdctl(on, args, options);
  if (result.code === 0) return result.stdout;
  throw new HansaError(
    `etcdctl ${args.join(' ')} failed on ${on.transport.address} with code ${result.code}: ${complaintOf(result)}`,
    { reason: 'EtcdctlFailed' },
  );
}

/** etcdctl's last word; before it come log lines as JSON that repeat it. */
export function complaintOf({ stderr, stdout }: RemoteResult): string {
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('{'));
  return lines.at(-1)?.replace(/^Error: /, '') ?? 'it said nothing';
}

function noEtcdctl(on: EtcdHost): HansaError {
  return new HansaError(
    `${on.transport.address} has no etcdctl and no running etcd container to take it from: ` +
      'run "hansa cluster apply" with a bundle that has etcdctl and etcdutl',
    { reason: 'EtcdctlMissing', retry: 'never' },
  );
}
