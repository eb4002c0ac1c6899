import { HansaError, type Logger, messageOf } from '../base/index.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { type KubeMetrics, noMetrics } from './metrics.ts';

/** What a run wants next: to be woken by a change, or after a time. A throw means back-off (or the error's own law). */
export type Outcome = { readonly again: 'on-change' } | { readonly again: 'after'; readonly afterMs: number };

export type Reconcile<K extends string = string> = (
  key: K,
  run: { readonly signal: AbortSignal },
) => Promise<Outcome>;

export interface ControllerOptions<K extends string> {
  readonly name: string;
  readonly queue: KeyedQueue<K>;
  readonly reconcile: Reconcile<K>;
  readonly concurrency: number;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  /** Ends the intake; runs under way see it as their signal. */
  readonly signal: AbortSignal;
}

/**
 * Runs `concurrency` workers on a queue until the signal; resolves when the last run has ended.
 * A key whose run throws is tried again by the error's retry law; `never` waits for the next change.
 */
export async function runController<K extends string>(options: ControllerOptions<K>): Promise<void> {
  const { queue, concurrency, signal } = options;
  const stop = () => queue.close();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const active = { count: 0 };
  await Promise.all(Array.from({ length: concurrency }, () => work(options, active)));
  signal.removeEventListener('abort', stop);
}

async function work<K extends string>(
  options: ControllerOptions<K>,
  active: { count: number },
): Promise<void> {
  const { name, queue, reconcile, logger, metrics = noMetrics, signal } = options;
  for (let key = await queue.next(); key !== undefined; key = await queue.next()) {
    const started = performance.now();
    metrics.onActiveWorkers({ controller: name, active: ++active.count });
    let result: 'success' | 'error' | 'requeue' = 'success';
    try {
      const outcome = await reconcile(key, { signal });
      if (outcome.again === 'after') {
        result = 'requeue';
        queue.done(key, { kind: 'again', afterMs: outcome.afterMs });
      } else {
        queue.done(key, { kind: 'ok' });
      }
    } catch (error) {
      result = 'error';
      const retry = error instanceof HansaError ? error.retry : 'backoff';
      const reason = error instanceof HansaError ? error.reason : 'UnexpectedError';
      if (!signal.aborted) {
        // A conflict is the API's way to say "look again": nothing is wrong.
        logger[reason === 'Conflict' ? 'debug' : 'warn']('run failed', {
          controller: name,
          key,
          reason,
          error: messageOf(error),
          failures: queue.failuresOf(key) + 1,
          // A stack is for our own mistakes; a refusal by a server explains itself.
          ...(error instanceof HansaError || !(error instanceof Error) ? {} : { stack: error.stack }),
        });
      }
      if (retry === 'never') queue.done(key, { kind: 'ok' });
      else queue.done(key, { kind: 'failed', ...(retry === 'backoff' ? {} : { afterMs: retry.afterMs }) });
    } finally {
      metrics.onActiveWorkers({ controller: name, active: --active.count });
      metrics.onReconcile({ controller: name, result, tookMs: performance.now() - started });
    }
  }
}
