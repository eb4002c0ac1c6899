import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { chartError } from './chart-errors.ts';
import { maxArchiveBytes, type PulledChart } from './pull-http.ts';
import { type RepositoryAccess, redact } from './repository-access.ts';
import { helmComplaint, openHelmHome, registryConfigName, runHelm } from './run-helm.ts';

const limitMs = 60_000;

/**
 * Loads one version of a chart from an OCI registry with `helm pull`, which checks every blob by its digest.
 * @throws HansaError ChartFetchFailure, ChartVersionResolutionFailed, HelmUnusable; or the signal's reason
 */
export async function pullOci(
  helmPath: string,
  access: RepositoryAccess,
  chart: string,
  version: string,
  signal?: AbortSignal,
): Promise<PulledChart> {
  await using home = await openHelmHome();
  await home.write(registryConfigName, registryConfig(access));
  const out = join(home.dir, 'pulled');
  await home.write('pulled/.keep', '');
  const outcome = await runHelm({
    helmPath,
    args: [
      'pull',
      '--version',
      version,
      '--destination',
      out,
      ...(access.plainHttp ? ['--plain-http'] : []),
      ...(access.ca ? ['--ca-file', await home.write('ca.crt', access.ca)] : []),
      '--',
      `${access.url}/${chart}`,
    ],
    home,
    limitMs,
    signal,
  });
  const what = `chart ${chart} ${version} could not be loaded from ${access.url}`;
  switch (outcome.kind) {
    case 'done':
      return await readPulled(out, version, what);
    case 'failed':
      throw failure(what, redact(helmComplaint(outcome.stderr, home), access));
    case 'late':
    case 'too-much':
      throw chartError(
        'ChartFetchFailure',
        `${what} within ${limitMs / 1000} s: check the way to the registry`,
      );
  }
}

/** In the form that docker and helm keep logins in. A file, as `helm registry login` would only write the same one. */
function registryConfig(access: RepositoryAccess): string {
  const { username, password, token } = access;
  const { host } = new URL(access.url);
  if (token !== undefined) return JSON.stringify({ auths: { [host]: { registrytoken: token } } });
  if (username === undefined && password === undefined) return JSON.stringify({ auths: {} });
  const auth = Buffer.from(`${username ?? ''}:${password ?? ''}`, 'utf8').toString('base64');
  return JSON.stringify({ auths: { [host]: { auth } } });
}

async function readPulled(dir: string, version: string, what: string): Promise<PulledChart> {
  const name = (await readdir(dir)).find((each) => each.endsWith('.tgz'));
  if (name === undefined) throw chartError('ChartFetchFailure', `${what}: what is there is no chart`);
  const path = join(dir, name);
  if ((await stat(path)).size > maxArchiveBytes) {
    throw chartError('ChartFetchFailure', `${what}: it has more than 50 MB; split it`);
  }
  const bytes = await readFile(path);
  return { bytes, version, digest: createHash('sha256').update(bytes).digest('hex') };
}

function failure(what: string, complaint: string): Error {
  if (/not found|no matching|unable to locate any tags/i.test(complaint)) {
    return chartError(
      'ChartVersionResolutionFailed',
      `${what}: the registry has no such version (${complaint}); choose one that it has`,
    );
  }
  const mend = /401|403|unauthorized|denied|forbidden/i.test(complaint)
    ? 'give it a Secret with a username and password, or a token, that may read it'
    : 'check chart.repoUrl and the way to the registry';
  return chartError('ChartFetchFailure', `${what} (${complaint}): ${mend}`);
}
