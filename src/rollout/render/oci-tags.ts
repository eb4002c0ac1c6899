import { isJsonObject, type Json } from '../../base/index.ts';
import { chartError } from './chart-errors.ts';
import { authorizationFor, httpGet, type HttpOutcome } from './http-get.ts';
import type { RepositoryAccess } from './repository-access.ts';

const limitMs = 10_000;
const maxPageBytes = 4 * 1024 * 1024;
/** 1000 tags a page; nobody chooses from more. */
const maxPages = 20;

/**
 * The versions of a chart in an OCI registry: its tags.
 *
 * *Flow*: the tag list of the distribution API; where it asks for a token, one from the place that it names.
 * @throws HansaError ChartRepoInternal, NoCachedChartRepoIndex; or the signal's reason
 */
export async function ociVersions(
  access: RepositoryAccess,
  chart: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const { host, pathname } = new URL(access.url);
  const scheme = access.plainHttp ? 'http' : 'https';
  const name = `${pathname}/${chart}`.replace(/^\/+/, '').replace(/\/{2,}/g, '/');
  let url: string | undefined = `${scheme}://${host}/v2/${name}/tags/list?n=1000`;
  let headers = authorizationFor(access);
  const tags: string[] = [];
  for (let page = 0; url !== undefined && page < maxPages; page += 1) {
    const ask = (): Promise<HttpOutcome> =>
      httpGet({ url: url ?? '', access, headers, maxBytes: maxPageBytes, limitMs, signal });
    let outcome = await ask();
    if (outcome.kind === 'answered' && outcome.code === 401) {
      const token = await tokenFor(outcome.headers['www-authenticate'], access, signal);
      if (token !== undefined) {
        headers = { authorization: `Bearer ${token}` };
        outcome = await ask();
      }
    }
    // A repository without a tag is none.
    if (outcome.kind === 'answered' && outcome.code === 404) return [];
    tags.push(...tagsIn(outcome, access, chart));
    url = nextPage(outcome, url);
  }
  // A tag can't have a plus, so helm writes an underscore for it.
  return tags.map((tag) => tag.replaceAll('_', '+'));
}

function tagsIn(outcome: HttpOutcome, { url }: RepositoryAccess, chart: string): readonly string[] {
  if (outcome.kind === 'unreachable') {
    throw chartError(
      'NoCachedChartRepoIndex',
      `the registry ${url} cannot be reached (${outcome.because}): check chart.repoUrl and the way there`,
    );
  }
  const body = outcome.kind === 'answered' && outcome.code === 200 ? jsonOf(outcome.body) : undefined;
  if (isJsonObject(body) && (Array.isArray(body['tags']) || body['tags'] === null)) {
    return ((body['tags'] ?? []) as readonly Json[]).filter((tag) => typeof tag === 'string');
  }
  const said = outcome.kind === 'answered' ? `answered ${outcome.code}` : 'sends too much';
  throw chartError(
    'ChartRepoInternal',
    `the registry ${url} ${said} when asked for the versions of ${chart}: check chart.repoUrl, and give it a Secret that may read it`,
  );
}

/** `Bearer realm="https://auth.example.com/token",service="registry",scope="repository:charts/nginx:pull"` */
async function tokenFor(
  challenge: string | undefined,
  access: RepositoryAccess,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (!challenge || !/^bearer /i.test(challenge)) return undefined;
  const words = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
  );
  const { realm, ...query } = words;
  if (realm === undefined || !URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  // The place that gives tokens gets the password, so it must be as well protected as the registry.
  if (url.protocol !== 'https:' && !access.plainHttp) return undefined;
  for (const key of ['service', 'scope']) if (query[key] !== undefined) url.searchParams.set(key, query[key]);
  const headers = authorizationFor(access);
  const outcome = await httpGet({ url: url.href, access, headers, maxBytes: maxPageBytes, limitMs, signal });
  const body = outcome.kind === 'answered' && outcome.code === 200 ? jsonOf(outcome.body) : undefined;
  if (!isJsonObject(body)) return undefined;
  const token = body['token'] ?? body['access_token'];
  return typeof token === 'string' ? token : undefined;
}

function jsonOf(body: Buffer): Json | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}

/** `</v2/charts/nginx/tags/list?last=1.0.0&n=1000>; rel="next"`; never another host. */
function nextPage(outcome: HttpOutcome, url: string): string | undefined {
  const link = outcome.kind === 'answered' ? outcome.headers['link'] : undefined;
  const target = /<([^>]+)>;\s*rel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined || !URL.canParse(target, url)) return undefined;
  const next = new URL(target, url);
  return next.origin === new URL(url).origin ? next.href : undefined;
}
