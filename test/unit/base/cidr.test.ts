import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressAt,
  formatAddress,
  formatNetwork,
  hostWithPort,
  networkHas,
  networksOverlap,
  parseAddress,
  parseCidr,
} from '../../../src/base/index.ts';

const address = fc.oneof(fc.ipV4(), fc.ipV6());
const network = fc.oneof(
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
);
const cidrOf = ([base, prefix]: readonly [string, number]) => {
  const cidr = parseCidr(`${base}/${prefix}`);
  if (!cidr) throw new Error(`${base}/${prefix} was not read`);
  return cidr;
};

describe('an address', () => {
  it('is read exactly when the platform takes it, zones aside', () => {
    const nearly = fc.oneof(address, fc.stringMatching(/^[0-9a-f:.]{1,24}$/));
    fc.assert(
      fc.property(nearly, (text) => {
        expect(parseAddress(text)?.family ?? 0).toBe(isIP(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('comes back as the same number when it is written and read again', () => {
    fc.assert(
      fc.property(address, (text) => {
        const read = parseAddress(text);
        expect(read && parseAddress(formatAddress(read))).toEqual(read);
      }),
    );
  });

  it.each([
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8:0:0:1:0:0:0', '2001:db8:0:0:1::'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['10.0.0.255', '10.0.0.255'],
  ])('%s is written as %s', (text, written) => {
    const read = parseAddress(text);
    expect(read && formatAddress(read)).toBe(written);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.01',
    '256.0.0.1',
    ':::',
    '1:2:3:4:5:6:7:8::',
    'fe80::1%eth0',
    'a.b',
    '1::2::3',
  ])('"%s" is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('a network', () => {
  it('has an address exactly when the platform says so', () => {
    fc.assert(
      fc.property(network, address, ([base, prefix], other) => {
        // The platform lets ::ffff:10.0.0.1 stand for 10.0.0.1; here they are two families.
        fc.pre(isIP(base) === isIP(other));
        const list = new BlockList();
        const family = isIP(base) === 4 ? 'ipv4' : 'ipv6';
        list.addSubnet(base, prefix, family);
        const read = parseAddress(other);
        expect(read && networkHas(cidrOf([base, prefix]), read)).toBe(list.check(other, family));
      }),
    );
  });

  it('overlaps another exactly when one has the first address of the other', () => {
    fc.assert(
      fc.property(network, network, (one, two) => {
        const [a, b] = [cidrOf(one), cidrOf(two)];
        const first = (cidr: typeof a) => ({ family: cidr.family, value: cidr.first });
        const expected = networkHas(a, first(b)) || networkHas(b, first(a));
        expect(networksOverlap(a, b)).toBe(expected);
        expect(networksOverlap(b, a)).toBe(expected);
        expect(networksOverlap(a, a)).toBe(true);
      }),
    );
  });

  it('keeps the address that was written, and is named without it', () => {
    const cidr = cidrOf(['10.0.0.5', 24]);
    expect(formatAddress(cidr.address)).toBe('10.0.0.5');
    expect(formatNetwork(cidr)).toBe('10.0.0.0/24');
  });

  it('gives DNS its tenth address, and nothing beyond its end', () => {
    const tenth = addressAt(cidrOf(['10.96.0.0', 12]), 10);
    expect(tenth && formatAddress(tenth)).toBe('10.96.0.10');
    expect(addressAt(cidrOf(['10.0.0.0', 30]), 4)).toBeUndefined();
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    'fd00::/129',
    'x/8',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ])('"%s" is none', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

it.each([
  ['10.0.0.1', '10.0.0.1:6443'],
  ['fd00::1', '[fd00::1]:6443'],
  ['[fd00::1]', '[fd00::1]:6443'],
  ['api.example.com', 'api.example.com:6443'],
])('%s before a port is %s', (host, expected) => {
  expect(hostWithPort(host, 6443)).toBe(expected);
});
