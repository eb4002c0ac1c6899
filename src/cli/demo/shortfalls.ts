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
  return rows.flatMap((row) =>
    row.cells
      .filter(({ state }) => state === 'waiting' || state === 'too-many')
      .map((cell) => `${whatIsWrong(row, cell)}; ${whatHostSays(cell, wordOf(row))}`),
  );
}

function whatIsWrong({ expectation }: DemoRow, { member, wanted, seen, state }: DemoCell): string {
  const { kind, namespace, name } = expectation;
  const where = `${kind} ${namespace}/${name} in ${member}`;
  if (state === 'too-many') {
    return kind === 'Deployment'
      ? `${where} has more than the ${wanted} pods of the documents (${seen} Ready)`
      : `${where} should not be there`;
  }
  if (wanted === 0) return `${where} could not be read`;
  return kind === 'Deployment' ? `${where} has ${seen} of ${wanted} pods Ready` : `${where} is missing`;
}

function whatHostSays({ member }: DemoCell, word: HostWord | undefined): string {
  if (!word) return 'the federated object is not on the host';
  const said = word.clusters.get(member) ?? word.message;
  if (said) return `the host says: ${said}`;
  return word.clusters.has(member)
    ? 'the host says that the cluster is in sync'
    : 'the host does not mean it for this cluster';
}
