import { LRUCache } from 'lru-cache';
import { type Clock, hashOf } from '../../base/index.ts';
import { chartError } from './chart-errors.ts';
import { type ChartVersion, looksLikeIndex, versionsInIndex } from './chart-index.ts';
import { authorizationFor, httpGet, type HttpOutcome } from './http-get.ts';
import type { RepositoryAccess } from './repository-access.ts';

/** Shipper asked each 10 s; nobody publishes faster, and with an ETag it costs next to nothing. */
const usualMaxAgeMs = 10_000;
const limitMs = 10_000;
/** The largest public repositories have 30 MB. */
const maxIndexBytes = 64 * 1024 * 1024;
const maxAllBytes = 256 * 1024 * 1024;
const maxIndexes = 100;

export interface FoundVersions {
  /** In the order of the index, which is newest first as helm writes it; none if the chart is not listed. */
  readonly versions: readonly ChartVersion[];
  /** Why the index is an old one, in a sentence; absent if it is fresh. */
  readonly staleBecause?: string;
  readonly fetchedAtMs: number;
}

interface Kept {
  readonly text: string;
  readonly etag: string | undefined;
  readonly fetchedAtMs: number;
  /** When it was last asked for, and what hindered. */
  readonly triedAtMs: number;
  readonly problem: string | undefined;
}

/**
 * Indexes of chart repositories.
 *
 * *Guarantees*: however many ask for a repository at once, it is asked once; an index is asked for again when it is
 * older than `maxAgeMs`, with its ETag; when the repository is down, the last index is given and says so.
 * *Caveats*: in memory only. What was rendered is kept on the host, so a restart without the repository stops new
 * revisions alone.
 */
export class IndexCache {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #kept = new LRUCache<string, Kept>({
    max: maxIndexes,
    maxSize: maxAllBytes,
    sizeCalculation: ({ text }) => text.length + 1,
  });
  readonly #underWay = new Map<string, Promise<Kept>>();

  constructor({ clock, maxAgeMs = usualMaxAgeMs }: { readonly clock: Clock; readonly maxAgeMs?: number }) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  /** @throws HansaError NoCachedChartRepoIndex, ChartRepoInternal; or the signal's reason */
  async versions(access: RepositoryAccess, chart: string, signal?: AbortSignal): Promise<FoundVersions> {
    const { text, fetchedAtMs, problem } = await this.#index(access, signal);
    return {
      versions: versionsInIndex(text, chart, access.url),
      fetchedAtMs,
      ...(problem === undefined ? {} : { staleBecause: problem }),
    };
  }

  async #index(access: RepositoryAccess, signal: AbortSignal | undefined): Promise<Kept> {
    // With other credentials a repository may show other charts.
    const key = hashOf(access);
    const kept = this.#kept.get(key);
    if (kept && this.#clock.monotonic() - kept.triedAtMs < this.#maxAgeMs) return kept;
    let underWay = this.#underWay.get(key);
    if (!underWay) {
      // Not ended by the first asker's signal, as others wait for it too; its own limit ends it.
      underWay = this.#refresh(access, key, kept).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, underWay);
      // An asker that left no longer hears of a failure, and nobody else may have come.
      underWay.catch(() => undefined);
    }
    return untilAborted(underWay, signal);
  }

  async #refresh(access: RepositoryAccess, key: string, kept: Kept | undefined): Promise<Kept> {
    const outcome = await httpGet({
      url: `${access.url}/index.yaml`,
      access,
      headers: { ...authorizationFor(access), ...(kept?.etag ? { 'if-none-match': kept.etag } : {}) },
      maxBytes: maxIndexBytes,
      limitMs,
    });
    const triedAtMs = this.#clock.monotonic();
    const next = this.#next(outcome, kept, triedAtMs, access);
    this.#kept.set(key, next);
    return next;
  }

  #next(outcome: HttpOutcome, kept: Kept | undefined, triedAtMs: number, { url }: RepositoryAccess): Kept {
    const fetchedAtMs = this.#clock.now();
    if (outcome.kind === 'answered' && outcome.code === 304 && kept) {
      return { ...kept, fetchedAtMs, triedAtMs, problem: undefined };
    }
    if (outcome.kind === 'answered' && outcome.code === 200) {
      const text = outcome.body.toString('utf8');
      if (looksLikeIndex(text)) {
        return { text, etag: outcome.headers['etag'], fetchedAtMs, triedAtMs, problem: undefined };
      }
    }
    const problem = problemWith(outcome, url);
    if (kept) return { ...kept, triedAtMs, problem };
    throw outcome.kind === 'unreachable'
      ? chartError('NoCachedChartRepoIndex', `${problem}, and its index was never loaded before`)
      : chartError('ChartRepoInternal', problem);
  }
}

function problemWith(outcome: HttpOutcome, url: string): string {
  switch (outcome.kind) {
    case 'unreachable':
      return `the chart repository ${url} cannot be reached (${outcome.because}): check chart.repoUrl and the way there`;
    case 'too-large':
      return `the index of the chart repository ${url} has more than 64 MB: split the repository`;
    case 'answered':
      break;
  }
  switch (outcome.code) {
    case 200:
      return `what the chart repository ${url} serves as index.yaml is no index of charts: check chart.repoUrl, which is the address above index.yaml`;
    case 401:
    case 403:
      return `the chart repository ${url} answered ${outcome.code} to a GET of index.yaml: give it a Secret with a username and password, or a token, that may read it`;
    case 404:
      return `the chart repository ${url} has no index.yaml: check chart.repoUrl, which is the address above index.yaml`;
    default:
      return `the chart repository ${url} answered ${outcome.code} to a GET of index.yaml: see what its operators say`;
  }
}

/** Waits for something shared, but no longer than its asker wants. */
function untilAborted<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return shared;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
