import { join } from 'node:path';
import { takeLock } from './lock.ts';

/** Longer than a start takes on a busy machine; the other way is to end whoever holds it. */
const waitMs = 240_000;

/** One start or stop at a time under a name. The lock lies beside the directory, which may be removed under it. */
export function lockSandbox(parent: string, name: string, signal?: AbortSignal): Promise<Disposable> {
  return takeLock(join(parent, `.${name}.lock`), { signal, waitMs });
}
