import { HansaError } from '../../base/index.ts';
import type { EtcdMember } from '../plan/facts.ts';
import { complaintOf, type EtcdctlOptions, type EtcdHost, etcdctlHere, runEtcdctl } from './etcdctl.ts';
import { judgeMembers } from './judge-members.ts';
import {
  type MemberAlarm,
  type MemberStatus,
  parseAlarms,
  parseEndpointStatus,
  parseMemberList,
} from './parse-answers.ts';

/**
 * etcd's members and how they are, as the etcd on this machine tells.
 *
 * Works without quorum too: then the list is what this member last knew, and nobody is healthy.
 * @throws HansaError EtcdUnreachable if the member on this machine doesn't answer at all
 */
export async function readMembers(
  on: EtcdHost,
  options: EtcdctlOptions = {},
): Promise<readonly EtcdMember[]> {
  const list = parseMemberList(await listText(on, options));
  const urls = list.members.flatMap(({ clientUrls }) => clientUrls.slice(0, 1));
  const [statuses, alarms] = await Promise.all([readStatuses(on, urls, options), readAlarms(on, options)]);
  return judgeMembers(list, statuses, alarms ?? alarmsIn(statuses));
}

async function listText(on: EtcdHost, options: EtcdctlOptions): Promise<string> {
  const asked = ['member', 'list', '-w', 'json', '--command-timeout=5s'];
  const current = await runEtcdctl(on, asked, options);
  if (current.code === 0) return current.stdout;
  // A linearizable list needs quorum; etcd 3.6 also gives what this one member knows.
  const known = await runEtcdctl(on, [...asked, '--consistency=s'], options);
  if (known.code === 0) return known.stdout;
  throw new HansaError(
    `etcd on ${on.transport.address} does not answer (${complaintOf(current)}): ` +
      'look at its container there ("crictl ps -a --name etcd"), or ask another control plane',
    { reason: 'EtcdUnreachable' },
  );
}

/** Each member is asked by a process of its own: etcdctl asks one after the other, and a dead one takes its whole time limit. */
async function readStatuses(
  on: EtcdHost,
  urls: readonly string[],
  { signal, deadlineMs = 30_000 }: EtcdctlOptions,
): Promise<readonly MemberStatus[]> {
  if (urls.length === 0) return [];
  const { stdout } = await on.transport.exec({
    script: `${etcdctlHere}
answers=$(mktemp -d)
trap 'rm -rf "$answers"' EXIT
number=0
for url in "$@"; do
  number=$((number + 1))
  etcdctl_here --endpoints "$url" --command-timeout=5s endpoint status -w json >"$answers/$number" 2>/dev/null &
done
wait
cat "$answers"/*`,
    args: urls,
    root: true,
    deadlineMs,
    ...(signal && { signal }),
  });
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('['))
    .flatMap((line) => parseEndpointStatus(line));
}

/** undefined where they can't be had: without quorum etcd gives none. */
async function readAlarms(
  on: EtcdHost,
  options: EtcdctlOptions,
): Promise<readonly MemberAlarm[] | undefined> {
  const { code, stdout } = await runEtcdctl(
    on,
    ['alarm', 'list', '-w', 'json', '--command-timeout=5s'],
    options,
  );
  return code === 0 ? parseAlarms(stdout) : undefined;
}

/** A status names the alarms of the whole cluster in Go's notation: `memberID:13668033151171901709 alarm:NOSPACE`. */
function alarmsIn(statuses: readonly MemberStatus[]): readonly MemberAlarm[] {
  const found = new Map<string, MemberAlarm>();
  for (const line of statuses.flatMap(({ errors }) => errors)) {
    const [, id, kind] = /memberID:(\d+)\s+alarm:(\w+)/.exec(line) ?? [];
    if (id && kind) found.set(`${id} ${kind}`, { memberId: BigInt(id).toString(16), kind });
  }
  return [...found.values()];
}
