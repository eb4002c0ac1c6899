import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains } from '../../../src/base/index.ts';

describe('a live object contains what is desired', () => {
  it.each<[string, unknown, unknown, boolean]>([
    ['with more fields than that', { a: 1, b: 2 }, { a: 1 }, true],
    ['not with another value', { a: 1 }, { a: 2 }, false],
    ['not without the field', { b: 1 }, { a: 1 }, false],
    ['at every depth', { a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 1 } } }, true],
    ['not with a list that is longer', { a: [1, 2] }, { a: [1] }, false],
    ['not with a list in another order', { a: [1, 2] }, { a: [2, 1] }, false],
    ['with more fields in the items of a list', { a: [{ x: 1, y: 2 }] }, { a: [{ x: 1 }] }, true],
    ['without what is desired to be null', { b: 1 }, { a: null }, true],
    ['not with what is desired to be null', { a: 1 }, { a: null }, false],
    ['without an empty map, which the server drops', {}, { a: {} }, true],
    ['not with a text for a number', { a: '1' }, { a: 1 }, false],
    ['not with a map for a list', { a: {} }, { a: [] }, false],
    ['not with a list for a map', { a: [] }, { a: { b: 1 } }, false],
    ['with zero and false as they are', { a: 0, b: false }, { a: 0, b: false }, true],
    ['not without zero or false', {}, { a: 0 }, false],
  ])('%s', (_, live, desired, expected) => {
    expect(contains(live, desired)).toBe(expected);
  });

  it('always when it is just that, and when something is added to it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue()), (value) => {
        expect(contains(value, value)).toBe(true);
        expect(contains({ ...value, more: 1 }, value)).toBe(true);
      }),
    );
  });
});
