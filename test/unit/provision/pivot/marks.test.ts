import { describe, expect, it } from 'vitest';
import {
  decideToFile,
  decideToHost,
  type Decision,
  type HomeSight,
  markOf,
  tokenOf,
} from '../../../../src/provision/pivot/marks.ts';

const key = { namespace: 'clusters', name: 'shop' };
const absent: HomeSight = { kind: 'absent' };
const active: HomeSight = { kind: 'active', ca: 'CA 1' };
const other: HomeSight = { kind: 'active', ca: 'CA 2' };
const marked = (token: string, ca: string | undefined = 'CA 1'): HomeSight => ({
  kind: 'marked',
  movedTo: markOf('somewhere', token),
  ca,
});

function told(decision: Decision): string {
  return decision.kind === 'refuse' ? decision.reason : decision.kind;
}

describe('where a cluster is, and what a move to the other home does', () => {
  it.each([
    // file, host, to the host, to the file
    ['in the file alone', active, absent, 'move', 'NotFound'],
    ['on the host alone', absent, active, 'NotFound', 'move'],
    ['nowhere', absent, absent, 'NotFound', 'NotFound'],
    ['in the file, and the host keeps a copy', active, marked('aa'), 'move', 'nothing'],
    ['on the host, and the file keeps a copy', marked('aa'), active, 'nothing', 'move'],
    ['between the two marks of one move', marked('aa'), marked('aa'), 'finish', 'finish'],
    ['in a third place', marked('aa'), marked('bb'), 'KeptElsewhere', 'KeptElsewhere'],
    ['in the file of somebody else', absent, marked('aa'), 'NotFound', 'KeptElsewhere'],
    ['on another host', marked('aa'), absent, 'NotFound', 'NotFound'],
    ['in both', active, active, 'KeptTwice', 'KeptTwice'],
    [
      'in the file, with the copy of another cluster',
      other,
      marked('aa'),
      'AnotherCluster',
      'AnotherCluster',
    ],
    [
      'on the host, with the copy of another cluster',
      marked('aa', 'CA 2'),
      active,
      'nothing',
      'AnotherCluster',
    ],
  ])('%s', (_, file, host, toHost, toFile) => {
    expect(told(decideToHost({ key, file, host }))).toBe(toHost);
    expect(told(decideToFile({ key, file, host }))).toBe(toFile);
  });

  it('takes a copy without a CA for that of a cluster that was never made', () => {
    expect(told(decideToHost({ key, file: active, host: marked('aa', undefined) }))).toBe('move');
  });

  it.each([
    ['the state file of anna@laptop (move 0123456789ab)', '0123456789ab'],
    ['the state file (move x) of anna@laptop', undefined],
    ['written by a person', undefined],
  ])('knows a move by its token: %s', (mark, token) => {
    expect(tokenOf(mark)).toBe(token);
  });
});
