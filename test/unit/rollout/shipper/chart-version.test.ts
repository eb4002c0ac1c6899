import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareChartVersions,
  readChartVersion,
  readVersionConstraint,
  resolveChartVersion,
} from '../../../../src/rollout/plan/shipper/index.ts';

function admitted(constraint: string, versions: readonly string[]): readonly string[] {
  const read = readVersionConstraint(constraint);
  if (!read.ok) throw new Error(read.message);
  return versions.filter((text) => {
    const version = readChartVersion(text);
    return version !== undefined && read.admits(version);
  });
}

describe('a constraint', () => {
  const versions = ['0.0.1', '0.9.0', '1.0.0', '1.2.0', '1.2.3', '1.3.0-rc.1', '1.3.0', '2.0.0', '2.0.1'];

  it.each([
    ['1.2.3', '1.2.3'],
    ['v1.2.3', '1.2.3'],
    ['=1.2', '1.2.0'],
    ['1', '1.0.0 1.2.0 1.2.3 1.3.0'],
    ['1.2.x', '1.2.0 1.2.3'],
    ['1.X', '1.0.0 1.2.0 1.2.3 1.3.0'],
    ['*', '0.0.1 0.9.0 1.0.0 1.2.0 1.2.3 1.3.0 2.0.0 2.0.1'],
    ['!=1.2.3', '0.0.1 0.9.0 1.0.0 1.2.0 1.3.0-rc.1 1.3.0 2.0.0 2.0.1'],
    ['!=1.x', '0.0.1 0.9.0 2.0.0 2.0.1'],
    ['!=1.2.x', '0.0.1 0.9.0 1.0.0 1.3.0 2.0.0 2.0.1'],
    ['>1.3.0', '2.0.0 2.0.1'],
    ['>=1.3.0', '1.3.0 2.0.0 2.0.1'],
    ['=>1.3.0', '1.3.0 2.0.0 2.0.1'],
    ['<1.2.0', '0.0.1 0.9.0 1.0.0'],
    ['<=1.2.0', '0.0.1 0.9.0 1.0.0 1.2.0'],
    ['=<1.2.0', '0.0.1 0.9.0 1.0.0 1.2.0'],
    // Above 1.0.0, not above all of 1.
    ['>1.x', '1.2.0 1.2.3 1.3.0 2.0.0 2.0.1'],
    // A quirk of this version: it compares the parts on their own, so that 0.9.0 is not below 1.2.x.
    ['<=1.2.x', '0.0.1 1.0.0 1.2.0 1.2.3'],
    ['~1.2.0', '1.2.0 1.2.3'],
    ['~>1.2', '1.2.0 1.2.3'],
    ['~1', '1.0.0 1.2.0 1.2.3 1.3.0'],
    ['~1.2.3', '1.2.3'],
    ['^1.2.0', '1.2.0 1.2.3 1.3.0'],
    ['^0.0.1', '0.0.1 0.9.0'],
    ['1.0.0 - 1.2.3', '1.0.0 1.2.0 1.2.3'],
    ['>=1.0.0, <1.3.0, !=1.2.0', '1.0.0 1.2.3'],
    ['0.0.1 || >= 2', '0.0.1 2.0.0 2.0.1'],
    ['1.0.0 - 1.2.0 || 2.0.0 - 2.0.0', '1.0.0 1.2.0 2.0.0'],
    // Who names a prerelease gets prereleases; who wants all above zero does, too.
    ['>=1.3.0-alpha', '1.3.0-rc.1 1.3.0 2.0.0 2.0.1'],
    ['=1.3.0-rc.1', '1.3.0-rc.1'],
    ['>0.0.0', versions.join(' ')],
    // `^*` means major version 0, against what its documentation says.
    ['^*', '0.0.1 0.9.0'],
  ])('%s', (constraint, expected) => {
    expect(admitted(constraint, versions).join(' ')).toBe(expected);
  });

  it.each([
    ['>=1.0.0 <2.0.0', 'improper constraint: >=1.0.0 <2.0.0'],
    ['', 'improper constraint: '],
    ['1.0.0,', 'improper constraint: '],
    ['latest', 'improper constraint: latest'],
    ['==1', 'improper constraint: ==1'],
    ['1x.0', 'constraint Parser Error'],
    ['1|2', 'constraint Parser Error'],
  ])('%j is refused: %s', (constraint, message) => {
    expect(readVersionConstraint(constraint)).toEqual({ ok: false, message });
  });
});

describe('versions', () => {
  it('are in order, prereleases below their release and numbers below words', () => {
    const ordered = [
      '0.9',
      '1.0.0-1',
      '1.0.0-2',
      '1.0.0-10',
      '1.0.0-alpha.beta',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-beta',
      '1.0.0',
      'v1.0.1+build',
      '1.10.0',
      '9223372036854775807.0.0',
    ].map((text) => readChartVersion(text) ?? expect.unreachable(text));
    expect(ordered.toReversed().toSorted(compareChartVersions)).toEqual(ordered);
  });

  it.each(['', '1.', '1.2.3.4', 'V1', '1.0.0-', '1.0.0 ', 'x', '1.0.0-é', '9223372036854775808.0.0'])(
    '%j is none',
    (text) => {
      expect(readChartVersion(text)).toBeUndefined();
    },
  );

  it('differ by nothing in build metadata', () => {
    const [a, b] = ['1.0.0+a', '1.0.0+b'].map((text) => readChartVersion(text) ?? expect.unreachable());
    expect(a && b && compareChartVersions(a, b)).toBe(0);
  });
});

describe('the version of a chart', () => {
  it('is the highest that fits, in whatever order the index has them, as the index writes it', () => {
    const index = ['0.0.1', 'v0.10.0', '0.9.0', 'not a version', '1.0.0-rc.1'];
    expect(resolveChartVersion(index, '')).toEqual({ kind: 'resolved', version: 'v0.10.0' });
    expect(resolveChartVersion(index, '>=1.0.0-0')).toEqual({ kind: 'resolved', version: '1.0.0-rc.1' });
  });

  it('tells a constraint that fits nothing from one that cannot be read', () => {
    expect(resolveChartVersion(['1.0.0'], '2.0.0')).toEqual({
      kind: 'not-found',
      message: 'no chart version found',
    });
    expect(resolveChartVersion([], '!!')).toMatchObject({ kind: 'not-found' });
    expect(resolveChartVersion(['1.0.0'], '!!')).toEqual({
      kind: 'broken',
      message: 'improper constraint: !!',
    });
  });

  it('is found by its own text', () => {
    const part = fc.nat(30);
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part, part), { minLength: 1 }), fc.nat(), (drawn, at) => {
        const index = drawn.map((parts) => parts.join('.'));
        const version = index[at % index.length] ?? '';
        expect(resolveChartVersion(index, version)).toEqual({ kind: 'resolved', version });
      }),
    );
  });
});
