import { type Clock, HansaError, type Logger, messageOf, type Rng } from '../base/index.ts';
import { microTime } from './micro-time.ts';
import type { ApiClient, KubeObject, ObjectRef, ResourceType } from './types.ts';

export interface ElectOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Of the Lease: what is competed for. */
  readonly name: string;
  /** Of this competitor; no two may share one, restarts included. */
  readonly identity: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** A holder that is not seen to renew for this long is succeeded. */
  readonly leaseDurationMs?: number;
  /** A holder that can't renew for this long stops; shorter than the lease, so that it stops before a successor starts. */
  readonly renewDeadlineMs?: number;
  /** Pause between two looks at the Lease. */
  readonly retryPeriodMs?: number;
  /** Ends the wait for the Lease. Once elected it means nothing here: work under way still needs the Lease. */
  readonly signal: AbortSignal;
  readonly onLost?: (error: HansaError) => void;
}

export interface Leadership {
  /** Aborts when the Lease is lost; not when it is released. */
  readonly lost: AbortSignal;
  /** Stops renewing and frees the Lease for the next one at once. Never throws; may be called again. */
  release(): Promise<void>;
}

const leaseType: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

/** Competitors that failed together don't come back together. */
const jitterShare = 0.2;
/** Freeing the Lease is a courtesy to the successor, so it may not hold up a stop for longer. */
const releaseDeadlineMs = 3_000;

type Rules = Required<Pick<ElectOptions, 'leaseDurationMs' | 'renewDeadlineMs' | 'retryPeriodMs'>>;

/**
 * Waits until this competitor holds the Lease, then renews it until `release` is called or it is lost.
 *
 * Guarantees: `lost` aborts at the latest `renewDeadlineMs` after the last renewal that the server confirmed was sent,
 * also while a call hangs; others take over no earlier than `leaseDurationMs` after they saw that renewal.
 * Assumes: clocks of competitors run at about the same speed; what they show does not matter.
 * Caveats: a process that is frozen may write once more after it was succeeded, before it notices.
 * @throws HansaError Cancelled when the signal ends the wait, InvalidOption
 */
export async function elect(options: ElectOptions): Promise<Leadership> {
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options;
  const rules = { leaseDurationMs, renewDeadlineMs, retryPeriodMs };
  checkRules(rules);
  const candidate = new Candidate(options, rules);
  await candidate.acquire();
  return candidate.lead();
}

function checkRules({ leaseDurationMs, renewDeadlineMs, retryPeriodMs }: Rules): void {
  if (renewDeadlineMs < leaseDurationMs && retryPeriodMs * (1 + jitterShare) < renewDeadlineMs) return;
  throw new HansaError(
    `a lease of ${leaseDurationMs} ms must be longer than its renewal deadline of ${renewDeadlineMs} ms, ` +
      `and that longer than ${1 + jitterShare} × the retry period of ${retryPeriodMs} ms`,
    { reason: 'InvalidOption', retry: 'never' },
  );
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** A renewal of someone else as it was seen here, by this clock. */
interface Sighting {
  readonly spec: string;
  readonly atMs: number;
}

class Candidate {
  readonly #options: ElectOptions;
  readonly #rules: Rules;
  readonly #ref: ObjectRef;
  readonly #lost = new AbortController();
  /** Ends the pauses of the renewing loop. */
  readonly #stopped = new AbortController();
  /** As the server last gave it; its resourceVersion makes the next write fail if anyone wrote in between. */
  #lease: KubeObject | undefined;
  #sighting: Sighting | undefined;
  #cancelExpiry: () => void = () => undefined;
  #complaint = '';

  constructor(options: ElectOptions, rules: Rules) {
    this.#options = options;
    this.#rules = rules;
    this.#ref = { namespace: options.namespace, name: options.name };
  }

  async acquire(): Promise<void> {
    const { clock, signal } = this.#options;
    for (;;) {
      this.#assertWanted();
      const sentAtMs = clock.monotonic();
      if (await this.#tryAcquire()) {
        this.#holdUntil(sentAtMs + this.#rules.renewDeadlineMs);
        break;
      }
      await this.#pause(signal);
    }
    if (this.#options.signal.aborted) await this.#end();
    this.#assertWanted();
  }

  lead(): Leadership {
    const renewing = this.#keepRenewing();
    let released: Promise<void> | undefined;
    return {
      lost: this.#lost.signal,
      release: () => {
        this.#stopped.abort();
        released ??= renewing.then(() => this.#end());
        return released;
      },
    };
  }

  #assertWanted(): void {
    const { signal, namespace, name } = this.#options;
    if (!signal.aborted) return;
    throw new HansaError(`the wait for the Lease ${namespace}/${name} was cancelled`, {
      reason: 'Cancelled',
      retry: 'never',
      cause: signal.reason,
    });
  }

  async #tryAcquire(): Promise<boolean> {
    const { signal } = this.#options;
    try {
      await this.#look(signal);
      if (!this.#isFree()) {
        this.#complaint = '';
        return false;
      }
      // A write is never cut off: it is then known whether there is something to give back.
      await this.#write();
      return true;
    } catch (error) {
      if (!signal.aborted) this.#complain('the Lease could not be acquired', error);
      return false;
    }
  }

  async #keepRenewing(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#isOver()) {
      await this.#pause(this.#stopped.signal);
      if (this.#isOver()) return;
      const sentAtMs = clock.monotonic();
      if (await this.#tryRenew()) this.#holdUntil(sentAtMs + this.#rules.renewDeadlineMs);
    }
  }

  async #tryRenew(): Promise<boolean> {
    try {
      await this.#write();
      return true;
    } catch (error) {
      // The release reports for itself; and what is lost can't be renewed.
      if (this.#isOver()) return false;
      this.#complain('the Lease could not be renewed', error);
      if (!isOvertaken(error)) return false;
    }
    // Someone wrote in between, or an own write arrived whose answer did not: the Lease itself tells which.
    try {
      await this.#look();
      const holder = this.#spec().holderIdentity;
      if (holder && holder !== this.#options.identity) this.#lose(`${holder} holds it now`);
    } catch (error) {
      this.#complain('the Lease could not be read', error);
    }
    return false;
  }

  async #look(signal?: AbortSignal): Promise<void> {
    const { client } = this.#options;
    try {
      this.#lease = await client.get(leaseType, this.#ref, {
        deadlineMs: this.#rules.renewDeadlineMs,
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      if (!(error instanceof HansaError && error.reason === 'NotFound')) throw error;
      this.#lease = undefined;
    }
    const spec = JSON.stringify(this.#spec());
    if (this.#sighting?.spec !== spec) this.#sighting = { spec, atMs: this.#options.clock.monotonic() };
  }

  /** Free is what nobody holds, what was ours, and what its holder was not seen to renew in time. */
  #isFree(): boolean {
    const { identity, clock } = this.#options;
    const { holderIdentity, leaseDurationSeconds } = this.#spec();
    if (!holderIdentity || holderIdentity === identity) return true;
    // The holder counts on the duration it wrote, not on ours. Its timestamps are of its own clock and say nothing here.
    const durationMs = leaseDurationSeconds ? leaseDurationSeconds * 1000 : this.#rules.leaseDurationMs;
    return clock.monotonic() - (this.#sighting?.atMs ?? 0) > durationMs;
  }

  /** @throws HansaError Conflict or AlreadyExists when someone else was faster */
  async #write(): Promise<void> {
    const { client, clock, identity, namespace, name } = this.#options;
    const deadlineMs = this.#rules.renewDeadlineMs;
    const before = this.#spec();
    const now = microTime(clock.now());
    const isRenewal = before.holderIdentity === identity;
    const spec: LeaseSpec = {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#rules.leaseDurationMs / 1000),
      acquireTime: (isRenewal && before.acquireTime) || now,
      renewTime: now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (isRenewal || !this.#lease ? 0 : 1),
    };
    this.#lease = this.#lease
      ? await client.replace(leaseType, { ...this.#lease, spec }, { deadlineMs })
      : await client.create(
          leaseType,
          { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec },
          { deadlineMs },
        );
    this.#complaint = '';
  }

  #holdUntil(deadlineMs: number): void {
    if (this.#isOver()) return;
    const { clock } = this.#options;
    this.#cancelExpiry();
    // An own timer, because the call that should renew may be the one that hangs.
    this.#cancelExpiry = clock.after(deadlineMs - clock.monotonic(), () =>
      this.#lose(`it could not be renewed for ${this.#rules.renewDeadlineMs} ms`),
    );
  }

  #lose(why: string): void {
    if (this.#isOver()) return;
    const { namespace, name, logger, onLost } = this.#options;
    const error = new HansaError(`the Lease ${namespace}/${name} was lost: ${why}`, {
      reason: 'LeadershipLost',
    });
    logger.warn('lease lost', { namespace, name, why });
    this.#cancelExpiry();
    this.#stopped.abort();
    this.#lost.abort(error);
    onLost?.(error);
  }

  /** Empties the holder, so that a successor need not wait for the Lease to expire. */
  async #end(): Promise<void> {
    this.#cancelExpiry();
    if (this.#lost.signal.aborted || !this.#lease) return;
    const { client, clock, identity, logger, namespace, name } = this.#options;
    const free = () => ({ ...this.#spec(), holderIdentity: '', renewTime: microTime(clock.now()) });
    const replace = async (lease: KubeObject) => {
      await client.replace(leaseType, { ...lease, spec: free() }, { deadlineMs: releaseDeadlineMs });
    };
    try {
      try {
        await replace(this.#lease);
      } catch (error) {
        if (!isOvertaken(error)) throw error;
        await this.#look();
        if (this.#lease && this.#spec().holderIdentity === identity) await replace(this.#lease);
      }
      logger.debug('lease released', { namespace, name });
    } catch (error) {
      logger.warn('lease not released; a successor waits until it expires', {
        namespace,
        name,
        error: messageOf(error),
      });
    }
  }

  #spec(): LeaseSpec {
    return (this.#lease?.spec ?? {}) as LeaseSpec;
  }

  #isOver(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, rng } = this.#options;
    // An aborted pause is over; the loop looks at the signal itself.
    await clock.sleep(this.#rules.retryPeriodMs * (1 + jitterShare * rng()), signal).catch(() => undefined);
  }

  /** Once for the same trouble, not at each try. */
  #complain(what: string, error: unknown): void {
    const complaint = messageOf(error);
    if (complaint === this.#complaint) return;
    this.#complaint = complaint;
    const { logger, namespace, name } = this.#options;
    const reason = error instanceof HansaError ? error.reason : 'UnexpectedError';
    // To lose a race is how an election goes.
    logger[isOvertaken(error) ? 'debug' : 'warn'](what, { namespace, name, reason, error: complaint });
  }
}

function isOvertaken(error: unknown): boolean {
  return error instanceof HansaError && ['Conflict', 'AlreadyExists', 'NotFound'].includes(error.reason);
}
