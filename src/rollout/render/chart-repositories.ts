import type { Clock } from '../../base/index.ts';
import { chartError } from './chart-errors.ts';
import { IndexCache } from './index-cache.ts';
import { ociVersions } from './oci-tags.ts';
import { type PulledChart, pullHttp } from './pull-http.ts';
import { pullOci } from './pull-oci.ts';
import { type RepositoryAccess, repositoryKindOf } from './repository-access.ts';

export interface ListedVersions {
  /** As the repository lists them; none if it has no such chart. */
  readonly versions: readonly string[];
  /** The repository is down, and this is what it had: why, in a sentence. */
  readonly staleBecause?: string;
}

export interface ChartRepositories {
  /** @throws HansaError NoCachedChartRepoIndex, ChartRepoInternal, BrokenChartSpec; or the signal's reason */
  versions(access: RepositoryAccess, chart: string, signal?: AbortSignal): Promise<ListedVersions>;
  /**
   * Loads one exact version.
   * @throws HansaError ChartFetchFailure, ChartVersionResolutionFailed, and those of `versions`; or the signal's reason
   */
  pull(access: RepositoryAccess, chart: string, version: string, signal?: AbortSignal): Promise<PulledChart>;
}

/** Chart repositories over HTTP(S), and OCI registries. One for the whole process, as it keeps the indexes. */
export function createChartRepositories({
  helmPath,
  clock,
  indexMaxAgeMs,
}: {
  readonly helmPath: string;
  readonly clock: Clock;
  readonly indexMaxAgeMs?: number;
}): ChartRepositories {
  const indexes = new IndexCache({
    clock,
    ...(indexMaxAgeMs === undefined ? {} : { maxAgeMs: indexMaxAgeMs }),
  });
  return {
    versions: async (access, chart, signal) => {
      checkName(chart);
      if (repositoryKindOf(access) === 'oci') return { versions: await ociVersions(access, chart, signal) };
      const { versions, staleBecause } = await indexes.versions(access, chart, signal);
      return {
        versions: versions.map(({ version }) => version),
        ...(staleBecause === undefined ? {} : { staleBecause }),
      };
    },
    pull: async (access, chart, version, signal) => {
      checkName(chart);
      if (repositoryKindOf(access) === 'oci') return pullOci(helmPath, access, chart, version, signal);
      const { versions } = await indexes.versions(access, chart, signal);
      const found = versions.find((each) => sameVersion(each.version, version));
      if (found) return pullHttp(access, chart, found, signal);
      const known = versions.slice(0, shownVersions).map((each) => each.version);
      throw chartError(
        'ChartVersionResolutionFailed',
        versions.length === 0
          ? `the chart repository ${access.url} has no chart ${chart}: check chart.name and chart.repoUrl`
          : `the chart repository ${access.url} has no version ${version} of chart ${chart}: choose one that it has, such as ${known.join(', ')}`,
      );
    },
  };
}

const shownVersions = 5;

/** A name becomes part of an address and of an argument. */
function checkName(chart: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(chart)) return;
  throw chartError(
    'BrokenChartSpec',
    `chart.name "${chart}" is no name of a chart: use letters, digits, ".", "_" and "-", a letter or digit first`,
  );
}

/** `v1.2.3` and `1.2.3` are one version, as helm has it. */
function sameVersion(one: string, other: string): boolean {
  return one.replace(/^v/, '') === other.replace(/^v/, '');
}
