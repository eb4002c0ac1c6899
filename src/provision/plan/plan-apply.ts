import {
  refuseAbsent,
  refuseEndpoint,
  refuseFenced,
  refuseMoved,
  refuseNodeOfOthers,
  refuseOpenRestore,
  refuseOtherCa,
  refuseOtherRole,
  refuseUnreachable,
  warnUnreachable,
} from './apply/check-machines.ts';
import { refuseImmutable } from './apply/configuration.ts';
import { refuse } from './apply/draft.ts';
import { orderMoves } from './apply/membership.ts';
import { clusterCa, isPlane, isSamePlace, type Seat, type Sights, seatOf } from './apply/seats.ts';
import { type Stage, stageOf, type Up } from './apply/stage.ts';
import { absentLearners, straysOf } from './apply/strays.ts';
import { StepWriter } from './apply/write-steps.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from './cluster-spec.ts';
import { noSpaceComplaint } from './etcd-alarms.ts';
import type { Observed } from './facts.ts';
import type { JournalRecord } from './journal.ts';
import { preflight } from './preflight.ts';
import { evenCountComplaint } from './quorum.ts';
import type { Plan, Refusal } from './steps.ts';
import { planUpgrade } from './upgrade.ts';
import { readVersion } from './version.ts';

export { type DeleteOptions, planDelete } from './plan-delete.ts';

export interface ApplyOptions {
  /** Machines that were in the cluster and are no more in its spec. */
  readonly leaving: readonly MachineSpec[];
  /** Versions that the bundle at hand holds; undefined: another version than that of the cluster is refused. */
  readonly available?: readonly string[];
  /** Names of machines that can't be reached and, as a person says, are switched off for good. */
  readonly forgetUnreachable?: readonly string[];
  /** A host of a federation is at hand; default true. Without one nothing joins and nothing leaves, and that is told. */
  readonly hasHost?: boolean;
}

/**
 * Brings machines and cluster to the spec: makes it, adds machines, takes machines out, mends what drifted. One family of
 * changes at a time: what leaves and what is stale goes first if the version differs too, then comes the upgrade, then
 * what joins; each is a plan of its own, and the next apply goes on.
 *
 * *Guarantees*: control planes join and leave one at a time, and never what could cost quorum; what is as it should be
 * gets no step; no cluster is made over one that was there; nothing is planned on what could not be seen.
 */
export function planApply(
  spec: ClusterSpec,
  observed: Observed,
  journal: readonly JournalRecord[],
  options: ApplyOptions,
): Plan {
  const plan = planAll(spec, observed, journal, options);
  return options.hasHost === false ? withoutHost(plan, spec) : plan;
}

function withoutHost(plan: Plan, { name, register }: ClusterSpec): Plan {
  const needsHost = plan.steps.filter(
    ({ kind }) => kind === 'register-member' || kind === 'unregister-member',
  );
  if (needsHost.length === 0) return plan;
  return {
    ...plan,
    steps: plan.steps.filter((step) => !needsHost.includes(step)),
    warnings: [
      ...plan.warnings,
      refuse(
        'NoHost',
        `cluster ${name} is to ${register ? 'join' : 'leave'} the federation, and no host was named: say --host-kubeconfig or --host-context`,
        { field: 'spec.register' },
      ),
    ],
  };
}

function planAll(
  spec: ClusterSpec,
  observed: Observed,
  journal: readonly JournalRecord[],
  options: ApplyOptions,
): Plan {
  const sights: Sights = { spec, observed, journal };
  const seats = spec.machines.map((machine) => seatOf(machine, sights));
  const leavers = options.leaving
    .map((machine) => seatOf(machine, sights))
    // The machine has another name now and is the same node: nothing leaves.
    .filter((leaver) => !seats.some((seat) => isRenamed(leaver, seat)));
  const looked = preflight(spec, observed, ({ name }) =>
    seats.some(({ machine, lack }) => machine.name === name && lack === undefined),
  );
  const warnings = [...evenCountWarning(spec), ...looked.warnings];
  const early = [...refuseEarly(sights), ...looked.refusals];
  if (early.length > 0) return refused(early, warnings);
  const stage = stageOf(seats, sights);
  switch (stage.kind) {
    case 'refused':
      return refused([stage.refusal], warnings);
    case 'to-make':
      return planCreation({ sights, seats, leavers, stage, warnings });
    case 'up':
      return planChange({ sights, seats, leavers, stage, options, warnings });
  }
}

function refused(refusals: readonly Refusal[], warnings: readonly Refusal[] = []): Plan {
  return { steps: [], refusals, warnings };
}

function refuseEarly({ spec, observed, journal }: Sights): readonly Refusal[] {
  if (spec.paused) {
    return [
      refuse('Paused', `cluster ${spec.name} is paused: take spec.paused back to go on`, {
        field: 'spec.paused',
      }),
    ];
  }
  return refuseOpenRestore(observed.cluster, journal);
}

function evenCountWarning(spec: ClusterSpec): readonly Refusal[] {
  const complaint =
    spec.etcd.kind === 'external' ? undefined : evenCountComplaint(controlPlanes(spec).length);
  return complaint === undefined ? [] : [refuse('EvenControlPlanes', complaint, { field: 'spec.machines' })];
}

function isRenamed(leaver: Seat, seat: Seat): boolean {
  return (
    leaver.machine.nodeName === seat.machine.nodeName &&
    leaver.machine.role === seat.machine.role &&
    leaver.machine.ssh.host === seat.machine.ssh.host &&
    leaver.machine.ssh.port === seat.machine.ssh.port
  );
}

interface Work<S extends Stage['kind']> {
  readonly sights: Sights;
  readonly seats: readonly Seat[];
  readonly leavers: readonly Seat[];
  readonly stage: Extract<Stage, { readonly kind: S }>;
  readonly warnings: readonly Refusal[];
}

/** All of it or nothing: every machine must be there, and nobody else's. */
function planCreation({ sights, seats, leavers, stage, warnings }: Work<'to-make'>): Plan {
  const { journal } = sights;
  const refusals = seats.flatMap((seat) => [
    ...refuseUnreachable(seat),
    ...(leavers.some((leaver) => isSamePlace(leaver, seat)) ? [] : refuseNodeOfOthers(seat, journal)),
  ]);
  if (refusals.length > 0) return refused(refusals, warnings);
  // Of an attempt with other machines than now; there is no cluster that they could be part of.
  const tried = leavers.filter((leaver) => refuseNodeOfOthers(leaver, journal).length === 0);
  const steps = new StepWriter(sights, seats, stage).make(stage.first, tried);
  return { steps, refusals: [], warnings };
}

interface Change extends Work<'up'> {
  readonly options: ApplyOptions;
}

function planChange(change: Change): Plan {
  const { sights, seats, leavers, stage, options } = change;
  const { spec } = sights;
  const refusals = refuseChange(change);
  if (refusals.length > 0) return refused(refusals, change.warnings);
  const isEtcdExternal = spec.etcd.kind === 'external';
  const strays = straysOf(stage.cluster, [...seats, ...leavers], {
    journal: sights.journal,
    forgotten: new Set(options.forgetUnreachable),
    isEtcdExternal,
  });
  const warnings = [...change.warnings, ...seats.flatMap(warnUnreachable), ...strays.warnings];
  const isOutdated = seats.some((seat) => hasOtherVersion(seat, stage.cluster, spec.version));
  const toJoin = seats.filter(({ lack, facts }) => lack !== undefined && facts);
  const joins = isOutdated ? [] : toJoin.filter(isPlane);
  const leaves = leavers.filter(isPlane);
  const order = orderMoves({
    members: stage.cluster.members,
    isEtcdExternal,
    joined: [...seats, ...leavers].filter((seat) => isPlane(seat) && seat.lack === undefined).length,
    joins,
    leaves,
    drops: [...strays.drops, ...(joins.length + leaves.length > 0 ? absentLearners(seats) : [])],
  });
  if (order.kind === 'refused') return refused([order.refusal], warnings);
  const writer = new StepWriter(sights, seats, stage);
  const steps = writer.change({
    moves: order.moves,
    leavers,
    nodes: strays.nodes,
    toJoin: isOutdated ? [] : toJoin,
    keeps: !isOutdated,
  });
  if (!isOutdated) return { steps, refusals: [], warnings };
  if (steps.length > 0) return { steps, refusals: [], warnings: [...warnings, upgradeWaits(spec)] };
  if (!options.available)
    return refused(
      seats.flatMap((seat) => refuseVersion(seat, stage.cluster, spec)),
      warnings,
    );
  const upgrade = upgradeOf(change, toJoin);
  return { ...upgrade, warnings: [...warnings, ...upgrade.warnings] };
}

function refuseChange({ sights, seats, leavers, stage, options }: Change): readonly Refusal[] {
  const { spec, observed, journal } = sights;
  const ca = clusterCa([...seats, ...leavers], observed);
  const forgotten = new Set(options.forgetUnreachable);
  return [
    ...refuseImmutable(spec, stage.cluster.configuration),
    ...refuseFull(stage.cluster),
    ...seats.flatMap((seat) =>
      leavers.some((leaver) => isSamePlace(leaver, seat))
        ? []
        : [
            ...refuseOtherCa(seat, ca),
            ...refuseOtherRole(seat),
            ...refuseMoved(seat),
            ...refuseFenced(seat, journal),
          ],
    ),
    ...leavers.flatMap((leaver) => [
      ...refuseOtherCa(leaver, ca),
      ...refuseAbsent(leaver, forgotten),
      ...refuseEndpoint(leaver, spec),
    ]),
  ];
}

/** Hansa's own steps write to the cluster, too. */
function refuseFull({ members }: Up): readonly Refusal[] {
  const full = noSpaceComplaint(members);
  if (!full) return [];
  return [refuse('EtcdFull', `${full.why}. As root on a control plane: ${full.command}`)];
}

function hasOtherVersion(seat: Seat, cluster: Up, version: string): boolean {
  return otherVersionOf(seat, cluster, version) !== undefined;
}

/** Only of what can be reached: the one that can't be holds up nothing but itself. */
function otherVersionOf(
  { machine, node, lack, facts }: Seat,
  { apiServers }: Up,
  version: string,
): string | undefined {
  if (lack !== undefined || !facts) return undefined;
  return [node?.kubeletVersion, apiServers[machine.name]]
    .flatMap((text) => (text === undefined ? [] : (readVersion(text)?.text ?? text)))
    .find((text) => text !== version);
}

function refuseVersion(seat: Seat, cluster: Up, { version }: ClusterSpec): readonly Refusal[] {
  const is = otherVersionOf(seat, cluster, version);
  if (is === undefined) return [];
  return [
    refuse(
      'UpgradeNeeded',
      `runs Kubernetes ${is}; upgrades are not offered here: set spec.version to ${is}`,
      { machine: seat.machine.name, field: 'spec.version' },
    ),
  ];
}

/** Machines that have yet to join do so afterwards, at the new version. */
function upgradeOf({ sights: { spec, observed, journal }, options }: Change, toJoin: readonly Seat[]): Plan {
  const later = new Set(toJoin.map(({ machine }) => machine.name));
  const machines = spec.machines.filter(({ name }) => !later.has(name));
  const plan = planUpgrade({ ...spec, machines }, observed, journal, {
    version: spec.version,
    available: options.available ?? [],
  });
  if (later.size === 0) return plan;
  const names = [...later].join(', ');
  return {
    ...plan,
    warnings: [
      refuse('JoinsAfterUpgrade', `${names} will join after the upgrade: apply again then`),
      ...plan.warnings,
    ],
  };
}

function upgradeWaits({ version }: ClusterSpec): Refusal {
  return refuse('UpgradeNeeded', `the upgrade to ${version} comes after this: apply again then`, {
    field: 'spec.version',
  });
}
