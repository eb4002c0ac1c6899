import { type ClusterSpec, controlPlanes } from '../cluster-spec.ts';
import type { ClusterSight, EtcdMember } from '../facts.ts';
import type { JournalRecord } from '../journal.ts';
import { hasQuorum, quorumOf, tallyOf, tell } from '../quorum.ts';
import type { Refusal, StepKind } from '../steps.ts';
import { refuse } from './draft.ts';
import { isPlane, isUnfinished, type Seat, type Sights } from './seats.ts';

export type Up = Extract<ClusterSight, { readonly kind: 'up' }>;

/** How far a cluster is. */
export type Stage =
  /** `first` makes it. */
  | { readonly kind: 'to-make'; readonly first: Seat }
  /** It answers; `unfinished` was making it when the engine died. */
  | { readonly kind: 'up'; readonly cluster: Up; readonly unfinished: Seat | undefined }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function stageOf(seats: readonly Seat[], sights: Sights): Stage {
  const { spec, observed, journal } = sights;
  const planes = seats.filter(isPlane);
  const [firstOfSpec] = planes;
  if (!firstOfSpec) {
    return refused('NoControlPlane', `cluster ${spec.name} has no control plane: give one machine that role`);
  }
  const begun = planes.find(({ machine }) => isUnfinished(journal, initOf(machine.name)));
  const { cluster } = observed;
  if (cluster.kind === 'up') return { kind: 'up', cluster, unfinished: begun };
  // Its control plane may be half there; what was begun goes on where it was begun.
  if (begun && !wasMade(journal)) {
    if (begun.facts) return { kind: 'to-make', first: begun };
    return refused(
      'MachineUnreachable',
      `the making of the cluster was begun on ${begun.machine.name}, which can't be reached (${begun.complaint}): bring it back, or take it out of the spec to begin anew elsewhere`,
      begun.machine.name,
    );
  }
  if (cluster.kind === 'down') return { kind: 'refused', refusal: isDown(planes, cluster, spec) };
  if (wasMade(journal)) return { kind: 'refused', refusal: isGone(planes, spec) };
  return { kind: 'to-make', first: firstOfSpec };
}

function initOf(machine: string): string {
  return `${machine}/init-control-plane`;
}

/** Steps that can end well before there is a cluster. */
const before: readonly string[] = [
  'prepare-host',
  'load-bundle',
  'install-runtime',
  'install-kubernetes',
  'import-images',
  'set-endpoint',
  'reset-machine',
  'unregister-member',
] satisfies readonly StepKind[];

/** What the machines don't show any more, the journal still knows: no cluster is ever made over one that was there. */
function wasMade(journal: readonly JournalRecord[]): boolean {
  return journal.some(
    ({ step, event }) => event === 'done' && !before.some((kind) => step.split('/')[1]?.startsWith(kind)),
  );
}

/** Machines have a control plane, and no API server answers. */
function isDown(
  planes: readonly Seat[],
  { message, members, isReplaced }: Extract<ClusterSight, { readonly kind: 'down' }>,
  spec: ClusterSpec,
): Refusal {
  const away = planes.filter(({ facts }) => !facts).map(({ machine }) => machine.name);
  const said = `cluster ${spec.name} is down: ${message}`;
  if (isReplaced) {
    return refuse(
      'ClusterReplaced',
      `${said}. Nothing is changed: bring it back with "hansa cluster restore", or give it up with "hansa cluster delete" before it is made anew`,
    );
  }
  if (spec.etcd.kind === 'stacked' && members && members.length > 0) {
    const tally = tallyOf(members);
    if (!hasQuorum(tally)) {
      const needed = quorumOf(tally.voters);
      return refuse(
        'QuorumLost',
        `${said}. etcd has lost its quorum (${tell(tally)}, ${needed} needed): ${wayBack(members, planes, away)}`,
      );
    }
  }
  return refuse('ClusterDown', `${said}. ${wayUp(away)}`);
}

function wayBack(members: readonly EtcdMember[], planes: readonly Seat[], away: readonly string[]): string {
  const silent = members
    .filter(
      ({ isHealthy, isLearner, raftIndex }) => !isLearner && isHealthy !== true && raftIndex === undefined,
    )
    .map(({ name }) => planes.find(({ machine }) => machine.nodeName === name)?.machine.name ?? name)
    .filter((name) => name !== '');
  const missing = [...new Set([...away, ...silent])];
  const power =
    missing.length > 0
      ? `power on ${missing.join(', ')} and run this again`
      : 'look at etcd on the control planes ("crictl ps -a --name etcd")';
  return `${power}. Nothing is removed by itself; if they are lost for good, "hansa cluster recover" goes on from what is left`;
}

function wayUp(away: readonly string[]): string {
  return away.length > 0
    ? `Power on ${away.join(', ')} and run this again`
    : 'All control planes can be reached: see "hansa certs status" for expired certificates and "crictl ps -a" on them; "hansa cluster restore" brings etcd back from a backup';
}

/** It was made, and nothing of it is seen. */
function isGone(planes: readonly Seat[], spec: ClusterSpec): Refusal {
  const away = planes.filter(({ facts }) => !facts).map(({ machine }) => machine.name);
  if (away.length > 0) {
    return refuse(
      'ClusterDown',
      `cluster ${spec.name} was made before, and no control plane that could be reached has any of it: power on ${away.join(', ')} and run this again`,
    );
  }
  return refuse(
    'ClusterGone',
    `cluster ${spec.name} was made before, and its control planes (${controlPlanes(spec)
      .map(({ name }) => name)
      .join(
        ', ',
      )}) have nothing of it any more: bring it back with "hansa cluster restore", or give it up with "hansa cluster delete" before it is made anew`,
  );
}

function refused(reason: string, message: string, machine?: string): Stage {
  return { kind: 'refused', refusal: refuse(reason, message, { machine }) };
}
