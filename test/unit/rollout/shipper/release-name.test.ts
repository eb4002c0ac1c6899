import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fnv1a } from '../../../../src/base/index.ts';
import {
  environmentJson,
  goJson,
  hashEnvironment,
  nextIteration,
  releaseName,
} from '../../../../src/rollout/plan/shipper/index.ts';

describe('FNV-1a', () => {
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('of %j', (text, hash) => {
    expect(fnv1a(text)).toBe(hash);
    expect(fnv1a(text.slice(0, 2), text.slice(2))).toBe(hash);
  });
});

describe("Go's JSON", () => {
  it.each<[string, unknown, string]>([
    [
      'keys in byte order',
      { '\u{1D11E}': 1, '\uFB00': 2, b: 3, B: 4, '10': 5, '9': 6 },
      '{"10":5,"9":6,"B":4,"b":3,"\uFB00":2,"\u{1D11E}":1}',
    ],
    ['characters of HTML escaped, in keys too', { '<': '>&' }, '{"\\u003c":"\\u003e\\u0026"}'],
    ['line separators escaped', '\u2028\u2029', '"\\u2028\\u2029"'],
    ['control characters', '\n\r\t\b\f\u0000\u007F', '"\\n\\r\\t\\u0008\\u000c\\u0000\u007F"'],
    ['quotes and backslashes', '"\\/', '"\\"\\\\/"'],
    ['half a character replaced', 'a\uD800b', '"a\uFFFDb"'],
    [
      'large numbers with exponents from 10^21',
      [1e20, 1e21, 123456789.5],
      '[100000000000000000000,1e+21,123456789.5]',
    ],
    ['small numbers with exponents below 10^-6', [0.000001, 0.0000001, 1.5e-9], '[0.000001,1e-7,1.5e-9]'],
    [
      'whole numbers without a point, zero without a sign',
      [3.0, -0, 12345678901234567890n],
      '[3,0,12345678901234567890]',
    ],
    ['nothing as null', [null, undefined], '[null,null]'],
    ['empty ones', { a: {}, b: [], c: undefined }, '{"a":{},"b":[]}'],
  ])('has %s', (_, value, json) => {
    expect(goJson(value)).toBe(json);
  });

  it('says what JSON says', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(goJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

/** What Go printed for the same environments with the fields of Shipper's types. */
describe('the JSON of an environment', () => {
  const step = { name: 's', capacity: { contender: 1, incumbent: 100 }, traffic: { incumbent: 100 } };

  it.each<[string, Record<string, unknown>, string, string]>([
    [
      'gives absent fields their zero values, and leaves out the strategy',
      { values: null, strategy: null },
      '{"chart":{"name":"","version":"","repoUrl":""},"values":null,"clusterRequirements":{"regions":null}}',
      '964c04d2',
    ],
    [
      'tells an empty list from none',
      { values: {}, strategy: {}, clusterRequirements: { regions: [] } },
      '{"chart":{"name":"","version":"","repoUrl":""},"values":{},"clusterRequirements":{"regions":[]},"strategy":{"steps":null}}',
      '8761ae87',
    ],
    [
      'keeps 0 replicas, and leaves out replicas of null and no capabilities',
      {
        strategy: { steps: [] },
        clusterRequirements: { regions: [{ name: 'a', replicas: 0 }, { replicas: null }], capabilities: [] },
      },
      '{"chart":{"name":"","version":"","repoUrl":""},"values":null,"clusterRequirements":{"regions":[{"name":"a","replicas":0},{"name":""}]},"strategy":{"steps":[]}}',
      'e1ae69a5',
    ],
    [
      'has fields in the order of the types, without those that Shipper does not know; a hash may be short',
      {
        sidecars: null,
        chart: { repoUrl: 'https://x?a&b', version: '1', name: 'n', extra: 1 },
        values: { b: 1, a: { z: [1, '<', null], y: 1e21 } },
        strategy: { steps: [step, {}] },
        clusterRequirements: { capabilities: ['b', 'a'], regions: null },
      },
      '{"chart":{"name":"n","version":"1","repoUrl":"https://x?a\\u0026b"},"values":{"a":{"y":1e+21,"z":[1,"\\u003c",null]},"b":1},"clusterRequirements":{"regions":null,"capabilities":["b","a"]},"strategy":{"steps":[{"name":"s","capacity":{"incumbent":100,"contender":1},"traffic":{"incumbent":100,"contender":0}},{"name":"","capacity":{"incumbent":0,"contender":0},"traffic":{"incumbent":0,"contender":0}}]}}',
      '3a3b343',
    ],
  ])('%s', (_, environment, json, hash) => {
    expect(environmentJson(environment)).toBe(json);
    expect(hashEnvironment(environment)).toBe(hash);
  });

  it('is the same for the same values in any order of keys, and differs for any other value', () => {
    const values = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 });
    fc.assert(
      fc.property(values, fc.string(), fc.integer(), (drawn, key, added) => {
        const reversed = Object.fromEntries(Object.entries(drawn).toReversed());
        expect(hashEnvironment({ values: reversed })).toBe(hashEnvironment({ values: drawn }));
        const changed = { ...drawn, [key]: added };
        fc.pre(goJson(changed) !== goJson(drawn));
        expect(environmentJson({ values: changed })).not.toBe(environmentJson({ values: drawn }));
      }),
    );
  });
});

describe('the name of a release', () => {
  it('counts the uses of its template', () => {
    expect(releaseName('app', 'abc', nextIteration([]))).toBe('app-abc-0');
    expect(releaseName('app', 'abc', nextIteration([0]))).toBe('app-abc-1');
    expect(releaseName('app', 'abc', nextIteration([4, 2]))).toBe('app-abc-5');
  });
});
