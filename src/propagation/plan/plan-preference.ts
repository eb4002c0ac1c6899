import type {
  FederatedHub,
  HubClusterOverride,
  HubOverride,
  HubPlacement,
  PreferenceSpec,
} from '../../api/hub.ts';
import {
  divideReplicas,
  explainDivision,
  type Member,
  mergeReplicaOverrides,
  placementOf,
  resolveMember,
} from '../../scheduling/index.ts';
import type { WorkloadCount } from './count-pods.ts';

/** What a preference changed in its target's spec; kept on the target, so that it can be taken back. */
export interface ScheduledNote {
  /** The placement as the user had it. */
  readonly placement: HubPlacement;
  /** The user's own overrides of replicas, by the name they had in the spec. */
  readonly replicaOverrides: Readonly<Record<string, unknown>>;
  /** What the preference set, by member. */
  readonly replicas: Readonly<Record<string, number>>;
}

export interface PreferenceInput {
  readonly spec: PreferenceSpec;
  readonly target: FederatedHub;
  readonly note: ScheduledNote | undefined;
  /** Placement of the FederatedNamespace, for intersectWithClusterSelector. */
  readonly namespacePlacement: HubPlacement | undefined;
  /** Ready members only. */
  readonly members: readonly Member[];
  /** What runs where, by member. */
  readonly counts: ReadonlyMap<string, WorkloadCount>;
  /** `namespace/name` of the target: the planner breaks ties with it. */
  readonly key: string;
  /** Target and preference were made together: what already runs is half a creation, not something to keep. */
  readonly isNew?: boolean;
}

export type PreferencePlan =
  | {
      readonly kind: 'planned';
      readonly placement: HubPlacement;
      readonly overrides: readonly HubOverride[];
      readonly note: ScheduledNote;
      readonly replicas: Readonly<Record<string, number>>;
      readonly overflow: Readonly<Record<string, number>>;
      readonly unplaced: number;
      readonly because: Readonly<Record<string, string>>;
      readonly problems: readonly { readonly field: string; readonly message: string }[];
    }
  | { readonly kind: 'no-cluster'; readonly message: string };

/** Divides the replicas and tells what the target's spec shall be, as KubeFed's RSP controller does. */
export function planPreference(input: PreferenceInput): PreferencePlan {
  const { spec, note, members, counts, key, isNew = false } = input;
  const target = withMemberNames(input.target, members);
  if (members.length === 0) return { kind: 'no-cluster', message: 'no joined cluster is ready' };
  const candidates = spec.intersectWithClusterSelector ? intersect(input) : members;
  if (candidates.length === 0) {
    return {
      kind: 'no-cluster',
      message: `no ready cluster is selected by both the clusterSelector of ${target.metadata.name} and of its FederatedNamespace`,
    };
  }
  const { clusters, problems } = byMemberName(spec.clusters, members);
  const names = candidates.map(({ name }) => name);
  const currentReplicas: Record<string, number> = {};
  const estimatedCapacity: Record<string, number> = {};
  for (const name of names) {
    const count = counts.get(name);
    // What a member was given is its own, whether or not it got round to it: a plan made while members still carry out
    // the last one would else take the slow one's share away. More than that is drift, about to be repaired.
    const given = note?.replicas[name];
    if (given !== undefined) currentReplicas[name] = Math.min(given, count?.capacity ?? given);
    else if (count && !isNew) currentReplicas[name] = count.current;
    if (count?.capacity !== undefined) estimatedCapacity[name] = count.capacity;
  }
  const input_ = { spec: { ...spec, clusters }, clusters: names, currentReplicas, estimatedCapacity, key };
  const { plan, overflow } = divideReplicas(input_);
  const replicas: Record<string, number> = {};
  for (const name of Object.keys(plan).sort()) replicas[name] = (plan[name] ?? 0) + (overflow[name] ?? 0);
  const placedNow = Object.values(plan).reduce((sum, value) => sum + value, 0);
  const mine = noteFor(target, note);
  return {
    kind: 'planned',
    replicas,
    overflow,
    unplaced: Math.max(0, spec.totalReplicas - placedNow),
    because: explainDivision(input_),
    problems,
    placement: { ...mine.placement, clusters: Object.keys(replicas).map((name) => ({ name })) },
    overrides: mergeReplicaOverrides(target.overrides, replicas, target.overrideStyle),
    note: { ...mine, replicas },
  };
}

/** The spec without what the preference changed. */
export function undoPreference(
  target: FederatedHub,
  note: ScheduledNote,
): Pick<FederatedHub, 'placement' | 'overrides'> {
  const isOurs = sameClusters(target.placement, note.replicas);
  const path = replicasPath(target.overrideStyle);
  const overrides: HubOverride[] = [];
  for (const entry of target.overrides) {
    const name = entry.clusterName;
    if (name === undefined || !Object.hasOwn(note.replicas, name)) {
      overrides.push(entry);
      continue;
    }
    const kept = entry.clusterOverrides.flatMap((override) => {
      if (override.path !== path || override.value !== note.replicas[name]) return [override];
      return Object.hasOwn(note.replicaOverrides, name)
        ? [{ ...override, value: note.replicaOverrides[name] }]
        : [];
    });
    overrides.push({ ...entry, clusterOverrides: kept });
  }
  for (const [name, value] of droppedOverrides(note)) putBack(overrides, name, { path, value });
  return {
    placement: isOurs ? note.placement : target.placement,
    // Those emptied now, and those emptied when their cluster left the plan.
    overrides: overrides.filter(
      ({ clusterName, clusterOverrides }) => clusterName === undefined || clusterOverrides.length > 0,
    ),
  };
}

/** The user's replicas for clusters that the plan had no number for, and whose override therefore went. */
function droppedOverrides(note: ScheduledNote): readonly (readonly [string, unknown])[] {
  return Object.entries(note.replicaOverrides).filter(([name]) => !Object.hasOwn(note.replicas, name));
}

function putBack(overrides: HubOverride[], name: string, override: HubClusterOverride): void {
  const at = overrides.findIndex(({ clusterName }) => clusterName === name);
  const entry = overrides[at];
  if (!entry) overrides.push({ clusterName: name, clusterOverrides: [override] });
  else if (!entry.clusterOverrides.some(({ path }) => path === override.path)) {
    overrides[at] = { ...entry, clusterOverrides: [...entry.clusterOverrides, override] };
  }
}

/** The user's own part of the spec: from the note while the spec is as the preference left it, else as it is now. */
function noteFor(target: FederatedHub, note: ScheduledNote | undefined): Omit<ScheduledNote, 'replicas'> {
  const path = replicasPath(target.overrideStyle);
  // What was dropped with a cluster that left the plan stands only in the note.
  const own: Record<string, unknown> = Object.fromEntries(note ? droppedOverrides(note) : []);
  for (const { clusterName, clusterOverrides } of target.overrides) {
    if (clusterName === undefined) continue;
    const value = clusterOverrides.find((override) => override.path === path)?.value;
    if (value === undefined) continue;
    if (note && note.replicas[clusterName] === value) {
      if (Object.hasOwn(note.replicaOverrides, clusterName))
        own[clusterName] = note.replicaOverrides[clusterName];
    } else {
      own[clusterName] = value;
    }
  }
  const placement = note && sameClusters(target.placement, note.replicas) ? note.placement : target.placement;
  return { placement, replicaOverrides: own };
}

function sameClusters({ clusters }: HubPlacement, replicas: Readonly<Record<string, number>>): boolean {
  const names = Object.keys(replicas);
  return clusters?.length === names.length && clusters.every(({ name }) => Object.hasOwn(replicas, name));
}

/** KubeFed looks at both selectors only here; both `clusters` lists are passed over. */
function intersect({ target, note, namespacePlacement, members }: PreferenceInput): readonly Member[] {
  const { clusterSelector } = noteFor(target, note).placement;
  const select = (selector: HubPlacement['clusterSelector']) => {
    const placed = placementOf(selector ? { clusterSelector: selector } : {}, members);
    return placed.kind === 'placed' ? placed.selected : new Set();
  };
  const own = select(clusterSelector);
  const outer = select(namespacePlacement?.clusterSelector);
  return members.filter(({ name }) => own.has(name) && outer.has(name));
}

/** Overrides by the members' own names: beside an entry by alias, a second one for its replicas would be an error. */
function withMemberNames(target: FederatedHub, members: readonly Member[]): FederatedHub {
  const overrides = target.overrides.map((entry) => {
    if (entry.clusterName === undefined) return entry;
    const found = resolveMember(entry.clusterName, members);
    return found.kind === 'found' ? { ...entry, clusterName: found.member.name } : entry;
  });
  return { ...target, overrides };
}

/** Preferences by the members' own names; `*` stays. A name that leads nowhere is told, not guessed. */
function byMemberName(
  clusters: PreferenceSpec['clusters'],
  members: readonly Member[],
): {
  readonly clusters: PreferenceSpec['clusters'];
  readonly problems: { field: string; message: string }[];
} {
  const resolved: Record<string, PreferenceSpec['clusters'][string]> = {};
  const problems: { field: string; message: string }[] = [];
  for (const [written, preference] of Object.entries(clusters)) {
    if (written === '*') {
      resolved['*'] = preference;
      continue;
    }
    const found = resolveMember(written, members);
    if (found.kind === 'found') {
      if (Object.hasOwn(resolved, found.member.name)) {
        problems.push({
          field: `spec.clusters.${written}`,
          message: `names ${found.member.name} a second time`,
        });
      }
      resolved[found.member.name] = preference;
    } else {
      problems.push({ field: `spec.clusters.${written}`, message: found.message });
      // Kept, so that an empty result isn't read as "all clusters alike".
      resolved[written] = preference;
    }
  }
  return { clusters: resolved, problems };
}

export function replicasPath(style: FederatedHub['overrideStyle']): string {
  return style === 'dotted' ? 'spec.replicas' : '/spec/replicas';
}
