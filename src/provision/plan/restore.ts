import { type ClusterSpec, controlPlanes, type MachineSpec } from './cluster-spec.ts';
import type { ClusterSight, EtcdMember, Observed } from './facts.ts';
import { hasQuorum, quorumOf, type Tally, tallyOf, tell } from './quorum.ts';
import type { Plan, Refusal, Step } from './steps.ts';

/** What etcd is restored from. */
export type RestoreSource =
  /** A backup in the target of the spec. */
  | { readonly kind: 'backup'; readonly name: string }
  /** A snapshot that lies on a control plane. */
  | { readonly kind: 'snapshot'; readonly machine: string; readonly path: string }
  /** What one machine still has on its disk. */
  | { readonly kind: 'survivor'; readonly machine: string };

export interface RestoreWish {
  readonly source: RestoreSource;
  /** Control planes that are lost for certain: switched off, or their disks gone. */
  readonly without: readonly string[];
  /** Makes the restored etcd another one than the old, so that a forgotten member can't find back to it. */
  readonly token: string;
}

/**
 * Puts etcd back, on all control planes at once. From a backup or snapshot all of them get the same; from a survivor one
 * member goes on alone and the others are emptied, to be joined anew by the next apply.
 *
 * *Guarantees*: refused while a control plane that is not known to be lost can't be reached, since it could go on as a
 * second cluster of the same name; and a survivor is refused while there is a quorum.
 */
export function planRestore(
  spec: ClusterSpec,
  observed: Observed,
  { source, without, token }: RestoreWish,
): Plan {
  const here = controlPlanes(spec).filter(({ name }) => !without.includes(name));
  const refusals = [
    ...externalRefusal(spec),
    ...here.flatMap((machine) => unreachableRefusal(machine, observed)),
    ...sourceRefusal(here, observed.cluster, source),
  ];
  if (refusals.length > 0) return { steps: [], refusals, warnings: [] };
  const seats = source.kind === 'survivor' ? here.filter(({ name }) => name === source.machine) : here;
  const restore = restoreStep({
    source,
    token,
    seats,
    all: here,
    reason: reasonOf(observed.cluster, source),
  });
  const emptied = here
    .filter((machine) => !seats.includes(machine))
    .map((machine) => resetStep(machine, restore.id));
  return {
    steps: [restore, ...emptied, verifyStep([restore, ...emptied], seats)],
    refusals: [],
    warnings: [...dataLoss(observed.cluster, source), ...rejoin(emptied, without)],
  };
}

/** The control plane whose data is furthest, of those that answer; undefined if none does. */
export function bestSurvivor(spec: ClusterSpec, members: readonly EtcdMember[]): MachineSpec | undefined {
  const furthest = members
    .filter(
      ({ isLearner, raftIndex, alarms }) =>
        !isLearner && raftIndex !== undefined && !alarms.includes('CORRUPT'),
    )
    .toSorted((a, b) => Number(BigInt(b.raftIndex ?? 0) - BigInt(a.raftIndex ?? 0)))[0];
  return controlPlanes(spec).find(({ nodeName }) => nodeName === furthest?.name);
}

function restoreStep({
  source,
  token,
  seats,
  all,
  reason,
}: {
  readonly source: RestoreSource;
  readonly token: string;
  readonly seats: readonly MachineSpec[];
  readonly all: readonly MachineSpec[];
  readonly reason: string;
}): Step {
  return {
    id: 'cluster/restore-etcd',
    kind: 'restore-etcd',
    machine: undefined,
    title: `restore etcd on ${namesOf(seats)} from ${describe(source)}`,
    reason,
    needs: [],
    inputs: { source, token, machines: seats.map(({ name }) => name), stop: all.map(({ name }) => name) },
    exclusive: 'etcd',
    isPointOfNoReturn: true,
    isDestructive: true,
  };
}

function resetStep({ name }: MachineSpec, after: string): Step {
  return {
    id: `${name}/reset-machine`,
    kind: 'reset-machine',
    machine: name,
    title: 'reset, to be joined anew',
    reason: 'its data belongs to the etcd that was lost',
    needs: [after],
    inputs: {},
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: true,
  };
}

/** Of those that were restored; the others join again later. */
function verifyStep(before: readonly Step[], seats: readonly MachineSpec[]): Step {
  return {
    id: 'cluster/verify-cluster',
    kind: 'verify-cluster',
    machine: undefined,
    title: 'check the cluster',
    reason: 'etcd was restored',
    needs: before.map(({ id }) => id),
    inputs: { controlPlanes: seats.map(({ name }) => name) },
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
  };
}

function externalRefusal(spec: ClusterSpec): readonly Refusal[] {
  if (spec.etcd.kind === 'stacked') return [];
  return [
    refusal(
      'EtcdIsExternal',
      'this cluster uses an etcd that others keep: restore it there, then restart the API servers',
    ),
  ];
}

function unreachableRefusal({ name }: MachineSpec, observed: Observed): readonly Refusal[] {
  const sight = observed.machines[name];
  if (sight?.kind === 'seen') return [];
  return [
    {
      ...refusal(
        'MachineUnreachable',
        `${name} can't be reached${sight ? ` (${sight.message})` : ''}: if it still runs it could go on as a second cluster. ` +
          `Bring it back, or switch it off and say so with "--without ${name}"`,
      ),
      machine: name,
    },
  ];
}

function sourceRefusal(
  here: readonly MachineSpec[],
  cluster: ClusterSight,
  source: RestoreSource,
): readonly Refusal[] {
  if (here.length === 0)
    return [refusal('NoControlPlane', 'no control plane is left to restore onto: add one to the spec')];
  if (source.kind === 'backup') return [];
  if (!here.some(({ name }) => name === source.machine)) {
    return [
      refusal('NoSuchMachine', `${source.machine} is none of the control planes at hand (${namesOf(here)})`),
    ];
  }
  if (source.kind === 'survivor' && hasQuorum(seenTally(cluster))) {
    return [
      refusal(
        'QuorumNotLost',
        `etcd has its quorum (${countOf(cluster)}): nothing needs to be restored from one machine. Remove dead members with "hansa cluster apply"`,
      ),
    ];
  }
  return [];
}

function seenTally(cluster: ClusterSight): Tally {
  return tallyOf(cluster.kind === 'absent' ? [] : (cluster.members ?? []));
}

function countOf(cluster: ClusterSight): string {
  const tally = seenTally(cluster);
  return `${tell(tally)}, ${quorumOf(tally.voters)} needed`;
}

function reasonOf(cluster: ClusterSight, source: RestoreSource): string {
  const { voters } = seenTally(cluster);
  if (hasQuorum(seenTally(cluster))) return `asked for, although etcd is well (${countOf(cluster)})`;
  if (voters === 0) return 'no member of etcd answers';
  return `quorum is lost: ${countOf(cluster)}${source.kind === 'survivor' ? `; ${source.machine} has what is left` : ''}`;
}

function dataLoss(cluster: ClusterSight, source: RestoreSource): readonly Refusal[] {
  const since =
    source.kind === 'survivor'
      ? 'What only the lost members had'
      : `All that was written after ${describe(source)}`;
  return [
    refusal(
      'DataLoss',
      `${since} is gone afterwards${hasQuorum(seenTally(cluster)) ? ', and the cluster is alive now' : ''}; the old data stays on the machines as etcd.failed-… until you remove it`,
    ),
  ];
}

function rejoin(emptied: readonly Step[], without: readonly string[]): readonly Refusal[] {
  const names = [...emptied.flatMap(({ machine }) => machine ?? []), ...without];
  if (names.length === 0) return [];
  return [
    refusal(
      'JoinAgain',
      `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} no part of the restored cluster: run "hansa cluster apply" afterwards to join or replace`,
    ),
  ];
}

function refusal(reason: string, message: string): Refusal {
  return { reason, machine: undefined, field: undefined, message };
}

function namesOf(machines: readonly MachineSpec[]): string {
  return machines.map(({ name }) => name).join(', ');
}

function describe(source: RestoreSource): string {
  switch (source.kind) {
    case 'backup':
      return `the backup ${source.name}`;
    case 'snapshot':
      return `the snapshot ${source.path.split('/').at(-1)} on ${source.machine}`;
    case 'survivor':
      return `the data of ${source.machine}`;
  }
}
