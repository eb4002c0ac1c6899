/** What of a RolloutBlock counts. */
export interface Block {
  readonly namespace: string;
  readonly name: string;
  readonly message: string | undefined;
}

/** Blocks in here stop rollouts of every namespace. Shipper's name for it. */
export const globalBlocksNamespace = 'rollout-blocks-global';

/** A sentence on the RolloutBlocks in the way; undefined where none is. */
export function blockedBy(
  blocks: readonly Block[],
  { namespace, override = [] }: { readonly namespace: string; readonly override?: readonly string[] },
): string | undefined {
  const inTheWay = blocks
    .filter((block) => block.namespace === namespace || block.namespace === globalBlocksNamespace)
    .map((block) => ({ ...block, key: `${block.namespace}/${block.name}` }))
    .filter(({ key }) => !override.includes(key))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  if (inTheWay.length === 0) return undefined;
  const names = inTheWay.map(({ key, message }) => `"${key}"${message ? ` (${message})` : ''}`).join(', ');
  return `blocked by RolloutBlock ${names}: delete it, or name it in spec.blocks.override`;
}
