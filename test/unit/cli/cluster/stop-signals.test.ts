import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { stopSignals } from '../../../../src/cli/cluster/stop-signals.ts';

function atTerminal() {
  const keys = new EventEmitter();
  const told: string[] = [];
  const stops = stopSignals((line) => told.push(line), keys);
  return { stops, told, ctrlC: () => keys.emit('SIGINT') };
}

describe('Ctrl-C', () => {
  it('ends a command that only looks, at once', () => {
    const { stops, told, ctrlC } = atTerminal();
    ctrlC();
    expect(stops.signal.aborted).toBe(true);
    expect(stops.signal.reason).toMatchObject({ reason: 'Cancelled' });
    expect(told).toEqual([]);
  });

  it('lets steps under way come to their end, and says so', () => {
    const { stops, told, ctrlC } = atTerminal();
    stops.begin();
    ctrlC();
    expect(stops.stopping.aborted).toBe(true);
    expect(stops.signal.aborted).toBe(false);
    expect(told.join()).toMatch(/no new step starts.*Ctrl-C again stops now/);
  });

  it('stops all when it is pressed again', () => {
    const { stops, told, ctrlC } = atTerminal();
    stops.begin();
    ctrlC();
    ctrlC();
    expect(stops.signal.aborted).toBe(true);
    expect(told).toHaveLength(2);
  });

  it('is left to the system the third time, so that nothing holds a terminal for ever', () => {
    const keys = new EventEmitter();
    stopSignals(() => undefined, keys).begin();
    keys.emit('SIGINT');
    keys.emit('SIGINT');
    expect(keys.listenerCount('SIGINT')).toBe(0);
  });
});
