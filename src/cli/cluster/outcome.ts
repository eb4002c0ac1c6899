import type { ClusterPlan, PlanRefusal, RunResult } from '../../provision/index.ts';
import { hang } from './hang.ts';

/** How work on one cluster ended. */
export interface Outcome {
  readonly cluster: string;
  /** The last one. */
  readonly plan: ClusterPlan;
  readonly result: RunResult | undefined;
  readonly tookMs: number;
}

export interface OutcomeWords {
  /** Said when all was done; its first line begins with what is so now. */
  readonly done: string;
  /** Said where there was nothing to do. */
  readonly nothing: string;
  /** The command that was given, for what broke off. */
  readonly again: string;
  readonly width?: number | undefined;
}

export function isThere({ plan, result }: Pick<Outcome, 'plan' | 'result'>): boolean {
  return plan.refusals.length === 0 && (result === undefined || result.isComplete);
}

/** All else may be done, and this one machine could not be reached. */
export function isAway({ plan }: Pick<Outcome, 'plan'>, machine: string): boolean {
  return plan.warnings.some((each) => each.machine === machine && each.reason === 'MachineUnreachable');
}

export function renderAway(machine: string, again: string, width: number | undefined): string {
  return [
    hang(
      '✗ ',
      `machine ${machine} can't be reached: it is kept, and joins with the next apply that can`,
      width,
    ),
    ...nextLines(again),
  ].join('\n');
}

export function outcomeData({ cluster, plan, result, tookMs }: Outcome): unknown {
  return {
    cluster,
    isComplete: isThere({ plan, result }),
    tookMs: Math.round(tookMs),
    refusals: plan.refusals,
    warnings: plan.warnings,
    steps: result?.steps.map(({ step: { id }, end }) => ({ id, ...end })) ?? [],
  };
}

/** What is so now, what went wrong, and the command that comes next. */
export function renderOutcome(outcome: Outcome, { done, nothing, again, width }: OutcomeWords): string {
  const { cluster, plan, result } = outcome;
  if (plan.refusals.length > 0) {
    const what = result ? 'what is left to do is refused' : 'nothing was changed';
    return [hang('✗ ', `cluster ${cluster}: ${what}`, width), ...nextLines(nextOf(outcome, again))].join(
      '\n',
    );
  }
  if (!result) return hang('✓ ', nothing, width);
  if (result.isComplete) return hang('✓ ', done, width);
  const bad = result.steps.flatMap(({ step, end }) =>
    end.kind === 'failed' || end.kind === 'blocked'
      ? [
          hang(
            '  ',
            `${step.machine ?? 'the cluster'}, ${step.title}: ${end.message}${end.isUndone ? '; what was changed is put back' : ''} [${end.reason}]`,
            width,
          ),
        ]
      : [],
  );
  return [
    hang('✗ ', `cluster ${cluster} is not there yet: ${countOf(result)}`, width),
    ...bad,
    ...nextLines(nextOf(outcome, again)),
  ].join('\n');
}

function nextLines(command: string): readonly string[] {
  return command === '' ? [] : [`  Next: ${command}`];
}

function countOf({ steps }: RunResult): string {
  const count = (...kinds: readonly string[]) => steps.filter(({ end }) => kinds.includes(end.kind)).length;
  const failed = count('failed', 'blocked');
  const interrupted = count('interrupted');
  const left = count('not-started');
  const isStopped = interrupted > 0 || steps.some(({ end }) => end.kind === 'not-started' && !end.because);
  return [
    isStopped && failed === 0 ? 'stopped by you' : '',
    failed > 0 ? `${failed} ${failed === 1 ? 'step' : 'steps'} failed` : '',
    interrupted > 0 ? `${interrupted} interrupted` : '',
    left > 0 ? `${left} not started` : '',
    `${count('done', 'nothing-to-do')} done`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** What leads out of a refusal or failure, '' where no command does; what isn't here is mended as its message says, and the command given again. */
const waysOut: Readonly<Record<string, (cluster: string) => string>> = {
  QuorumLost: (cluster) =>
    `hansa cluster status ${cluster}; if control planes are lost for good, hansa cluster recover ${cluster}`,
  QuorumNotLost: (cluster) => `hansa cluster status ${cluster}`,
  ClusterDown: (cluster) => `hansa cluster status ${cluster}`,
  ClusterNotUp: (cluster) => `hansa cluster status ${cluster}`,
  ClusterReplaced: (cluster) => `hansa cluster restore ${cluster} --from latest`,
  ClusterGone: (cluster) => `hansa cluster restore ${cluster} --from latest`,
  OperationOpen: (cluster) => `hansa cluster restore ${cluster}, with the source it was begun with`,
  BackupMissing: (cluster) => `hansa cluster backups ${cluster}`,
  BackupCorrupt: (cluster) => `hansa cluster backups ${cluster}, and take an older one`,
  BackupOfOtherCluster: (cluster) => `hansa cluster backups ${cluster}`,
  VersionMissing: () => 'hansa bundle create PATH --versions VERSION,VERSION',
  NoControlPlane: () => '',
  Downgrade: () => '',
  BadVersion: () => '',
  EtcdNotHealthy: (cluster) => `hansa cluster status ${cluster}`,
};

function nextOf({ cluster, plan, result }: Outcome, again: string): string {
  const reasons = [
    ...plan.refusals.map(({ reason }) => reason),
    ...(result?.steps ?? []).flatMap(({ end }) =>
      end.kind === 'failed' || end.kind === 'blocked' ? [end.reason] : [],
    ),
  ];
  const way = reasons.map((reason) => waysOut[reason]).find((found) => found !== undefined);
  if (way) return way(cluster);
  if (plan.refusals.some(isHostUnknown)) {
    return `${again} --accept-host-keys, once the fingerprint above is compared`;
  }
  const forgotten = plan.refusals.find(
    ({ reason, message, machine }) =>
      machine && reason === 'MachineUnreachable' && message.includes('--forget-unreachable'),
  );
  if (forgotten)
    return `${again}, once it is back; or with --forget-unreachable ${forgotten.machine} if it is switched off for good`;
  return again;
}

/** A machine that nobody has met yet is told as one that can't be reached; how to trust it is a matter of the CLI. */
function isHostUnknown({ reason, message }: PlanRefusal): boolean {
  return reason === 'MachineUnreachable' && /host key \S+ .*is not known/.test(message);
}
