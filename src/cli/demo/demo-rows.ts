import type { Expectation } from './expectations.ts';

/** What one member holds, as its own API server tells. */
export interface MemberView {
  /** Pods that are not being deleted, by the key of their Deployment. */
  readonly pods: ReadonlyMap<string, PodCount>;
  /** Keys of the other objects that Hansa keeps there. */
  readonly objects: ReadonlySet<string>;
}

export interface PodCount {
  readonly ready: number;
  readonly all: number;
}

/** By member; absent until it has been read. */
export type MembersView = ReadonlyMap<string, MemberView>;

/** `unread`: the member could not be read (yet), which is no proof that it holds nothing. */
export type CellState = 'ready' | 'waiting' | 'too-many' | 'none' | 'unread';

/** One workload in one member. */
export interface DemoCell {
  readonly member: string;
  readonly wanted: number;
  readonly seen: number;
  readonly state: CellState;
}

/** One workload and where it stands: a line of the table clusters × workloads. */
export interface DemoRow {
  readonly expectation: Expectation;
  readonly cells: readonly DemoCell[];
  readonly wanted: number;
  readonly seen: number;
  readonly state: 'ready' | 'waiting' | 'too-many';
}

export function objectKey(
  kind: string,
  { namespace = '', name }: { namespace?: string; name: string },
): string {
  return `${kind} ${namespace}/${name}`;
}

/** Lays what the members hold beside what the documents say. */
export function rowsOf(
  expectations: readonly Expectation[],
  members: readonly string[],
  views: MembersView,
): readonly DemoRow[] {
  return expectations.map((expectation) => {
    const cells = members.map((member) => cellOf(expectation, member, views.get(member)));
    return {
      expectation,
      cells,
      wanted: sumOf(cells, ({ wanted }) => wanted),
      seen: sumOf(cells, ({ seen }) => seen),
      state: cells.some(({ state }) => state === 'too-many')
        ? 'too-many'
        : cells.some(({ state }) => state === 'waiting' || state === 'unread')
          ? 'waiting'
          : 'ready',
    };
  });
}

function cellOf(expectation: Expectation, member: string, view: MemberView | undefined): DemoCell {
  const wanted = (expectation.wanted as Readonly<Record<string, number | undefined>>)[member] ?? 0;
  if (!view) return { member, wanted, seen: 0, state: 'unread' };
  const { ready, all } = countIn(view, expectation);
  return { member, wanted, seen: ready, state: stateOf({ wanted, ready, all }) };
}

function countIn({ pods, objects }: MemberView, expectation: Expectation): PodCount {
  const key = objectKey(expectation.kind, expectation);
  if (expectation.kind === 'Deployment') return pods.get(key) ?? { ready: 0, all: 0 };
  const there = objects.has(key) ? 1 : 0;
  return { ready: there, all: there };
}

function stateOf({ wanted, ready, all }: PodCount & { readonly wanted: number }): CellState {
  // A pod that isn't Ready counts here: it is one more than the documents ask for.
  if (all > wanted) return 'too-many';
  if (ready < wanted) return 'waiting';
  return wanted === 0 ? 'none' : 'ready';
}

/** Whether the members hold exactly what the documents say. */
export function isComplete(rows: readonly DemoRow[]): boolean {
  return rows.every(({ state }) => state === 'ready');
}

export interface PodTotals {
  readonly ready: number;
  readonly wanted: number;
}

export function podTotals(rows: readonly DemoRow[]): PodTotals {
  const deployments = rows.filter(({ expectation }) => expectation.kind === 'Deployment');
  return {
    ready: sumOf(deployments, ({ seen }) => seen),
    wanted: sumOf(deployments, ({ wanted }) => wanted),
  };
}

function sumOf<T>(items: readonly T[], valueOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + valueOf(item), 0);
}
