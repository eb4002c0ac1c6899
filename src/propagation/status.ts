import type { MemberState, PropagationReason } from '../api/names.ts';
import type { Outcome } from './outcome.ts';

export interface FederatedCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly lastUpdateTime?: string;
  readonly lastTransitionTime?: string;
}

export interface MemberStatus {
  readonly name: string;
  /** Absent = the member holds what it should. */
  readonly status?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  /** What was last put in place; opaque to users. */
  readonly version?: string;
  readonly replicas?: number;
  readonly readyReplicas?: number;
}

export interface FederatedStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly FederatedCondition[];
  readonly clusters?: readonly MemberStatus[];
  readonly summary?: StatusSummary;
}

export interface StatusSummary {
  readonly selected: number;
  readonly inSync: number;
  readonly failing: number;
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly text: string;
}

/** What one member adds to the status of a federated object. */
export interface MemberLine {
  readonly name: string;
  /** Placement wants the object there. */
  readonly selected: boolean;
  /** False takes the outcome's place: what it says is from before the member was lost. */
  readonly ready:
    | { readonly ok: true }
    | { readonly ok: false; readonly message: string; readonly sinceMs: number };
  readonly outcome: Outcome | undefined;
  readonly replicas?: number;
  readonly readyReplicas?: number;
}

/** Names in the placement that lead to no member, or members it selects but may not have. */
export interface PlacementNote {
  readonly name: string;
  readonly status: MemberState;
  readonly message: string;
}

export interface StatusInput {
  readonly generation: number;
  readonly before: FederatedStatus | undefined;
  /** Something that concerns the whole object, and goes before what single members say. */
  readonly trouble: { readonly reason: PropagationReason; readonly message: string } | undefined;
  readonly lines: readonly MemberLine[];
  readonly notes: readonly PlacementNote[];
  readonly hasReplicas: boolean;
  readonly deleting: boolean;
  readonly nowMs: number;
}

/** The status to show. Times are kept where the state is the same, so that equal states give equal objects. */
export function statusOf(input: StatusInput): FederatedStatus {
  const { before, lines, notes, trouble, nowMs } = input;
  const known = new Map(before?.clusters?.map((entry) => [entry.name, entry]));
  const clusters = [
    ...lines.flatMap((line) => entryOf(line, known.get(line.name), input)),
    ...notes.map((note) => ({
      name: note.name,
      status: note.status,
      message: note.message,
      lastTransitionTime: timeKept(known.get(note.name), note.status) ?? timestamp(nowMs),
    })),
  ].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const failing = clusters.filter(({ status }) => status !== undefined);
  const condition = conditionOf(trouble, failing, input, clusters);
  return {
    observedGeneration: input.generation,
    conditions: [condition],
    clusters,
    summary: summaryOf(input, clusters),
  };
}

function entryOf(line: MemberLine, old: MemberStatus | undefined, input: StatusInput): MemberStatus[] {
  const state = stateOf(line, input);
  if (!state) return [];
  const version = line.outcome?.kind === 'in-place' ? line.outcome.version : old?.version;
  return [
    {
      name: line.name,
      ...(state.status ? { status: state.status, message: state.message } : {}),
      lastTransitionTime: timeKept(old, state.status) ?? timestamp(state.sinceMs),
      // Kept while the member is away, so that its return needs no write if nothing changed.
      ...(version ? { version } : {}),
      ...(line.replicas === undefined ? {} : { replicas: line.replicas }),
      ...(line.readyReplicas === undefined ? {} : { readyReplicas: line.readyReplicas }),
    },
  ];
}

interface State {
  readonly status?: string;
  readonly message?: string;
  readonly sinceMs: number;
}

function stateOf({ selected, ready, outcome }: MemberLine, { nowMs }: StatusInput): State | undefined {
  // A member that never held the object and is not to hold it has nothing to say, ready or not.
  if (!selected && !outcome) return undefined;
  if (!ready.ok) return { status: 'ClusterNotReady', message: ready.message, sinceMs: ready.sinceMs };
  if (!outcome) {
    return { status: 'Waiting', message: 'the first write to this cluster is under way', sinceMs: nowMs };
  }
  switch (outcome.kind) {
    case 'in-place':
      return { sinceMs: outcome.sinceMs };
    case 'waiting':
    case 'failed':
      return { status: outcome.status, message: outcome.message, sinceMs: outcome.sinceMs };
  }
}

function timeKept(old: MemberStatus | undefined, status: string | undefined): string | undefined {
  return old && old.status === status ? old.lastTransitionTime : undefined;
}

function conditionOf(
  trouble: StatusInput['trouble'],
  failing: readonly MemberStatus[],
  { before, nowMs, deleting }: StatusInput,
  clusters: readonly MemberStatus[],
): FederatedCondition {
  const now = timestamp(nowMs);
  const fresh: Pick<FederatedCondition, 'status' | 'reason' | 'message'> = trouble
    ? { status: 'False', ...trouble }
    : failing.length > 0
      ? {
          status: 'False',
          reason: deleting ? 'DeletionBlocked' : 'CheckClusters',
          message: sentenceOf(failing),
        }
      : { status: 'True' };
  const old = before?.conditions?.find(({ type }) => type === 'Propagation');
  const sameState = old?.status === fresh.status && old.reason === fresh.reason;
  const sameAll =
    sameState && old.message === fresh.message && sameWithoutReplicas(before?.clusters ?? [], clusters);
  return {
    type: 'Propagation',
    ...fresh,
    lastUpdateTime: (sameAll && old.lastUpdateTime) || now,
    lastTransitionTime: (sameState && old.lastTransitionTime) || now,
  };
}

/** The first trouble in words, and how many more there are: what a person wants to read first. */
function sentenceOf(failing: readonly MemberStatus[]): string {
  const [first] = failing;
  if (!first) return '';
  const rest = failing.length - 1;
  return `${first.name}: ${first.message ?? first.status}${rest > 0 ? ` (and ${rest} more in status.clusters)` : ''}`;
}

function sameWithoutReplicas(a: readonly MemberStatus[], b: readonly MemberStatus[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, i) => {
      const other = b[i];
      return entry.name === other?.name && entry.status === other.status && entry.version === other.version;
    })
  );
}

function summaryOf(
  { lines, notes, hasReplicas }: StatusInput,
  clusters: readonly MemberStatus[],
): StatusSummary {
  const selectedNames = new Set(lines.filter(({ selected }) => selected).map(({ name }) => name));
  const selected = selectedNames.size + notes.length;
  const inSync = clusters.filter(
    ({ name, status }) => status === undefined && selectedNames.has(name),
  ).length;
  const failing = clusters.filter(({ status }) => status !== undefined && status !== 'Waiting').length;
  const total = (field: 'replicas' | 'readyReplicas') =>
    clusters.reduce((sum, entry) => sum + (entry[field] ?? 0), 0);
  return {
    selected,
    inSync,
    failing,
    ...(hasReplicas ? { replicas: total('replicas'), readyReplicas: total('readyReplicas') } : {}),
    text: `${inSync}/${selected}`,
  };
}

export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Equality of what is shown; a status that differs in nothing is not written. */
export function sameStatus(a: FederatedStatus | undefined, b: FederatedStatus): boolean {
  return a !== undefined && canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
