import { describe, expect, it } from 'vitest';
import { statusPatch } from '../../../../src/provision/controller/status-patch.ts';

describe('the patch of a status', () => {
  it('is none where nothing changed', () => {
    expect(statusPatch({ phase: 'Ready', list: [{ a: 1 }] }, { list: [{ a: 1 }], phase: 'Ready' })).toBe(
      undefined,
    );
  });

  it('writes what changed, and lists whole', () => {
    expect(
      statusPatch({ phase: 'Ready', list: [1, 2], same: 'x' }, { phase: 'Failed', list: [2], same: 'x' }),
    ).toEqual({
      phase: 'Failed',
      list: [2],
    });
  });

  it('takes away what is gone', () => {
    expect(statusPatch({ phase: 'Ready', currentOperation: 'a' }, { phase: 'Ready' })).toEqual({
      currentOperation: null,
    });
  });

  it('is all of a status that was never written', () => {
    expect(statusPatch(undefined, { phase: 'Pending' })).toEqual({ phase: 'Pending' });
  });
});
