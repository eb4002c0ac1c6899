import { describe, expect, it } from 'vitest';
import { planSeats } from '../../../src/sandbox/plan-seats.ts';
import { aState } from './build-state.ts';

const wishes = { parts: 'full', hostParts: 'api', nodesPerMember: 3 } as const;

function counter(from: number): () => Promise<number> {
  let next = from;
  return async () => next++;
}

describe('the control planes of a sandbox', () => {
  it('are the host and the members, with two ports each', async () => {
    const seats = await planSeats({ ...wishes, members: [{ name: 'a', region: 'eu' }] }, [], counter(7000));
    expect(seats).toEqual([
      { name: 'host', parts: 'api', nodes: 0, apiPort: 7000, etcdPort: 7001 },
      {
        name: 'a',
        parts: 'full',
        nodes: 3,
        apiPort: 7002,
        etcdPort: 7003,
        spec: { name: 'a', region: 'eu' },
      },
    ]);
  });

  it('keep the ports of kept data', async () => {
    const kept = aState().controlPlanes;
    const seats = await planSeats({ ...wishes, members: [{ name: 'm1' }] }, kept, counter(7000));
    expect(seats.map(({ apiPort }) => apiPort)).toEqual(kept.map(({ apiPort }) => apiPort));
  });

  it.each([
    [[{ name: 'host' }], /"host"/],
    [[{ name: 'a' }, { name: 'a' }], /two members/],
    [[{ name: 'A' }], /can't be used/],
  ])('refuse the members %j', async (members, message) => {
    await expect(planSeats({ ...wishes, members }, [], counter(1))).rejects.toThrow(message);
  });

  it('refuse kept data of other members', async () => {
    const kept = aState().controlPlanes;
    await expect(planSeats({ ...wishes, members: [{ name: 'm2' }] }, kept, counter(1))).rejects.toMatchObject(
      {
        reason: 'MembersDiffer',
      },
    );
  });
});
