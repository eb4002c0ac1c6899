import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HansaError, silentLogger } from '../../../src/base/index.ts';
import { elect, type ElectOptions, type Leadership } from '../../../src/kube/lease.ts';
import { createSimulatedClock, type SimulatedClock } from '../../../src/kube/simulated-clock.ts';
import { SimulatedStore } from './simulated-store.ts';

interface LeaseSpec {
  readonly holderIdentity: string;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseDurationSeconds: number;
  readonly leaseTransitions: number;
}

const leaseKey = 'leases/hansa/leader';

function worldAtRest() {
  const clock = createSimulatedClock();
  const store = new SimulatedStore();
  const compete = (identity: string, options: Partial<ElectOptions> = {}) =>
    competitor(clock, store, identity, options);
  const spec = () => store.objects.get(leaseKey)?.spec as LeaseSpec;
  return { clock, store, compete, spec };
}

function competitor(
  clock: SimulatedClock,
  store: SimulatedStore,
  identity: string,
  options: Partial<ElectOptions>,
) {
  const stop = new AbortController();
  const state: { leadership?: Leadership; error?: unknown } = {};
  const done = elect({
    client: store.client(identity),
    namespace: 'hansa',
    name: 'leader',
    identity,
    clock,
    rng: () => 0,
    logger: silentLogger,
    signal: stop.signal,
    ...options,
  }).then(
    (leadership) => {
      state.leadership = leadership;
    },
    (error: unknown) => {
      state.error = error;
    },
  );
  const leads = () => state.leadership !== undefined && !state.leadership.lost.aborted;
  return { state, done, stop, leads };
}

const unreachable = () => Promise.reject(new HansaError('no route', { reason: 'Unreachable' }));

describe('an election', () => {
  it('gives the lease to the first, with times of six digits', async () => {
    const { clock, compete, spec } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    expect(a.leads()).toBe(true);
    expect(spec()).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(spec().renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('keeps others waiting while the leader renews, and renews every two seconds', async () => {
    const { clock, store, compete, spec } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    const b = compete('b');
    const before = store.writes.length;
    await clock.pass(60_000);
    expect([a.leads(), b.leads()]).toEqual([true, false]);
    expect(store.writes.length - before).toBe(30);
    expect(Date.parse(spec().renewTime)).toBeGreaterThanOrEqual(clock.now() - 2_000);
    expect(Date.parse(spec().acquireTime)).toBe(clock.now() - 60_000);
  });

  it('hands over at once when the leader releases', async () => {
    const { clock, compete, spec } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    const b = compete('b');
    await clock.pass(5_000);
    await a.state.leadership?.release();
    expect(spec().holderIdentity).toBe('');
    await clock.pass(2_000);
    expect(b.leads()).toBe(true);
    expect(spec().leaseTransitions).toBe(1);
    expect(a.state.leadership?.lost.aborted).toBe(false);
  });

  it('waits the whole lease after a leader died, whatever the clocks of both show', async () => {
    const { clock, store, compete } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    store.fault = (call, next) => (call.by === 'a' ? unreachable() : next());
    // A peer whose clock is years behind: its timestamps look long expired.
    const lease = store.objects.get(leaseKey);
    if (lease) {
      const spec = { ...(lease.spec as object), renewTime: '2001-01-01T00:00:00.000000Z' };
      store.objects.set(leaseKey, { ...lease, spec });
    }
    const b = compete('b');
    await clock.pass(15_000);
    expect(b.leads()).toBe(false);
    await clock.pass(2_001);
    expect(b.leads()).toBe(true);
    expect(a.leads()).toBe(false);
  });

  it('goes by the duration the holder wrote, not by its own', async () => {
    const { clock, store, compete } = worldAtRest();
    compete('a', { leaseDurationMs: 60_000 });
    await clock.pass(0);
    store.fault = (call, next) => (call.by === 'a' ? unreachable() : next());
    const b = compete('b');
    await clock.pass(59_000);
    expect(b.leads()).toBe(false);
    await clock.pass(4_000);
    expect(b.leads()).toBe(true);
  });

  it('ends with Cancelled when the wait is ended, without touching the lease', async () => {
    const { clock, compete, spec } = worldAtRest();
    compete('a');
    await clock.pass(0);
    const b = compete('b');
    await clock.pass(3_000);
    b.stop.abort();
    await clock.pass(0);
    expect(b.state.error).toMatchObject({ reason: 'Cancelled' });
    expect(spec().holderIdentity).toBe('a');
  });

  it('gives back what it got while it was being cancelled', async () => {
    const { clock, store, compete, spec } = worldAtRest();
    store.fault = async (call, next) => {
      if (call.verb === 'create') await clock.sleep(1_000);
      return next();
    };
    const a = compete('a');
    await clock.pass(500);
    a.stop.abort();
    await clock.pass(1_000);
    expect(a.state.error).toMatchObject({ reason: 'Cancelled' });
    expect(spec().holderIdentity).toBe('');
    expect(clock.waiting).toBe(0);
  });

  it('refuses times that let two lead at once', async () => {
    const { compete } = worldAtRest();
    const a = compete('a', { leaseDurationMs: 5_000, renewDeadlineMs: 10_000 });
    await a.done;
    expect(a.state.error).toMatchObject({ reason: 'InvalidOption' });
  });
});

describe('a leader', () => {
  it('sits out errors that pass before its deadline', async () => {
    const { clock, store, compete } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    store.fault = unreachable;
    await clock.pass(7_000);
    store.fault = (_, next) => next();
    await clock.pass(60_000);
    expect(a.leads()).toBe(true);
  });

  it('stops when its deadline passes, and says why', async () => {
    const { clock, store, compete } = worldAtRest();
    const reasons: string[] = [];
    const a = compete('a', { onLost: ({ message }) => reasons.push(message) });
    await clock.pass(0);
    store.fault = unreachable;
    await clock.pass(9_999);
    expect(a.leads()).toBe(true);
    await clock.pass(1);
    expect(a.leads()).toBe(false);
    expect(reasons).toEqual(['the Lease hansa/leader was lost: it could not be renewed for 10000 ms']);
    expect(clock.waiting).toBe(0);
  });

  it('stops on time although a renewal hangs', async () => {
    const { clock, store, compete } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    store.fault = () => new Promise(() => undefined);
    await clock.pass(10_000);
    expect(a.leads()).toBe(false);
  });

  it('stays stopped when a renewal is answered after its deadline', async () => {
    const { clock, store, compete } = worldAtRest();
    const a = compete('a');
    await clock.pass(2_000);
    store.fault = unreachable;
    await clock.pass(7_000);
    store.fault = async (_, next) => {
      await clock.sleep(3_000);
      return next();
    };
    await clock.pass(5_000);
    expect(a.leads()).toBe(false);
    expect(clock.waiting).toBe(0);
  });

  it('goes on when only the answer to a renewal was lost', async () => {
    const { clock, store, compete, spec } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    let lose = true;
    store.fault = async (call, next) => {
      const answer = await next();
      if (call.verb !== 'replace' || !lose) return answer;
      lose = false;
      return unreachable();
    };
    await clock.pass(60_000);
    expect(a.leads()).toBe(true);
    expect(spec().leaseTransitions).toBe(0);
  });

  it('stops as soon as it sees another holder', async () => {
    const { clock, store, compete } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    const lease = store.objects.get(leaseKey);
    if (lease) {
      store.objects.set(leaseKey, {
        ...lease,
        metadata: { ...lease.metadata, resourceVersion: 'other' },
        spec: { ...(lease.spec as object), holderIdentity: 'intruder' },
      });
    }
    await clock.pass(2_000);
    expect(a.leads()).toBe(false);
    expect(a.state.leadership?.lost.reason).toMatchObject({ reason: 'LeadershipLost' });
  });

  it('puts a lease back that someone deleted, and keeps what others wrote beside it', async () => {
    const { clock, store, compete, spec } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    store.objects.delete(leaseKey);
    await clock.pass(4_000);
    expect(a.leads()).toBe(true);
    expect(spec().holderIdentity).toBe('a');
    const lease = store.objects.get(leaseKey);
    if (lease) {
      store.objects.set(leaseKey, {
        ...lease,
        metadata: { ...lease.metadata, annotations: { note: 'kept' }, resourceVersion: 'x' },
      });
    }
    await clock.pass(6_000);
    expect(store.objects.get(leaseKey)?.metadata.annotations).toEqual({ note: 'kept' });
    expect(a.leads()).toBe(true);
  });

  it('releases without an error although the server is gone, and leaves nothing running', async () => {
    const { clock, store, compete } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    store.fault = unreachable;
    await a.state.leadership?.release();
    await a.state.leadership?.release();
    expect(clock.waiting).toBe(0);
  });

  it('keeps the lease while work drains after the signal', async () => {
    const { clock, compete, spec } = worldAtRest();
    const a = compete('a');
    await clock.pass(0);
    a.stop.abort();
    await clock.pass(60_000);
    expect(spec().holderIdentity).toBe('a');
    expect(a.leads()).toBe(true);
  });
});

describe('three competitors with a faulty network', () => {
  it('are never two leaders at once, and there is one again when the faults end (random lives)', async () => {
    const action = fc.oneof(
      fc.record({ do: fc.constantFrom('cut', 'lose-answers', 'delay', 'mend'), who: fc.nat(2) }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 500, max: 20_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const { clock, store, compete } = worldAtRest();
        const trouble = new Map<string, string>();
        store.fault = async (call, next) => {
          switch (trouble.get(call.by)) {
            case 'cut':
              return unreachable();
            case 'lose-answers':
              await next();
              return unreachable();
            case 'delay':
              await clock.sleep(6_000);
              return next();
            default:
              return next();
          }
        };
        const all = ['a', 'b', 'c'].map((identity) => compete(identity));
        const pass = async (ms: number) => {
          for (let left = ms; left > 0; left -= 250) {
            await clock.pass(Math.min(left, 250));
            expect(all.filter(({ leads }) => leads()).length).toBeLessThanOrEqual(1);
          }
        };
        for (const step of actions) {
          if (step.do === 'wait') await pass(step.ms);
          else trouble.set(['a', 'b', 'c'][step.who] ?? '', step.do);
        }
        trouble.clear();
        // Who lost does not come back by itself, so this looks only whether someone could lead.
        const stillIn = all.some(({ state }) => !state.leadership?.lost.aborted);
        await pass(60_000);
        if (stillIn) expect(all.filter(({ leads }) => leads()).length).toBe(1);
        for (const { stop, state } of all) {
          stop.abort();
          await state.leadership?.release();
        }
        await clock.pass(20_000);
      }),
      { numRuns: 40 },
    );
  });
});
