import { type ChartVersion, compareChartVersions, readChartVersion, versionTail } from './chart-version.ts';

/*
 * Masterminds semver 1.4, which Shipper and Helm 2 were built on. The npm package `semver` has another
 * grammar (spaces for "and", no `=<`, no `!=`) and other rules (prereleases, `1.2`, `^0`), so that it would
 * choose other charts.
 */

/** True for versions that a constraint admits. */
export type VersionConstraint = (version: ChartVersion) => boolean;

export type ReadConstraint =
  | { readonly ok: true; readonly admits: VersionConstraint }
  | { readonly ok: false; readonly message: string };

/** Reads alternatives `a || b` of conditions `a, b`; `1.2 - 2.0` stands for `>= 1.2, <= 2.0`. */
export function readVersionConstraint(text: string): ReadConstraint {
  const alternatives: VersionConstraint[][] = [];
  for (const alternative of withoutRanges(text).split('||')) {
    const conditions: VersionConstraint[] = [];
    for (const condition of alternative.split(',')) {
      const read = readCondition(condition);
      if (!read.ok) return read;
      conditions.push(read.admits);
    }
    alternatives.push(conditions);
  }
  return {
    ok: true,
    admits: (version) => alternatives.some((conditions) => conditions.every((admits) => admits(version))),
  };
}

/** A version in a condition, where parts may be left out or be wildcards. */
interface Bound {
  readonly version: ChartVersion;
  /** Some part is left out or a wildcard. */
  readonly isOpen: boolean;
  /** The minor part and all after it. */
  readonly isMinorOpen: boolean;
  readonly isPatchOpen: boolean;
}

type Check = (version: ChartVersion, bound: Bound) => boolean;

const checks: Readonly<Record<string, Check>> = {
  '': equal,
  '=': equal,
  '!=': different,
  '>': (version, bound) => above(version, bound, 1),
  '>=': (version, bound) => above(version, bound, 0),
  '=>': (version, bound) => above(version, bound, 0),
  '<': (version, bound) => below(version, bound, -1),
  '<=': (version, bound) => below(version, bound, 0),
  '=<': (version, bound) => below(version, bound, 0),
  '~': sameMinor,
  '~>': sameMinor,
  '^': sameMajor,
};

// The bar among the digits is a slip of the original; with it the same texts are refused.
const part = '[0-9|xX*]+';
const bound = `v?(${part})(\\.${part})?(\\.${part})?${versionTail}`;
// Go's \s, which knows ASCII only.
const space = '[\\t\\n\\f\\r ]';
const condition = new RegExp(`^${space}*(!=|>=|=>|<=|=<|~>|=|>|<|~|\\^|)${space}*(${bound})${space}*$`);
const range = new RegExp(`${space}*(${bound})${space}+-${space}+(${bound})${space}*`, 'g');

function withoutRanges(text: string): string {
  const groupsOfBound = 5;
  let result = text;
  for (const found of text.matchAll(range)) {
    result = result.replace(found[0], () => `>= ${found[1]}, <= ${found[2 + groupsOfBound]}`);
  }
  return result;
}

function readCondition(text: string): ReadConstraint {
  const found = condition.exec(text);
  const check = checks[found?.[1] ?? ''];
  if (!found || !check) return { ok: false, message: `improper constraint: ${text}` };
  const read = readBound(found);
  if (!read) return { ok: false, message: 'constraint Parser Error' };
  return { ok: true, admits: (version) => check(version, read) };
}

function readBound([, , all = '', major = '', minor, patch, prerelease]: RegExpExecArray): Bound | undefined {
  const tail = prerelease === undefined ? '' : `-${prerelease}`;
  if (isWildcard(major)) return boundAt('0.0.0', { isMinorOpen: false, isPatchOpen: false });
  if (minor === undefined || isWildcard(minor.slice(1))) {
    return boundAt(`${major}.0.0${tail}`, { isMinorOpen: true, isPatchOpen: false });
  }
  if (patch !== undefined && isWildcard(patch.slice(1))) {
    return boundAt(`${major}${minor}.0${tail}`, { isMinorOpen: false, isPatchOpen: true });
  }
  // `1.2` is 1.2.0 and nothing else: only a lone `1` is open.
  const version = readChartVersion(all);
  return version && { version, isOpen: false, isMinorOpen: false, isPatchOpen: false };
}

function boundAt(text: string, open: Pick<Bound, 'isMinorOpen' | 'isPatchOpen'>): Bound | undefined {
  const version = readChartVersion(text);
  return version && { version, isOpen: true, ...open };
}

function isWildcard(text: string): boolean {
  return text === 'x' || text === 'X' || text === '*';
}

/** Prereleases are for those who ask for one. */
function isUnaskedPrerelease(version: ChartVersion, bound: Bound): boolean {
  return version.prerelease !== '' && bound.version.prerelease === '';
}

function isZero({ major, minor, patch, prerelease }: ChartVersion): boolean {
  return major === 0n && minor === 0n && patch === 0n && prerelease === '';
}

function equal(version: ChartVersion, bound: Bound): boolean {
  if (isUnaskedPrerelease(version, bound)) return false;
  return bound.isOpen ? sameMinor(version, bound) : compareChartVersions(version, bound.version) === 0;
}

function different(version: ChartVersion, bound: Bound): boolean {
  if (!bound.isOpen) return compareChartVersions(version, bound.version) !== 0;
  if (isUnaskedPrerelease(version, bound)) return false;
  if (version.major !== bound.version.major) return true;
  return version.minor !== bound.version.minor && !bound.isMinorOpen;
}

function above(version: ChartVersion, bound: Bound, least: 0 | 1): boolean {
  // Above zero are prereleases too, asked for or not.
  if (isZero(bound.version) && !isZero(version)) return true;
  return !isUnaskedPrerelease(version, bound) && compareChartVersions(version, bound.version) >= least;
}

function below(version: ChartVersion, bound: Bound, most: 0 | -1): boolean {
  if (isUnaskedPrerelease(version, bound)) return false;
  if (!bound.isOpen) return compareChartVersions(version, bound.version) <= most;
  // Whether the bound itself is meant makes no difference where it is open: `<1.2.x` admits 1.2.7.
  if (version.major > bound.version.major) return false;
  return version.minor <= bound.version.minor || bound.isMinorOpen;
}

function sameMinor(version: ChartVersion, bound: Bound): boolean {
  if (isUnaskedPrerelease(version, bound) || compareChartVersions(version, bound.version) < 0) return false;
  const { major, minor, patch } = bound.version;
  const isAny = major === 0n && minor === 0n && patch === 0n && !bound.isMinorOpen && !bound.isPatchOpen;
  if (isAny) return true;
  return version.major === major && (version.minor === minor || bound.isMinorOpen);
}

function sameMajor(version: ChartVersion, bound: Bound): boolean {
  if (isUnaskedPrerelease(version, bound) || compareChartVersions(version, bound.version) < 0) return false;
  return version.major === bound.version.major;
}
