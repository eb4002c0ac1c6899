import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../../../src/kube/simulated-clock.ts';
import { systemClock } from '../../../src/kube/system-clock.ts';

describe.each([
  ['the system clock', () => ({ clock: systemClock, pass: (ms: number) => systemClock.sleep(ms) })],
  [
    'the simulated clock',
    () => {
      const clock = createSimulatedClock();
      return { clock, pass: (ms: number) => clock.pass(ms) };
    },
  ],
])('%s', (_, create) => {
  it('runs what is due in its order, and not what was cancelled', async () => {
    const { clock, pass } = create();
    const ran: string[] = [];
    clock.after(30, () => ran.push('late'));
    clock.after(10, () => ran.push('soon'));
    clock.after(0, () => ran.push('now'));
    const cancel = clock.after(20, () => ran.push('cancelled'));
    cancel();
    await pass(60);
    expect(ran).toEqual(['now', 'soon', 'late']);
  });

  it('wakes a sleeper with the reason of its signal, before or during the sleep', async () => {
    const { clock } = create();
    const reason = new Error('enough');
    const stop = new AbortController();
    const sleeping = clock.sleep(60_000, stop.signal);
    stop.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(clock.sleep(60_000, stop.signal)).rejects.toBe(reason);
  });

  it('takes a wait of months as such, although a timer of Node can’t hold it', async () => {
    const { clock, pass } = create();
    const ran: string[] = [];
    const cancel = clock.after(90 * 24 * 3_600_000, () => ran.push('at once'));
    await pass(30);
    cancel();
    expect(ran).toEqual([]);
  });
});

describe('simulated time', () => {
  it('runs timers that timers start, within the same step', () => {
    const clock = createSimulatedClock();
    const ranAtMs: number[] = [];
    const again = () => {
      ranAtMs.push(clock.monotonic());
      clock.after(100, again);
    };
    clock.after(100, again);
    clock.advance(350);
    expect(ranAtMs).toEqual([100, 200, 300]);
    expect(clock.monotonic()).toBe(350);
    expect(clock.waiting).toBe(1);
  });

  it('lets promises go on between two timers when it passes', async () => {
    const clock = createSimulatedClock({ startMs: 1_000 });
    const seen: number[] = [];
    const walking = (async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10);
        seen.push(clock.now());
      }
    })();
    await clock.pass(1_000);
    await walking;
    expect(seen).toEqual([1_010, 1_020, 1_030]);
  });
});
