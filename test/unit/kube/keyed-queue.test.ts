import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyedQueue } from '../../../src/kube/index.ts';
import { createSimulatedClock } from '../../../src/kube/simulated-clock.ts';

function queueAtRest(options: { rng?: () => number } = {}) {
  const clock = createSimulatedClock();
  const queue = new KeyedQueue({
    name: 'test',
    clock,
    rng: options.rng ?? (() => 1),
    backoffMs: { first: 100, max: 1_000 },
  });
  return { clock, queue };
}

/** What is ready, taken and done at once. */
async function takeAll(queue: KeyedQueue): Promise<string[]> {
  const taken: string[] = [];
  while (queue.readyCount > 0) {
    const key = await queue.next();
    if (key === undefined) break;
    taken.push(key);
    queue.done(key, { kind: 'ok' });
  }
  return taken;
}

describe('a keyed queue', () => {
  it('holds a key once, however often it is added', async () => {
    const { queue } = queueAtRest();
    for (let i = 0; i < 5; i++) queue.add('a');
    queue.add('b');
    expect(await takeAll(queue)).toEqual(['a', 'b']);
  });

  it('runs a key that was added while it ran once more, and not at the same time', async () => {
    const { queue } = queueAtRest();
    queue.add('a');
    expect(await queue.next()).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(queue.readyCount).toBe(0);
    queue.done('a', { kind: 'ok' });
    expect(await takeAll(queue)).toEqual(['a']);
  });

  it('lets changes overtake the first list, and lifts a key that is asked for again', async () => {
    const { queue } = queueAtRest();
    queue.add('listed-1', { priority: 'low' });
    queue.add('listed-2', { priority: 'low' });
    queue.add('changed');
    queue.add('listed-2');
    expect(await takeAll(queue)).toEqual(['changed', 'listed-2', 'listed-1']);
  });

  it('keeps the earliest time that was asked for', async () => {
    const { clock, queue } = queueAtRest();
    queue.add('a', { afterMs: 1_000 });
    queue.add('a', { afterMs: 200 });
    queue.add('a', { afterMs: 5_000 });
    clock.advance(199);
    expect(queue.readyCount).toBe(0);
    clock.advance(1);
    expect(await takeAll(queue)).toEqual(['a']);
    clock.advance(10_000);
    expect(queue.depth).toBe(0);
  });

  it('waits longer after each failure up to its limit, and starts anew after a success', async () => {
    const { clock, queue } = queueAtRest();
    const waits: number[] = [];
    queue.add('a');
    for (let i = 0; i < 6; i++) {
      await queue.next();
      queue.done('a', { kind: 'failed' });
      let waited = 0;
      while (queue.readyCount === 0) {
        clock.advance(50);
        waited += 50;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    await queue.next();
    queue.done('a', { kind: 'ok' });
    expect(queue.failuresOf('a')).toBe(0);
  });

  it('takes a failed key up at once when something about it changed', async () => {
    const { queue } = queueAtRest();
    queue.add('a');
    await queue.next();
    queue.done('a', { kind: 'failed' });
    expect(queue.readyCount).toBe(0);
    queue.add('a');
    expect(await takeAll(queue)).toEqual(['a']);
  });

  it('wakes who waits for a key, and tells everyone when it closes', async () => {
    const { queue } = queueAtRest();
    const first = queue.next();
    const second = queue.next();
    queue.add('a');
    expect(await first).toBe('a');
    queue.close();
    expect(await second).toBeUndefined();
    expect(await queue.next()).toBeUndefined();
  });

  it('never runs a key twice at once and loses none (random lives)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({
              do: fc.constant('add' as const),
              key: fc.constantFrom('a', 'b', 'c'),
              afterMs: fc.constantFrom(0, 10, 500),
            }),
            fc.record({ do: fc.constant('take' as const) }),
            fc.record({ do: fc.constant('finish' as const), ok: fc.boolean() }),
            fc.record({ do: fc.constant('wait' as const), ms: fc.nat(300) }),
          ),
          { maxLength: 60 },
        ),
        async (events) => {
          const { clock, queue } = queueAtRest();
          const running: string[] = [];
          const owed = new Set<string>();
          const takeOne = async () => {
            if (queue.readyCount === 0) return;
            const key = (await queue.next()) as string;
            expect(running).not.toContain(key);
            running.push(key);
            owed.delete(key);
          };
          for (const event of events) {
            if (event.do === 'add') {
              queue.add(event.key, { afterMs: event.afterMs });
              owed.add(event.key);
            } else if (event.do === 'take') await takeOne();
            else if (event.do === 'wait') clock.advance(event.ms);
            else {
              const key = running.shift();
              if (!key) continue;
              queue.done(key, { kind: event.ok ? 'ok' : 'failed' });
              if (!event.ok) owed.add(key);
            }
          }
          for (const key of running.splice(0)) queue.done(key, { kind: 'ok' });
          clock.advance(10_000);
          while (queue.readyCount > 0) {
            await takeOne();
            for (const key of running.splice(0)) queue.done(key, { kind: 'ok' });
          }
          expect([...owed]).toEqual([]);
          expect(queue.depth).toBe(0);
        },
      ),
    );
  });
});
