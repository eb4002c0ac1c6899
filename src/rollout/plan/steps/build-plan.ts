import { durationMs } from '../../../api/rollout.hansa.dev/v1alpha1/duration.ts';
import type { RolloutSpec } from '../../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import {
  type LabelSelector,
  type Member,
  matchesSelector,
  placementOf,
  resolveMember,
  selectorProblems,
} from '../../../scheduling/index.ts';
import { chooseClusters } from '../shipper/index.ts';
import type { PlannedStep, PlannedWave, RolloutPlan } from './types.ts';
import { type SpecProblem, validateRollout } from './validate-rollout.ts';

export interface PlanInput {
  readonly name: string;
  readonly namespace: string;
  readonly spec: RolloutSpec;
  readonly members: readonly Member[];
  /** Clusters that the placement of a federated object selects. */
  readonly selected?: readonly string[];
  /** Kind of what is rolled out in the members, where it is known. */
  readonly targetKind?: string;
}

export type Planned =
  | {
      readonly ok: true;
      readonly plan: RolloutPlan;
      /** What is odd but stops nothing: a name that no cluster has. */
      readonly notes: readonly SpecProblem[];
    }
  | { readonly ok: false; readonly problems: readonly SpecProblem[] };

const minuteMs = 60_000;

/** The spec with its defaults filled in and its clusters found. */
export function buildPlan(input: PlanInput): Planned {
  const { name, namespace, spec, targetKind } = input;
  const problems = [...validateRollout(spec, targetKind)];
  const notes: SpecProblem[] = [];
  const chosen = chooseMembers(input, problems, notes);
  const waves = wavesOf(spec, chosen, input.members, problems, notes);
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    notes,
    plan: {
      name,
      namespace,
      mode: modeOf(spec, targetKind),
      steps: stepsOf(spec),
      waves,
      progress: spec.progress ?? 'WaveMajor',
      failurePolicy: spec.failurePolicy ?? 'Pause',
      maxFailedClusters: spec.maxFailedClusters ?? 0,
      progressDeadlineMs: durationMs(spec.progressDeadline, 10 * minuteMs),
      unreachable: {
        graceMs: durationMs(spec.clusterUnreachable?.grace, 5 * minuteMs),
        action: spec.clusterUnreachable?.action ?? 'Wait',
      },
      ignoreIncumbentHealth: spec.ignoreIncumbentHealth ?? false,
      minHealthyPercent: spec.minHealthyPercent ?? 100,
    },
  };
}

/** The mode that is meant where none is named. */
export function modeOf({ mode, source }: RolloutSpec, targetKind?: string): RolloutPlan['mode'] {
  if (mode) return mode;
  if (source.manifests || source.helm) return 'SideBySide';
  const kind = targetKind ?? (source.workloadRef ?? source.federatedRef)?.kind.replace(/^Federated/, '');
  return kind === 'Deployment' || kind === 'DaemonSet' ? 'Gated' : 'InPlace';
}

export function stepsOf({ steps }: Pick<RolloutSpec, 'steps'>): readonly PlannedStep[] {
  if (!steps) {
    return [{ name: 'full', capacity: { contender: 100, incumbent: 0 }, pause: undefined, gates: [] }];
  }
  return steps.map(({ name, capacity, traffic, pause, gates = [] }) => ({
    name,
    capacity: { contender: capacity.contender, incumbent: capacity.incumbent ?? 100 - capacity.contender },
    ...(traffic
      ? { traffic: { contender: traffic.contender, incumbent: traffic.incumbent ?? 100 - traffic.contender } }
      : {}),
    pause: pause
      ? { durationMs: durationMs(pause.duration, 0), approval: pause.approval ?? false }
      : undefined,
    gates,
  }));
}

function chooseMembers(
  { spec, members, selected, name }: PlanInput,
  problems: SpecProblem[],
  notes: SpecProblem[],
): readonly Member[] {
  if (selected) return members.filter((member) => selected.includes(member.name));
  const { placement } = spec;
  if (!placement) return [];
  if (placement.regions && !placement.clusters) {
    const pool = placement.clusterSelector ? withSelector(placement.clusterSelector, members) : members;
    const choice = chooseClusters(
      name,
      { regions: placement.regions },
      pool.map((member) => ({ name: member.name, region: regionOf(member) })),
    );
    if (choice.kind === 'impossible') {
      problems.push({ field: 'spec.placement.regions', message: choice.message });
      return [];
    }
    return members.filter((member) => choice.clusters.includes(member.name));
  }
  const placed = placementOf(placement, members);
  if (placed.kind === 'invalid') {
    problems.push(...placed.problems);
    return [];
  }
  for (const { index, message } of placed.problems) {
    notes.push({ field: `spec.placement.clusters[${index}].name`, message });
  }
  return members.filter((member) => placed.selected.has(member.name));
}

function wavesOf(
  spec: RolloutSpec,
  chosen: readonly Member[],
  all: readonly Member[],
  problems: SpecProblem[],
  notes: SpecProblem[],
): readonly PlannedWave[] {
  const left = new Map<string, Member>(
    chosen.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((member) => [member.name, member]),
  );
  const waves: PlannedWave[] = [];
  for (const [index, wave] of (spec.waves ?? []).entries()) {
    const field = `spec.waves[${index}]`;
    const members: string[] = [];
    const take = (name: string) => {
      if (left.delete(name)) members.push(name);
    };
    for (const [at, written] of (wave.clusters ?? []).entries()) {
      const found = resolveMember(written, all);
      if (found.kind === 'found') take(found.member.name);
      else notes.push({ field: `${field}.clusters[${at}]`, message: found.message });
    }
    if (wave.clusterSelector) {
      const bad = selectorProblems(wave.clusterSelector, `${field}.clusterSelector`);
      problems.push(...bad);
      if (bad.length === 0) {
        for (const member of withSelector(wave.clusterSelector, [...left.values()])) take(member.name);
      }
    }
    waves.push({
      name: wave.name,
      members,
      maxConcurrent: wave.maxConcurrentClusters ?? Math.max(1, members.length),
      soakMs: durationMs(wave.soak, 0),
      gates: wave.gates ?? [],
    });
  }
  // Nobody may be forgotten by a selector that is too narrow.
  if (left.size > 0 || waves.length === 0) {
    waves.push({
      name: unusedName(waves.length === 0 ? 'all' : 'rest', waves),
      members: [...left.keys()],
      maxConcurrent: Math.max(1, left.size),
      soakMs: 0,
      gates: [],
    });
  }
  return waves;
}

function withSelector(selector: LabelSelector, members: readonly Member[]): readonly Member[] {
  return members.filter(({ labels }) => matchesSelector(selector, labels));
}

function regionOf({ labels }: Member): string {
  return labels['region'] ?? labels['topology.kubernetes.io/region'] ?? '';
}

function unusedName(wanted: string, waves: readonly PlannedWave[]): string {
  let name = wanted;
  for (let number = 2; waves.some((wave) => wave.name === name); number++) name = `${wanted}-${number}`;
  return name;
}
