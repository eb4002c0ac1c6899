import { compareChartVersions, readChartVersion } from './chart-version.ts';
import { readVersionConstraint } from './version-constraint.ts';

export type ResolvedVersion =
  | { readonly kind: 'resolved'; readonly version: string }
  /** May change when the repository does. */
  | { readonly kind: 'not-found'; readonly message: string }
  /** The constraint cannot be read: a person must mend it. */
  | { readonly kind: 'broken'; readonly message: string };

/** The highest version of an index that a constraint admits; an empty one admits all but prereleases. */
export function resolveChartVersion(index: readonly string[], constraint: string): ResolvedVersion {
  // Shipper looks into the index first: with nothing to choose from, the constraint is never read.
  if (index.length === 0) return notFound;
  const read = readVersionConstraint(constraint === '' ? '*' : constraint);
  if (!read.ok) return { kind: 'broken', message: read.message };
  const [highest] = index
    // One entry that is no version must not hide the others.
    .flatMap((text) => readChartVersion(text) ?? [])
    .filter(read.admits)
    .toSorted((a, b) => compareChartVersions(b, a));
  return highest ? { kind: 'resolved', version: highest.text } : notFound;
}

const notFound: ResolvedVersion = { kind: 'not-found', message: 'no chart version found' };
