/** A version of a chart, read as Masterminds semver 1.4 reads it: `v1`, `1.2` and `1.2.3-rc.1+build` are versions. */
export interface ChartVersion {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: string;
  /** As it was written. */
  readonly text: string;
}

/** Prerelease and build metadata. */
const identifiers = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
export const versionTail = `(?:-(${identifiers}))?(?:\\+(${identifiers}))?`;

const pattern = new RegExp(`^v?([0-9]+)(?:\\.([0-9]+))?(?:\\.([0-9]+))?${versionTail}$`);

/** Undefined for what is no version. */
export function readChartVersion(text: string): ChartVersion | undefined {
  const found = pattern.exec(text);
  if (!found) return undefined;
  const [, major = '0', minor = '0', patch = '0', prerelease = ''] = found;
  const version = { major: BigInt(major), minor: BigInt(minor), patch: BigInt(patch), prerelease, text };
  return [version.major, version.minor, version.patch].some((part) => part > maxInt64) ? undefined : version;
}

/** Negative, zero or positive. Build metadata counts for nothing; a prerelease is below its release. */
export function compareChartVersions(a: ChartVersion, b: ChartVersion): number {
  return (
    compare(a.major, b.major) ||
    compare(a.minor, b.minor) ||
    compare(a.patch, b.patch) ||
    comparePrereleases(a.prerelease, b.prerelease)
  );
}

const maxInt64 = 2n ** 63n - 1n;

function comparePrereleases(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '') return 1;
  if (b === '') return -1;
  const ofA = a.split('.');
  const ofB = b.split('.');
  for (let index = 0; index < Math.max(ofA.length, ofB.length); index += 1) {
    const order = compareIdentifiers(ofA[index] ?? '', ofB[index] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

function compareIdentifiers(a: string, b: string): number {
  if (a === b) return 0;
  const ofA = wholeNumber(a);
  const ofB = wholeNumber(b);
  // A quirk that is kept: `rc.beta` is below `rc`, as a word after the end counts for less than nothing.
  if (b === '') return ofA === undefined ? -1 : 1;
  if (a === '') return ofB === undefined ? 1 : -1;
  if (ofA !== undefined && ofB !== undefined) return ofA > ofB ? 1 : -1;
  if (ofB !== undefined) return 1;
  if (ofA !== undefined) return -1;
  return a > b ? 1 : -1;
}

function wholeNumber(text: string): bigint | undefined {
  if (!/^-?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > maxInt64 || value < -maxInt64 - 1n ? undefined : value;
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
