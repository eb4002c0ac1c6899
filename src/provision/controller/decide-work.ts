import type { OperationType } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import type { BackupVerdict } from '../plan/backup.ts';
import type { CertificateVerdict } from '../plan/certificate-verdict.ts';

/** What is known of a KubeCluster when its next work is chosen. Times are ms since 1970. */
export interface WorkSight {
  /** Where it is kept now, by its annotation moved-to. */
  readonly movedTo: string | undefined;
  readonly paused: boolean;
  readonly isDeleting: boolean;
  /** Hash of all that is asked for: of the cluster, its machines, and who leaves. */
  readonly wish: string;
  /** What was carried out to the end; undefined: nothing since this process began. */
  readonly appliedWish: string | undefined;
  /** Its control plane was up once, so it has certificates and data. */
  readonly isMade: boolean;
  /** When the machines were last compared with the spec. */
  readonly lookedAt: number | undefined;
  /** undefined: the last run came to its end. */
  readonly failure: FailedRun | undefined;
  /** Of people, not ended yet, oldest first. */
  readonly operations: readonly OpenOperation[];
  readonly certificates: CertificateVerdict | undefined;
  readonly backup: BackupVerdict;
  /** After a renewal or a backup of our own failed: not before these times. */
  readonly notBefore: { readonly renewal?: number; readonly backup?: number };
}

export interface FailedRun {
  readonly at: number;
  /** In a row. */
  readonly times: number;
  readonly wish: string;
}

export interface OpenOperation {
  readonly name: string;
  readonly type: OperationType;
  readonly approved: boolean;
  /** Its plan has been made and takes data or machines away; undefined: no plan was made yet. */
  readonly isDestructive: boolean | undefined;
}

export type Work =
  /** Kept elsewhere: nothing is looked at, planned or locked; on deletion only the finalizer goes. */
  | { readonly kind: 'moved'; readonly to: string; readonly release: boolean }
  | { readonly kind: 'paused' }
  | { readonly kind: 'delete' }
  | { readonly kind: 'operation'; readonly name: string }
  | { readonly kind: 'apply'; readonly because: 'new' | 'spec-changed' | 'retry' | 'drift' }
  | { readonly kind: 'renew-certificates' }
  | { readonly kind: 'back-up'; readonly since: number }
  | { readonly kind: 'wait'; readonly until: number }
  /** Nothing more until an object changes. */
  | { readonly kind: 'nothing' };

/** Between two comparisons of a cluster that is as desired; a look costs one SSH session a machine. */
export const driftIntervalMs = 10 * 60_000;
const firstRetryMs = 30_000;
const longestRetryMs = 15 * 60_000;

/** Chooses what is done next for a cluster. One thing: the next is chosen anew after it. */
export function decideWork(sight: WorkSight, now: number): Work {
  if (sight.movedTo !== undefined) {
    return { kind: 'moved', to: sight.movedTo, release: sight.isDeleting };
  }
  // Deletion is asked for by a person, as is the pause; a paused cluster stays until the pause is taken back.
  if (sight.paused) return { kind: 'paused' };
  const retryAt = whenToRetry(sight);
  if (sight.isDeleting) {
    return retryAt === undefined || retryAt <= now ? { kind: 'delete' } : waitOrRest([retryAt]);
  }
  const operation = sight.operations.find(mayRun);
  if (operation) return { kind: 'operation', name: operation.name };
  // Certificates and backups do not wait for a spec that can't be carried out: they save the cluster meanwhile.
  const isResting = retryAt !== undefined && retryAt > now;
  if (!isResting) {
    const because = whyApply(sight, now);
    if (because !== undefined && because !== 'drift') return { kind: 'apply', because };
  }
  const renewalAt = renewalTime(sight, now);
  if (renewalAt !== undefined && renewalAt <= now) return { kind: 'renew-certificates' };
  const backupAt = backupTime(sight);
  if (sight.backup.kind === 'due' && backupAt !== undefined && backupAt <= now) {
    return { kind: 'back-up', since: sight.backup.since };
  }
  if (!isResting && whyApply(sight, now) === 'drift') return { kind: 'apply', because: 'drift' };
  return waitOrRest([
    retryAt,
    renewalAt,
    backupAt,
    sight.lookedAt === undefined || retryAt !== undefined ? undefined : sight.lookedAt + driftIntervalMs,
  ]);
}

/** Not before a person said so, once its plan is known to take data or machines away. */
function mayRun({ approved, isDestructive }: OpenOperation): boolean {
  return approved || isDestructive !== true;
}

function whyApply(sight: WorkSight, now: number): 'new' | 'spec-changed' | 'retry' | 'drift' | undefined {
  const { failure, appliedWish, wish, lookedAt } = sight;
  if (failure && failure.wish === wish) return 'retry';
  if (appliedWish === undefined) return 'new';
  if (appliedWish !== wish) return 'spec-changed';
  return lookedAt === undefined || lookedAt + driftIntervalMs <= now ? 'drift' : undefined;
}

/** undefined: nothing failed, or something else is asked for since. */
function whenToRetry({ failure, wish }: WorkSight): number | undefined {
  if (!failure || failure.wish !== wish) return undefined;
  return failure.at + Math.min(longestRetryMs, firstRetryMs * 2 ** (failure.times - 1));
}

function renewalTime(sight: WorkSight, now: number): number | undefined {
  const reason = sight.certificates?.reason;
  const isDue = reason === 'RenewalDue' || reason === 'Expired';
  return isDue && sight.isMade ? (sight.notBefore.renewal ?? now) : undefined;
}

function backupTime({ backup, isMade, notBefore }: WorkSight): number | undefined {
  if (!isMade || backup.kind === 'never') return undefined;
  return Math.max(backup.kind === 'due' ? backup.since : backup.at, notBefore.backup ?? 0);
}

function waitOrRest(times: readonly (number | undefined)[]): Work {
  const until = Math.min(...times.filter((at) => at !== undefined), Number.POSITIVE_INFINITY);
  return Number.isFinite(until) ? { kind: 'wait', until } : { kind: 'nothing' };
}
