import { Draft, refuse } from './apply/draft.ts';
import { isRegistered } from './apply/register-member.ts';
import { hasTraces, isPlane, type Seat, seatOf } from './apply/seats.ts';
import type { ClusterSpec, MachineSpec } from './cluster-spec.ts';
import type { Observed } from './facts.ts';
import type { JournalRecord } from './journal.ts';
import type { Plan, Refusal } from './steps.ts';

export interface DeleteOptions {
  /** Machines that were on their way out already. */
  readonly leaving?: readonly MachineSpec[];
  /** Names of machines that can't be reached and are left as they are. */
  readonly forgetUnreachable?: readonly string[];
}

/**
 * Takes a whole cluster apart. It leaves the federation first, so that nothing is sent to it while it dies; then workers
 * are reset, then control planes. `Orphan` leaves machines and cluster as they are.
 */
export function planDelete(
  spec: ClusterSpec,
  observed: Observed,
  journal: readonly JournalRecord[] = [],
  { leaving = [], forgetUnreachable = [] }: DeleteOptions = {},
): Plan {
  const draft = new Draft();
  const unregistered = isRegistered(spec, journal)
    ? draft.add({ kind: 'unregister-member', title: 'leave the federation', reason: 'the cluster goes' })
    : undefined;
  if (spec.deletionPolicy === 'Orphan') return { steps: draft.steps, refusals: [], warnings: [] };
  const seats = [...spec.machines, ...leaving].map((machine) => seatOf(machine, { spec, observed, journal }));
  const refusals = seats.flatMap((seat) => refuseAbsent(seat, forgetUnreachable));
  if (refusals.length > 0) return { steps: [], refusals, warnings: [] };
  const foreign = seats.filter((seat) => isForeign(seat, seats));
  const ours = seats.filter((seat) => !foreign.includes(seat));
  const workers = ours.filter((seat) => !isPlane(seat));
  const planes = ours.filter(isPlane);
  const emptied = workers.flatMap((seat) => reset(draft, seat, [unregistered]));
  for (const seat of planes) reset(draft, seat, [unregistered, ...emptied]);
  return {
    steps: draft.steps,
    refusals: [],
    warnings: [
      ...seats.filter(({ facts }) => !facts).map(leftAsItIs),
      ...foreign.map(({ machine }) =>
        refuse('CaMismatch', `${machine.name} is a node of another cluster and is left as it is`, {
          machine: machine.name,
        }),
      ),
    ],
  };
}

function reset(
  draft: Draft,
  { machine, facts }: Seat,
  needs: readonly (string | undefined)[],
): readonly string[] {
  if (!facts || (!hasTraces(facts) && Object.keys(facts.stamps).length === 0)) return [];
  return [
    draft.add({
      kind: 'reset-machine',
      machine: machine.name,
      title: 'reset',
      reason: 'the cluster is deleted',
      needs,
      inputs: { etcdData: 'delete' },
      isDestructive: true,
    }),
  ];
}

/** Its CA is another than that of the first control plane that has one. */
function isForeign({ facts }: Seat, seats: readonly Seat[]): boolean {
  const ca = seats.find((seat) => isPlane(seat) && seat.facts?.kubernetes.caHash)?.facts?.kubernetes.caHash;
  const own = facts?.kubernetes.caHash;
  return ca !== undefined && own !== undefined && own !== ca;
}

function refuseAbsent({ machine, facts, complaint }: Seat, forgotten: readonly string[]): readonly Refusal[] {
  if (forgotten.includes(machine.name)) return [];
  if (facts) {
    // What can't be seen would be left as it is without a word.
    if (facts.isRoot || facts.canSudo) return [];
    return [
      refuse(
        'SudoFailed',
        `${machine.name} can't be reset: its user may not become root; let sudo ask for no password, or put sudo-password into the credential`,
        { machine: machine.name },
      ),
    ];
  }
  return [
    refuse(
      'MachineUnreachable',
      `${machine.name} can't be reached (${complaint}), so it can't be reset: bring it up, or say "--forget-unreachable ${machine.name}" to leave it as it is`,
      { machine: machine.name },
    ),
  ];
}

function leftAsItIs({ machine }: Seat): Refusal {
  return refuse(
    'MachineLeft',
    `${machine.name} can't be reached and is left as it is: reset it before it is used again`,
    {
      machine: machine.name,
    },
  );
}
