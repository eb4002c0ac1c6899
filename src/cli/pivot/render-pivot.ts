import type { PivotResult } from '../../provision/index.ts';

/** What became of a move, for people. */
export function renderPivot({ namespace, name, done, to, moved }: PivotResult): string {
  const cluster = `cluster ${namespace}/${name}`;
  const what = `${moved.objects} objects, ${moved.secrets} Secrets, the journal of ${moved.operations} operations`;
  switch (done) {
    case 'moved':
      return `✓ ${cluster} is kept in ${to} now (${what})`;
    case 'finished':
      return `✓ ${cluster} is kept in ${to} now: a move that had broken off is at its end`;
    case 'was-there':
      return `✓ ${cluster} is kept in ${to} already`;
    case 'nothing-dry-run':
      return moved.objects > 0
        ? `Dry run: ${cluster} can be moved to ${to} (${what})`
        : `Dry run: the move of ${cluster} to ${to} that broke off would be brought to its end`;
  }
}
