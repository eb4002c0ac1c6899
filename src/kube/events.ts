import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Clock, HansaError, type Logger, messageOf } from '../base/index.ts';
import { microTime } from './micro-time.ts';
import type { ApiClient, KubeObject, ResourceType } from './types.ts';

/** The object an event is about; an object from a cache or the wire fits. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly uid?: string | undefined;
  };
}

export interface EventSaid {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase: why. */
  readonly reason: string;
  /** CamelCase: what was being done. */
  readonly action: string;
  /** A sentence for a person; no secrets. */
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** Such as `hansa-controller`. */
  readonly component: string;
  /** Which of its replicas. */
  readonly instance: string;
  readonly logger: Logger;
}

export interface EventRecorder {
  /** Takes the event and returns at once; it is written later, folded into an earlier one, or dropped with a log line. */
  say(object: EventSubject, event: EventSaid): void;
  /** Resolves when everything said so far is written, or after the deadline. Never throws. */
  flush(options?: { readonly deadlineMs?: number }): Promise<void>;
  /** Flushes and takes no more. */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}

const eventType: ResourceType = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

/** Events that wait to be written. More than this tell a person nothing that these don't. */
const maxWaiting = 1_000;
/** Objects and series remembered; each takes some hundred bytes. */
const maxRemembered = 4_096;
/** A repetition within this long counts up the event before it. API servers forget events after an hour. */
const foldWindowMs = 10 * 60_000;
/** Repetitions are gathered for this long before the count is written. */
const countDelayMs = 30_000;
/** New events an object may have at once, and how fast it earns further ones; client-go's numbers. */
const perObject = { burst: 25, everyMs: 5 * 60_000 };
/** What all events together may take of the host's API. */
const overall = { burst: 50, everyMs: 100 };
/** The API server's limits; longer texts are refused. */
const maxNoteBytes = 1_024;
const maxWordLength = 128;
const callDeadlineMs = 10_000;
const maxAttempts = 3;
const retryPauseMs = 1_000;
const usualFlushMs = 5_000;
/** Dropped events are logged together this often. */
const dropLogPeriodMs = 60_000;

interface Series {
  readonly subject: EventSubject;
  readonly said: EventSaid;
  readonly firstAtMs: number;
  lastAtMs: number;
  count: number;
  /** What the server has; 0 before the event is created. */
  writtenCount: number;
  /** Of the event, chosen once, so that a second try after a lost answer meets the first one's. */
  ref: { readonly namespace: string; readonly name: string };
  state: 'waiting' | 'counting' | 'at-rest';
}

/**
 * Writes events about objects, as `kubectl describe` and `kubectl events` show them.
 *
 * Flow: say → fold with the same said within ten minutes → token of the object → bounded queue → one writer.
 * Guarantees: `say` neither waits nor throws; at most one call is under way; memory is bound.
 * Caveats: events are hints; what must not be lost belongs into a condition.
 */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new LRUCache<string, Series>({ max: maxRemembered });
  readonly #buckets = new LRUCache<string, TokenBucket>({ max: maxRemembered });
  readonly #overall: TokenBucket;
  readonly #waiting: Series[] = [];
  /** Timers of series that gather repetitions. */
  readonly #counting = new Map<Series, () => void>();
  readonly #closing = new AbortController();
  #writing: Promise<void> | undefined;
  /** While someone waits for a flush, pauses are left out. */
  #hurry = new AbortController();
  #flushes = 0;
  #named = 0;
  #dropped = 0;
  #dropsLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#overall = createTokenBucket(overall, options.clock.monotonic());
  }

  say(object: EventSubject, event: EventSaid): void {
    if (this.#closing.signal.aborted) return;
    const nowMs = this.#options.clock.monotonic();
    const subject = withoutTheRest(object);
    const said = cutToLimits(event);
    const key = JSON.stringify([subject, said]);
    const known = this.#series.get(key);
    if (known && nowMs - known.lastAtMs <= foldWindowMs) {
      known.count += 1;
      known.lastAtMs = nowMs;
      this.#countLater(known);
      return;
    }
    if (!this.#bucketOf(subject, nowMs).take(nowMs) || this.#waiting.length >= maxWaiting) {
      this.#drop(nowMs);
      return;
    }
    const series: Series = {
      subject,
      said,
      firstAtMs: nowMs,
      lastAtMs: nowMs,
      count: 1,
      writtenCount: 0,
      ref: this.#newRef(subject),
      state: 'waiting',
    };
    this.#series.set(key, series);
    this.#enqueue(series);
  }

  async flush({ deadlineMs = usualFlushMs } = {}): Promise<void> {
    for (const [series, cancel] of this.#counting) {
      cancel();
      this.#enqueue(series);
    }
    this.#counting.clear();
    if (!this.#writing) return;
    this.#flushes += 1;
    this.#hurry.abort();
    const limit = new AbortController();
    const deadline = this.#options.clock.sleep(deadlineMs, limit.signal).catch(() => undefined);
    await Promise.race([this.#writing, deadline]);
    limit.abort();
    this.#flushes -= 1;
    if (this.#flushes === 0) this.#hurry = new AbortController();
  }

  async close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    await this.flush(options);
    this.#closing.abort();
    for (const cancel of this.#counting.values()) cancel();
    this.#counting.clear();
    if (this.#waiting.length > 0) {
      this.#options.logger.warn('events not written before the stop', { events: this.#waiting.length });
    }
    this.#waiting.length = 0;
    await this.#writing;
  }

  #bucketOf({ kind, metadata }: EventSubject, nowMs: number): TokenBucket {
    const key = `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
    const bucket = this.#buckets.get(key) ?? createTokenBucket(perObject, nowMs);
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #countLater(series: Series): void {
    if (series.state !== 'at-rest' || this.#closing.signal.aborted) return;
    series.state = 'counting';
    const cancel = this.#options.clock.after(countDelayMs, () => {
      this.#counting.delete(series);
      this.#enqueue(series);
    });
    this.#counting.set(series, cancel);
  }

  #enqueue(series: Series): void {
    series.state = 'waiting';
    this.#waiting.push(series);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      // The pause comes before the look: what is said meanwhile is counted into the same write.
      await this.#waitForTurn();
      const series = this.#waiting.shift();
      if (series) await this.#write(series);
      if (this.#waiting.length > 0) continue;
      // Here and not in a `finally`: that runs a moment later, and what is said in between would wait for ever.
      this.#writing = undefined;
      return;
    }
  }

  async #waitForTurn(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#overall.take(clock.monotonic()) && !this.#hurry.signal.aborted) {
      await clock.sleep(overall.everyMs, this.#hurry.signal).catch(() => undefined);
    }
  }

  async #write(series: Series): Promise<void> {
    for (let attempt = 1; !this.#closing.signal.aborted; attempt++) {
      try {
        await (series.writtenCount > 0 ? this.#writeCount(series) : this.#create(series));
        break;
      } catch (error) {
        if (attempt < maxAttempts && isPassing(error)) {
          await this.#options.clock
            .sleep(retryPauseMs * attempt, this.#closing.signal)
            .catch(() => undefined);
          continue;
        }
        // Such as a namespace that is being deleted: its objects' last events have no place any more.
        this.#options.logger.debug('event not written', {
          kind: series.subject.kind,
          namespace: series.subject.metadata.namespace,
          name: series.subject.metadata.name,
          reason: series.said.reason,
          error: messageOf(error),
        });
        series.writtenCount = series.count;
        break;
      }
    }
    series.state = 'at-rest';
    if (series.count > series.writtenCount) this.#countLater(series);
  }

  async #create(series: Series): Promise<void> {
    const { client } = this.#options;
    const { count } = series;
    try {
      await client.create(eventType, this.#eventOf(series), this.#callOptions());
      series.writtenCount = count;
    } catch (error) {
      if (!(error instanceof HansaError && error.reason === 'AlreadyExists')) throw error;
      // An earlier try arrived, but its answer did not. How far it had counted is not known, so at least once.
      series.writtenCount = 1;
    }
  }

  async #writeCount(series: Series): Promise<void> {
    const { client } = this.#options;
    const { count } = series;
    const patch = { series: { count, lastObservedTime: this.#timeOf(series.lastAtMs) } };
    try {
      await client.patch(eventType, series.ref, patch, { type: 'merge', ...this.#callOptions() });
      series.writtenCount = count;
    } catch (error) {
      if (!(error instanceof HansaError && error.reason === 'NotFound')) throw error;
      // Events expire on the server; what still happens then deserves a new one.
      series.ref = this.#newRef(series.subject);
      await this.#create(series);
    }
  }

  #callOptions(): { readonly deadlineMs: number; readonly signal: AbortSignal } {
    return { deadlineMs: callDeadlineMs, signal: this.#closing.signal };
  }

  #eventOf({ subject, said, count, ref, firstAtMs, lastAtMs }: Series): KubeObject {
    const { component, instance } = this.#options;
    const { apiVersion, kind, metadata } = subject;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: ref,
      eventTime: this.#timeOf(firstAtMs),
      ...(count > 1 ? { series: { count, lastObservedTime: this.#timeOf(lastAtMs) } } : {}),
      reportingController: component,
      reportingInstance: instance.slice(0, maxWordLength),
      ...said,
      regarding: { apiVersion, kind, ...metadata },
    };
  }

  #newRef({ metadata }: EventSubject): { readonly namespace: string; readonly name: string } {
    const { instance, clock } = this.#options;
    this.#named += 1;
    const replica = createHash('sha256').update(instance).digest('hex').slice(0, 8);
    return {
      // The API server wants events about objects without a namespace in this one.
      namespace: metadata.namespace ?? 'default',
      // Its own also beside events of other replicas, and of this one in the same millisecond.
      name: `${metadata.name.slice(0, 200)}.${clock.now().toString(16)}${replica}${this.#named.toString(16)}`,
    };
  }

  #timeOf(monotonicMs: number): string {
    const { clock } = this.#options;
    return microTime(clock.now() - (clock.monotonic() - monotonicMs));
  }

  #drop(nowMs: number): void {
    this.#dropped += 1;
    if (nowMs - this.#dropsLoggedAtMs < dropLogPeriodMs) return;
    this.#options.logger.warn('events dropped: too many at once', { events: this.#dropped });
    this.#dropsLoggedAtMs = nowMs;
    this.#dropped = 0;
  }
}

interface TokenBucket {
  take(nowMs: number): boolean;
}

function createTokenBucket(
  { burst, everyMs }: { burst: number; everyMs: number },
  startMs: number,
): TokenBucket {
  let tokens = burst;
  let atMs = startMs;
  return {
    take: (nowMs) => {
      tokens = Math.min(burst, tokens + (nowMs - atMs) / everyMs);
      atMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}

/** What an event keeps of its object; an object from a cache would stay in memory with it. */
function withoutTheRest({ apiVersion, kind, metadata }: EventSubject): EventSubject {
  const { namespace, name, uid } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace ? { namespace } : {}), ...(uid ? { uid } : {}) },
  };
}

function cutToLimits({ type, reason, action, note }: EventSaid): EventSaid {
  return {
    type,
    reason: reason.slice(0, maxWordLength),
    action: action.slice(0, maxWordLength),
    note: cutToBytes(note, maxNoteBytes),
  };
}

/** Whether the same call may succeed soon. */
function isPassing(error: unknown): boolean {
  const passing = [
    'Unreachable',
    'Timeout',
    'TooManyRequests',
    'ServerError',
    'InternalError',
    'ServiceUnavailable',
  ];
  return error instanceof HansaError && passing.includes(error.reason);
}

/** The text, cut where a character ends so that it takes at most that many bytes of UTF-8. */
function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const mark = '…';
  let end = maxBytes - Buffer.byteLength(mark);
  // Bytes 10xxxxxx continue a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + mark;
}
