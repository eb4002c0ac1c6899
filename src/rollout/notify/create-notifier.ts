import { type Clock, HansaError, type Logger, type Rng } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import type { RolloutMetrics } from '../controller/metrics.ts';
import { noCredentials, post, readCredentials, shownUrl } from '../gates/index.ts';
import type { RolloutView } from '../mode.ts';
import type { Transition } from '../plan/steps/types.ts';
import { type Notification, notificationBody } from './notification.ts';

type Target = NonNullable<RolloutView['spec']['notifications']>[number];

export interface NotifierOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly host: ApiClient;
  readonly logger: Logger;
  readonly metrics?: Pick<RolloutMetrics, 'onNotification'>;
}

export interface Notifier {
  /** Takes a transition for every target of the rollout and returns at once. Never throws. */
  tell(rollout: RolloutView, transition: Transition): void;
  /** Sends what waits, for five seconds at most, and takes no more. */
  close(): Promise<void>;
}

/** Messages that wait for one target of one rollout; the oldest go first, since the newest tell how things stand. */
const maxWaiting = 50;
/** Targets that are called at once, so that a fleet of silent ones does not take all sockets. */
const maxCalls = 16;
/** Targets that have something waiting; more rollouts than this do not change within seconds. */
const maxQueues = 2_000;
const callDeadlineMs = 5_000;
const maxAttempts = 3;
const firstPauseMs = 1_000;
/** A server may ask for more patience than this, but a queue that waits for ever helps nobody. */
const longestPauseMs = 30_000;
const closeDeadlineMs = 5_000;
const maxAnswerBytes = 64 * 1024;

interface Queue {
  readonly where: { readonly namespace: string; readonly rollout: string; readonly target: number };
  readonly waiting: { readonly notification: Notification; readonly target: Target }[];
}

/**
 * Tells people of transitions by HTTP.
 *
 * Flow: tell → bounded queue of rollout and target → POST, three tries with growing pauses → metric, and a log line
 * when it failed.
 * Guarantees: messages to one target keep their order; a target that is slow or wrong holds up itself alone, and never
 * a rollout; addresses from Secrets are in no log line.
 * Caveats: what waits in memory is lost when the process is killed, and a controller that is killed after a message
 * and before its status was written tells the same transition again. Receivers must bear both.
 */
export function createNotifier(options: NotifierOptions): Notifier {
  return new QueuedNotifier(options);
}

class QueuedNotifier implements Notifier {
  readonly #options: NotifierOptions;
  readonly #queues = new Map<string, Queue>();
  readonly #working = new Set<Promise<void>>();
  readonly #turns: (() => void)[] = [];
  readonly #closing = new AbortController();
  #calls = 0;
  #isClosed = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  tell(rollout: RolloutView, transition: Transition): void {
    if (this.#isClosed) return;
    const notification = this.#notificationOf(rollout, transition);
    for (const [index, target] of (rollout.spec.notifications ?? []).entries()) {
      this.#enqueue(
        { namespace: rollout.namespace, rollout: rollout.name, target: index },
        notification,
        target,
      );
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const limit = new AbortController();
    const deadline = this.#options.clock.sleep(closeDeadlineMs, limit.signal).catch(() => undefined);
    await Promise.race([Promise.all(this.#working), deadline]);
    limit.abort();
    this.#closing.abort();
    await Promise.all(this.#working);
  }

  #notificationOf(rollout: RolloutView, { type, reason, message, wave, member }: Transition): Notification {
    return {
      rollout: rollout.name,
      namespace: rollout.namespace,
      revision: rollout.contender.hash,
      type,
      reason,
      message,
      ...(wave === undefined ? {} : { wave }),
      ...(member === undefined ? {} : { member }),
      time: new Date(this.#options.clock.now()).toISOString(),
    };
  }

  #enqueue(where: Queue['where'], notification: Notification, target: Target): void {
    const key = `${where.namespace}/${where.rollout}/${where.target}`;
    const known = this.#queues.get(key);
    if (!known && this.#queues.size >= maxQueues) {
      this.#drop(where, notification);
      return;
    }
    const queue = known ?? { where, waiting: [] };
    queue.waiting.push({ notification, target });
    if (queue.waiting.length > maxWaiting) {
      const oldest = queue.waiting.shift();
      if (oldest) this.#drop(where, oldest.notification);
    }
    if (known) return;
    this.#queues.set(key, queue);
    const work = this.#sendAll(queue).finally(() => {
      this.#working.delete(work);
    });
    this.#working.add(work);
  }

  async #sendAll(queue: Queue): Promise<void> {
    const { where } = queue;
    for (let next = queue.waiting.shift(); next; next = queue.waiting.shift()) {
      if (this.#closing.signal.aborted) this.#drop(where, next.notification);
      else await this.#send(where, next.notification, next.target);
    }
    // At once after the last look: what is told later starts a queue of its own.
    this.#queues.delete(`${where.namespace}/${where.rollout}/${where.target}`);
  }

  async #send(where: Queue['where'], notification: Notification, target: Target): Promise<void> {
    const { metrics, logger, clock, rng } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#inTurn(() => this.#post(where.namespace, notification, target));
        metrics?.onNotification({ outcome: 'sent' });
        return;
      } catch (error) {
        const retry = error instanceof HansaError ? error.retry : 'never';
        if (retry === 'never' || attempt >= maxAttempts || this.#closing.signal.aborted) {
          metrics?.onNotification({ outcome: 'failed' });
          // Only what was thrown for people is shown: other errors may name the address.
          const told = error instanceof HansaError ? error.message : this.#whyUnexpected();
          logger.warn('notification not sent', {
            ...where,
            reason: notification.reason,
            attempt,
            error: told,
          });
          return;
        }
        const pauseMs = retry === 'backoff' ? firstPauseMs * 2 ** (attempt - 1) : retry.afterMs;
        const jittered = Math.min(pauseMs, longestPauseMs) * (0.75 + 0.5 * rng());
        await clock.sleep(jittered, this.#closing.signal).catch(() => undefined);
      }
    }
  }

  #whyUnexpected(): string {
    return this.#closing.signal.aborted ? 'the controller stops' : 'unexpected error';
  }

  async #post(namespace: string, notification: Notification, target: Target): Promise<void> {
    const { host, clock } = this.#options;
    const call = { signal: this.#closing.signal, deadlineMs: callDeadlineMs };
    const { secretRef } = target;
    const credentials = secretRef
      ? await readCredentials(host, { namespace, name: secretRef.name }, call)
      : noCredentials;
    const url = target.url ?? credentials.url;
    if (!url) {
      throw new HansaError(`the Secret ${namespace}/${secretRef?.name} has no key url: add it`, {
        reason: 'SecretIncomplete',
        retry: 'never',
      });
    }
    const shownAs = secretRef ? `the address in Secret ${namespace}/${secretRef.name}` : shownUrl(url);
    const { code, retryAfterMs } = await post({
      url,
      shownAs,
      headers: { ...credentials.headers, 'content-type': 'application/json' },
      body: notificationBody(notification, target.format ?? 'Json'),
      ca: credentials.ca,
      clock,
      ...call,
      maxBytes: maxAnswerBytes,
      secrets: secretRef ? [...credentials.secrets, ...partsOf(url)] : [],
    });
    if (code >= 200 && code < 300) return;
    const mayPass = code === 408 || code === 425 || code === 429 || code >= 500;
    const retry = retryAfterMs === undefined ? 'backoff' : { afterMs: retryAfterMs };
    throw new HansaError(`${shownAs} answered ${code}`, {
      reason: 'NotificationRefused',
      retry: mayPass ? retry : 'never',
    });
  }

  /** Waits until one of few calls may be made. */
  async #inTurn(call: () => Promise<void>): Promise<void> {
    if (this.#calls >= maxCalls) await new Promise<void>((resolve) => this.#turns.push(resolve));
    else this.#calls += 1;
    try {
      await call();
    } finally {
      // The turn is handed on, so that nobody comes between.
      const next = this.#turns.shift();
      if (next) next();
      else this.#calls -= 1;
    }
  }

  #drop(where: Queue['where'], notification: Notification): void {
    this.#options.metrics?.onNotification({ outcome: 'dropped' });
    this.#options.logger.warn('notification dropped', { ...where, reason: notification.reason });
  }
}

/** Errors of the network name hosts, and paths of such addresses are often the secret itself. */
function partsOf(text: string): readonly string[] {
  const url = URL.parse(text);
  return url ? [url.host, url.hostname, ...(url.pathname.length > 1 ? [url.pathname] : [])] : [];
}
