import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fnv1, hashOf, stableJson } from '../../../src/base/index.ts';

describe('stable JSON', () => {
  it('sorts keys at every depth and leaves out what is undefined', () => {
    expect(stableJson({ b: [{ z: 1, a: undefined, y: 2 }], a: null })).toBe('{"a":null,"b":[{"y":2,"z":1}]}');
    expect(stableJson([undefined, 1])).toBe('[null,1]');
  });

  it('reads back as the value it was made from', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(stableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('is the same for every order of keys, and so is the hash', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).toReversed());
        expect(stableJson(turned)).toBe(stableJson(value));
        expect(hashOf(turned)).toBe(hashOf(value));
      }),
    );
  });

  it('tells different values apart', () => {
    const hashes = [{}, [], null, { a: 1 }, { a: '1' }, { a: [1] }, { a: null }].map(hashOf);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashes.every((hash) => /^[0-9a-f]{16}$/.test(hash))).toBe(true);
  });
});

describe('FNV-1', () => {
  // Vectors of the algorithm's authors; FNV-1a would give e40c292c for "a".
  it.each([
    ['', 0x811c9dc5],
    ['a', 0x050c5d7e],
    ['foobar', 0x31f0b262],
  ])('of "%s"', (text, hash) => {
    expect(fnv1(text)).toBe(hash);
  });

  it('of parts is that of the parts joined, in bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (a, b) => {
        fc.pre(a.isWellFormed());
        expect(fnv1(a, b)).toBe(fnv1(a + b));
      }),
    );
  });
});
