import { createHash } from 'node:crypto';
import { chartError } from './chart-errors.ts';
import type { ChartVersion } from './chart-index.ts';
import { authorizationFor, httpGet } from './http-get.ts';
import type { RepositoryAccess } from './repository-access.ts';

/** helm itself refuses charts that unpack to more than 100 MB. */
export const maxArchiveBytes = 50 * 1024 * 1024;
const limitMs = 60_000;

export interface PulledChart {
  readonly bytes: Buffer;
  readonly version: string;
  /** sha256 of the archive in hex. */
  readonly digest: string;
}

/**
 * Loads the archive of a version from where the index says it lies, and checks it against the index.
 *
 * Not through `helm pull`, which knows no token, would ask for the index once more, and takes what it gets on trust.
 * @throws HansaError ChartFetchFailure; or the signal's reason
 */
export async function pullHttp(
  access: RepositoryAccess,
  chart: string,
  found: ChartVersion,
  signal?: AbortSignal,
): Promise<PulledChart> {
  const what = `chart ${chart} ${found.version}`;
  const problems: string[] = [];
  for (const each of found.urls) {
    const url = URL.canParse(each, `${access.url}/`) ? new URL(each, `${access.url}/`) : undefined;
    if (!url || !/^https?:$/.test(url.protocol)) {
      problems.push('its address in the index is no http address');
      continue;
    }
    // An archive on another host has nothing to do with the repository's credentials.
    const headers = url.origin === new URL(access.url).origin ? authorizationFor(access) : {};
    const outcome = await httpGet({
      url: url.href,
      access,
      headers,
      maxBytes: maxArchiveBytes,
      limitMs,
      signal,
    });
    if (outcome.kind === 'answered' && outcome.code === 200) {
      return checked(outcome.body, found, what, access);
    }
    const at = url.host;
    if (outcome.kind === 'unreachable') problems.push(`${at} cannot be reached: ${outcome.because}`);
    else if (outcome.kind === 'too-large') problems.push(`${at} sends more than 50 MB`);
    else problems.push(`${at} answered ${outcome.code}`);
  }
  throw chartError(
    'ChartFetchFailure',
    `${what} could not be loaded from ${access.url} (${problems.join('; ')}): ` +
      'check that the repository serves what its index lists, and that the Secret for it may read it',
  );
}

function checked(bytes: Buffer, found: ChartVersion, what: string, { url }: RepositoryAccess): PulledChart {
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (found.digest !== undefined && found.digest.toLowerCase() !== digest) {
    throw chartError(
      'ChartFetchFailure',
      `${what} from ${url} is not what its index says (sha256 ${digest} instead of ${found.digest}): ` +
        'publish the chart again under a new version, or have the index made anew',
      { retry: { afterMs: 60_000 } },
    );
  }
  return { bytes, version: found.version, digest };
}
