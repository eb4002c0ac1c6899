import { movedToAnnotation } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { HansaError } from '../../base/index.ts';
import { type BackupVerdict, backupVerdict, type StoredBackup } from '../plan/backup.ts';
import { type CertificateVerdict, certificateVerdict } from '../plan/certificate-verdict.ts';
import type { CertificateSight } from '../plan/certificates.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { Observed } from '../plan/facts.ts';
import type { Plan } from '../plan/steps.ts';
import type { Ended } from './carry-out.ts';
import type { WorkSight } from './decide-work.ts';
import type { Failed } from './failed-after.ts';
import { inHostWords } from './host-words.ts';
import type { Session } from './open-session.ts';
import { isEnded } from './operations.ts';
import type { BackupView, OperationView } from './views.ts';
import { type AskedFor, wishOf } from './wish.ts';

/** What the host has of one cluster and of those beside it. */
export interface KeeperInput extends AskedFor {
  readonly operations: readonly OperationView[];
  readonly backups: readonly BackupView[];
  /** Networks of the other clusters. */
  readonly others: Observed['others'];
}

/** What was found out, and is found out again after a restart. Times are ms since 1970. */
export interface Known {
  readonly spec?: ClusterSpec;
  /** Machines that are on their way out. */
  readonly leaving?: readonly MachineSpec[];
  readonly observed?: Observed;
  readonly lookedAt?: number;
  readonly certificates?: readonly CertificateSight[];
  readonly verdict?: CertificateVerdict;
  readonly backups?: readonly StoredBackup[];
  readonly backupComplaint?: string;
  readonly plan?: Plan;
  readonly appliedWish?: string;
  readonly failed?: Failed;
  readonly machineFailures?: Ended['machineFailures'];
  readonly notBefore?: WorkSight['notBefore'];
}

/** What the next decision is made from. Operations in `ended` came to their end and those in `waiting` wait, whatever caches show. */
export function sightOf(
  input: KeeperInput,
  known: Known,
  {
    ended,
    waiting,
    now,
  }: { readonly ended: ReadonlySet<string>; readonly waiting: ReadonlySet<string>; readonly now: number },
): WorkSight {
  const { cluster, operations } = input;
  const { lookedAt, failed, verdict, appliedWish, notBefore = {}, observed } = known;
  return {
    movedTo: cluster.annotations[movedToAnnotation],
    paused: cluster.spec.paused ?? false,
    isDeleting: cluster.deletedAt !== undefined,
    wish: wishOf(input),
    appliedWish,
    isMade:
      observed?.cluster.kind === 'up' || cluster.status?.initialization?.controlPlaneInitialized === true,
    lookedAt,
    failure: failed,
    operations: operations
      .filter((each) => !isEnded(each) && !ended.has(each.uid))
      .map(({ name, uid, spec, status }) => ({
        name,
        type: spec.type,
        approved: spec.approved ?? false,
        isDestructive: waiting.has(uid) || status?.phase === 'WaitingForApproval' ? true : undefined,
      })),
    certificates: verdict,
    backup: backupVerdictOf(input, known, now),
    notBefore,
  };
}

export function backupVerdictOf(
  { cluster }: Pick<KeeperInput, 'cluster'>,
  { backups, backupComplaint }: Pick<Known, 'backups' | 'backupComplaint'>,
  now: number,
): BackupVerdict {
  const { backup } = cluster.spec;
  // Without its list nobody knows what is due.
  if (!backup || backupComplaint !== undefined) return { kind: 'never' };
  const at = cluster.status?.lastBackup?.at;
  const last = backups?.[0]?.takenAt ?? (at === undefined ? undefined : Date.parse(at));
  return backupVerdict({ schedule: backup.schedule }, { last, since: Date.parse(cluster.createdAt), now });
}

/** A look in which no machine could be asked takes back nothing of what is known of its certificates. */
export function seenOrBefore(
  before: Known,
  verdict: CertificateVerdict | undefined,
  certificates: readonly CertificateSight[] | undefined,
): Pick<Known, 'certificates' | 'verdict'> {
  if (certificates && verdict) return { certificates, verdict };
  return {
    ...(before.certificates && { certificates: before.certificates }),
    ...(before.verdict && { verdict: before.verdict }),
  };
}

export function verdictOf(
  spec: ClusterSpec,
  observed: Observed,
  certificates: readonly CertificateSight[],
  now: number,
): CertificateVerdict {
  const verdict = certificateVerdict(spec, observed, certificates, now);
  return { ...verdict, message: inHostWords(verdict.message, spec.name) };
}

/** Newest first; a target that can't be read is told of, and hides nothing else. */
export async function listBackups({ work }: Session): Promise<readonly StoredBackup[] | string> {
  try {
    return await work.backups();
  } catch (error) {
    if (error instanceof HansaError) return error.message;
    throw error;
  }
}

export function inWords(plan: Plan, cluster: string): Plan {
  const translated = (all: Plan['refusals']) =>
    all.map((each) => ({ ...each, message: inHostWords(each.message, cluster) }));
  return { ...plan, refusals: translated(plan.refusals), warnings: translated(plan.warnings) };
}
