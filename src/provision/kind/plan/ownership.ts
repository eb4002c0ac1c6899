import type { JournalRecord } from '../../plan/journal.ts';

/** A container that kind calls a node. */
export interface KindNode {
  readonly name: string;
  readonly id: string;
  readonly role: string;
  readonly isRunning: boolean;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** Whose the containers of a name are. */
export type Ownership =
  | { readonly kind: 'absent' }
  /** They were made here, and somebody removed them. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'ours'; readonly made: JournalRecord }
  /** Our own creation came to no end. */
  | { readonly kind: 'half-made' }
  | { readonly kind: 'foreign'; readonly nodes: readonly KindNode[] };

export const creationStep = 'cluster/init-control-plane';
const deletionStep = 'cluster/reset-machine';

/** Told by the IDs of the containers: a name alone may have been taken by somebody else meanwhile. */
export function ownershipOf(nodes: readonly KindNode[], journal: readonly JournalRecord[]): Ownership {
  const deleted = journal.findLastIndex(({ step, event }) => step === deletionStep && event === 'done');
  const life = journal.slice(deleted + 1).filter(({ step }) => step === creationStep);
  const made = life.findLast(({ event }) => event === 'done');
  if (nodes.length === 0) return made ? { kind: 'gone' } : { kind: 'absent' };
  const known = made?.evidence['nodes']?.split(' ') ?? [];
  if (made && nodes.some(({ id }) => known.includes(id))) return { kind: 'ours', made };
  const intent = life.findLast(({ event }) => event === 'intent');
  const isOpen = intent !== undefined && (!made || life.indexOf(intent) > life.indexOf(made));
  const isSince = nodes.every(({ createdAt }) => Date.parse(createdAt) >= Date.parse(intent?.at ?? ''));
  return isOpen && isSince ? { kind: 'half-made' } : { kind: 'foreign', nodes };
}
