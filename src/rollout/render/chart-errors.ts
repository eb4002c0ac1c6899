import { HansaError, type RetryLaw } from '../../base/index.ts';

/** Why a chart could not be had or rendered: the words that Shipper's conditions have for it. */
export type ChartErrorReason =
  | 'ChartFetchFailure'
  | 'BrokenChartSpec'
  | 'ChartRepoInternal'
  | 'NoCachedChartRepoIndex'
  | 'ChartVersionResolutionFailed';

/** What a person must mend first is looked at again now and then, as nobody tells us when it is mended. */
const againMs = 60_000;

const retries: Readonly<Record<ChartErrorReason, RetryLaw>> = {
  ChartFetchFailure: 'backoff',
  BrokenChartSpec: 'never',
  ChartRepoInternal: { afterMs: againMs },
  NoCachedChartRepoIndex: 'backoff',
  ChartVersionResolutionFailed: { afterMs: againMs },
};

/** A failure about a chart. The message must have gone through `redact` where it quotes somebody. */
export function chartError(
  reason: ChartErrorReason,
  message: string,
  { cause, retry = retries[reason] }: { readonly cause?: unknown; readonly retry?: RetryLaw } = {},
): HansaError {
  return new HansaError(message, { reason, retry, cause });
}
