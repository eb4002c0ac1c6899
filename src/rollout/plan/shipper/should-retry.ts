export type Failure =
  /** An answer of an API server. */
  | {
      readonly kind: 'api';
      readonly code: number | undefined;
      /** Resource that the answer is about, in the plural. */
      readonly resource?: string;
      readonly causes?: readonly string[];
    }
  /** Something that is known to mend itself, or not to. */
  | { readonly kind: 'known'; readonly retry: boolean }
  | { readonly kind: 'several'; readonly failures: readonly Failure[] }
  | { readonly kind: 'unknown' };

const final: readonly number[] = [400, 403, 404, 405, 410, 422];

/** Whether trying again may help. What nobody has classified yet is tried again rather than given up. */
export function shouldRetry(failure: Failure): boolean {
  switch (failure.kind) {
    case 'known':
      return failure.retry;
    case 'several':
      return failure.failures.some(shouldRetry);
    case 'unknown':
      return true;
    case 'api': {
      const { code, resource, causes = [] } = failure;
      if (code === undefined) return true;
      // A namespace that is going away, or gone, may be made anew.
      if (code === 403 && causes.includes('NamespaceTerminating')) return true;
      if (code === 404 && resource === 'namespaces') return true;
      return !final.includes(code);
    }
  }
}
