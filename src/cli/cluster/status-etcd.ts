import {
  type ClusterSight,
  type ClusterSpec,
  type EtcdMember,
  hasNeverVoted,
  hasQuorum,
  noSpaceComplaint,
  type Observed,
  quorumOf,
  removalOf,
  tallyOf,
  tellTally,
} from '../../provision/index.ts';
import type { Next } from './status-next.ts';

export interface Stray {
  readonly id: string;
  readonly name: string;
  readonly isNeverVoted: boolean;
  /** With what a person may do about it. */
  readonly message: string;
}

/** undefined: nobody could ask etcd. */
export function quorumSight(cluster: ClusterSight): boolean | undefined {
  const members = cluster.kind === 'absent' ? undefined : cluster.members;
  return members && members.length > 0 ? hasQuorum(tallyOf(members)) : undefined;
}

/** What to do first about an etcd without room; undefined: it has some. */
export function fullEtcd(cluster: ClusterSight): Next | undefined {
  const full = noSpaceComplaint(cluster.kind === 'absent' ? [] : (cluster.members ?? []));
  return full && { why: full.why, command: `as root on a control plane: ${full.command}` };
}

/** `3 voters, 3 healthy, 2 needed, 5 MiB`. */
export function etcdText(spec: ClusterSpec, cluster: ClusterSight): string | undefined {
  if (spec.etcd.kind === 'external') return `external: ${spec.etcd.endpoints.join(', ')}`;
  const members = cluster.kind === 'absent' ? undefined : cluster.members;
  if (!members || members.length === 0) return undefined;
  const tally = tallyOf(members);
  const sizes = members.flatMap(({ dbSizeBytes }) => dbSizeBytes ?? []);
  const alarms = [...new Set(members.flatMap((member) => member.alarms))];
  return [
    `${tellTally(tally)}, ${quorumOf(tally.voters)} needed`,
    ...(tally.learners > 0 ? [`${tally.learners} learner${tally.learners === 1 ? '' : 's'}`] : []),
    ...(sizes.length > 0 ? [`${Math.ceil(Math.max(...sizes) / 1024 ** 2)} MiB`] : []),
    ...(alarms.length > 0 ? [`alarm ${alarms.join(', ')}`] : []),
  ].join(', ');
}

/** Members that are on no machine by their name or peer URL. One that never started has no name yet. */
export function straysOf(spec: ClusterSpec, { cluster }: Observed): readonly Stray[] {
  if (cluster.kind === 'absent' || spec.etcd.kind === 'external') return [];
  const nodes = cluster.kind === 'up' ? cluster.nodes : [];
  const names = new Set(spec.machines.map(({ nodeName }) => nodeName));
  const addresses = new Set(
    spec.machines.flatMap(({ internalAddress, nodeName }) => {
      const address = internalAddress ?? nodes.find(({ name }) => name === nodeName)?.internalAddress;
      return address ?? [];
    }),
  );
  const isOnMachine = ({ name, peerUrls }: EtcdMember) =>
    names.has(name) || (name === '' && peerUrls.some((url) => addresses.has(hostOf(url))));
  return (cluster.members ?? [])
    .filter((member) => !isOnMachine(member))
    .map((member) => ({
      id: member.id,
      name: member.name,
      isNeverVoted: hasNeverVoted(member),
      message: `${member.isLearner ? 'learner' : 'member'} ${member.name || member.id} at ${member.peerUrls.join(', ')} is on no machine of the spec; if nobody needs it: ${removalOf(member)}`,
    }));
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : url;
}
