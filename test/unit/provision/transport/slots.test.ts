import { describe, expect, it } from 'vitest';
import { Slots } from '../../../../src/provision/transport/slots.ts';

describe('places for channels', () => {
  it('are given out in the order they were asked for', async () => {
    const slots = new Slots(1);
    const order: number[] = [];
    const first = await slots.take();
    const others = [1, 2, 3].map(async (number) => {
      const release = await slots.take();
      order.push(number);
      release();
    });
    first();
    await Promise.all(others);
    expect(order).toEqual([1, 2, 3]);
    expect(slots.taken).toBe(0);
  });

  it('are not lost by one who gives up waiting, nor given back twice', async () => {
    const slots = new Slots(1);
    const first = await slots.take();
    const impatient = new AbortController();
    const waiting = slots.take(impatient.signal);
    impatient.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    first();
    first();
    expect(slots.taken).toBe(0);
    const again = await slots.take();
    expect(slots.taken).toBe(1);
    again();
  });

  it('become fewer when the server refuses one, but never none', async () => {
    const slots = new Slots(8);
    const taken = [await slots.take(), await slots.take(), await slots.take()];
    slots.shrink();
    expect(slots.limit).toBe(2);
    slots.shrink();
    for (const release of taken) release();
    const last = await slots.take();
    slots.shrink();
    expect(slots.limit).toBe(1);
    last();
  });
});
