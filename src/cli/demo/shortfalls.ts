import type { DemoCell, DemoRow } from './demo-rows.ts';

/** What the host says of one federated object, for the sentence that explains a shortfall. */
export interface HostWord {
  /** What the condition or the missing status says of the object as a whole. */
  readonly message?: string | undefined;
  /** By member that the object is meant for: the state's name and its message, or undefined where all is well. */
  readonly clusters: ReadonlyMap<string, string | undefined>;
}

/** Which workload in which cluster lacks what, a sentence each. `wordOf` gives what the host says of a row. */
export function shortfallsOf(
  rows: readonly DemoRow[],
  wordOf: (row: DemoRow) => HostWord | undefined,
): readonly string[] {
  const unread = new Set(
    rows.flatMap(({ cells }) => cells.filter(({ state }) => state === 'unread').map(({ member }) => member)),
  );
  return [
    ...[...unread].map((member) => `what ${member} holds could not be read: its API server does not answer`),
    ...rows.flatMap((row) =>
      row.cells.flatMap((cell) => {
        const wrong = whatIsWrong(row, cell);
        return wrong === undefined ? [] : [`${wrong}; ${whatHostSays(cell, wordOf(row))}`];
      }),
    ),
  ];
}

function whatIsWrong(
  { expectation: { kind, namespace, name } }: DemoRow,
  { member, wanted, seen, state }: DemoCell,
): string | undefined {
  const where = `${kind} ${namespace}/${name} in ${member}`;
  const hasPods = kind === 'Deployment';
  switch (state) {
    case 'ready':
    case 'none':
    case 'unread':
      return undefined;
    case 'waiting':
      return hasPods ? `${where} has ${seen} of ${wanted} pods Ready` : `${where} is missing`;
    case 'too-many':
      return hasPods ? `${where} has more than ${wanted} pods` : `${where} should not be there`;
  }
}

function whatHostSays({ member }: DemoCell, word: HostWord | undefined): string {
  if (!word) return 'the federated object is not on the host';
  const said = word.clusters.get(member) ?? word.message;
  if (said) return `the host says: ${said}`;
  return word.clusters.has(member)
    ? 'the host says that the cluster is in sync'
    : 'the host does not mean it for this cluster';
}
