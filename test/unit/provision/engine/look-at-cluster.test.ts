import { describe, expect, it } from 'vitest';
import { ofOneCluster } from '../../../../src/provision/engine/look-at-cluster.ts';

describe('API servers that speak for different clusters', () => {
  const speaker = (name: string, uid: string) => ({ name, uid });

  it('are heard only if they are most: one with an emptied disk speaks for itself alone', () => {
    const heard = ofOneCluster(
      [speaker('m1', 'empty'), speaker('m2', 'ours'), speaker('m3', 'ours')],
      undefined,
    );
    expect(heard.map(({ name }) => name)).toEqual(['m2', 'm3']);
  });

  it('are not heard at all, however many, if they speak for another one than the one that was made', () => {
    expect(ofOneCluster([speaker('m1', 'empty')], 'ours')).toEqual([]);
    const heard = ofOneCluster(
      [speaker('m1', 'empty'), speaker('m2', 'empty'), speaker('m3', 'ours')],
      'ours',
    );
    expect(heard.map(({ name }) => name)).toEqual(['m3']);
  });

  it('are none if nobody speaks', () => {
    expect(ofOneCluster([], undefined)).toEqual([]);
  });
});
