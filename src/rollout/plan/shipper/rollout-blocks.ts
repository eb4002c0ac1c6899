import { byBytes } from './byte-order.ts';

/** Names as `namespace/name`, each once, in order. */
export type ObjectNames = readonly string[];

/** Reads names with commas between them. No blanks are taken off: Shipper knows none. */
export function readObjectNames(text: string | undefined): ObjectNames {
  return uniqueNames((text ?? '').split(',').filter((name) => name !== ''));
}

export function formatObjectNames(names: ObjectNames): string {
  return uniqueNames(names).join(',');
}

export function uniqueNames(names: readonly string[]): ObjectNames {
  return [...new Set(names)].toSorted(byBytes);
}

/** Names of the first that the second does not have. */
export function namesWithout(names: ObjectNames, others: ObjectNames): ObjectNames {
  return uniqueNames(names.filter((name) => !others.includes(name)));
}

export type BlockVerdict =
  | { readonly kind: 'free'; readonly overridden: ObjectNames }
  | { readonly kind: 'blocked'; readonly by: ObjectNames; readonly message: string }
  /** An override names a block that is not there: perhaps another is meant, so that nothing moves. */
  | { readonly kind: 'invalid-override'; readonly missing: ObjectNames; readonly message: string };

/** Whether RolloutBlocks of the namespace and global ones hold an object up, whose overrides pass some. */
export function judgeBlocks(existing: readonly string[], overrides: ObjectNames): BlockVerdict {
  const missing = namesWithout(overrides, existing);
  if (missing.length > 0) {
    const message = `rollout block with name "${formatObjectNames(missing)}" does not exist`;
    return { kind: 'invalid-override', missing, message };
  }
  const by = namesWithout(existing, overrides);
  if (by.length > 0) {
    return { kind: 'blocked', by, message: `rollout block(s) with name(s) "${formatObjectNames(by)}" exist` };
  }
  return { kind: 'free', overridden: uniqueNames(overrides) };
}

/** The Application's annotation with what its Release overrides, too. */
export function mergeOverrides(ofApplication: string | undefined, ofRelease: string | undefined): string {
  return formatObjectNames([...readObjectNames(ofApplication), ...readObjectNames(ofRelease)]);
}
