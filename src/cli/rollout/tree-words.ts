import type {
  RolloutClusterStatus,
  RolloutGateStatus,
  RolloutStatus,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { Style } from './paint.ts';

interface Look {
  readonly mark: string;
  readonly style: Style;
  readonly words: string;
}

type RolloutPhase = NonNullable<RolloutStatus['phase']>;
type WavePhase = NonNullable<RolloutStatus['waves']>[number]['phase'];

/** Marks are one cell wide in every terminal, and tell states apart without colour too. */
export const rolloutLooks: Readonly<Record<RolloutPhase, Look>> = {
  Idle: { mark: '○', style: 'dim', words: 'Idle' },
  Progressing: { mark: '●', style: 'cyan', words: 'Progressing' },
  Paused: { mark: '=', style: 'yellow', words: 'Paused' },
  WaitingForApproval: { mark: '=', style: 'yellow', words: 'Waiting for approval' },
  Soaking: { mark: '~', style: 'cyan', words: 'Soaking' },
  Blocked: { mark: '=', style: 'yellow', words: 'Blocked' },
  Reverting: { mark: '«', style: 'yellow', words: 'Reverting' },
  Aborted: { mark: '✗', style: 'red', words: 'Aborted' },
  Failed: { mark: '✗', style: 'red', words: 'Failed' },
  Completed: { mark: '✓', style: 'green', words: 'Completed' },
};

export const waveLooks: Readonly<Record<WavePhase, Look>> = {
  Pending: { mark: '○', style: 'dim', words: 'pending' },
  Progressing: { mark: '●', style: 'cyan', words: 'under way' },
  Soaking: { mark: '~', style: 'cyan', words: 'soaking' },
  Gates: { mark: '?', style: 'yellow', words: 'its gates are asked' },
  Done: { mark: '✓', style: 'green', words: 'done' },
  Reverting: { mark: '«', style: 'yellow', words: 'reverting' },
  Reverted: { mark: '‹', style: 'yellow', words: 'reverted' },
  Failed: { mark: '✗', style: 'red', words: 'failed' },
};

export const clusterLooks: Readonly<Record<RolloutClusterStatus['phase'], Look>> = {
  Pending: { mark: '○', style: 'dim', words: 'pending' },
  Progressing: { mark: '●', style: 'cyan', words: 'under way' },
  StepReached: { mark: '◆', style: 'cyan', words: 'step reached' },
  Done: { mark: '✓', style: 'green', words: 'done' },
  Reverting: { mark: '«', style: 'yellow', words: 'reverting' },
  Reverted: { mark: '‹', style: 'yellow', words: 'reverted' },
  Failed: { mark: '✗', style: 'red', words: 'failed' },
  Skipped: { mark: '»', style: 'yellow', words: 'skipped' },
  Unreachable: { mark: '?', style: 'red', words: 'unreachable' },
};

export const gateLooks: Readonly<Record<RolloutGateStatus['phase'], Look>> = {
  Pending: { mark: '○', style: 'dim', words: 'not asked yet' },
  Running: { mark: '?', style: 'cyan', words: 'being asked' },
  Passed: { mark: '✓', style: 'green', words: 'passed' },
  Failed: { mark: '✗', style: 'red', words: 'failed' },
  Inconclusive: { mark: '?', style: 'yellow', words: 'says nothing' },
};

const stageWords: Readonly<Record<string, string>> = {
  Installation: 'installing',
  ContenderCapacity: 'new pods',
  ContenderTraffic: 'traffic of new pods',
  IncumbentTraffic: 'traffic of old pods',
  IncumbentCapacity: 'old pods',
};

export function stageText(stage: string | undefined): string | undefined {
  return stage ? (stageWords[stage] ?? stage) : undefined;
}
