import { LRUCache } from 'lru-cache';
import type { Clock, JsonObject, Logger } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import { type PreparedRelease, prepareObjects } from '../plan/shipper-door/prepare-objects.ts';
import { shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { type ChartRepositories, createChartRepositories } from '../render/chart-repositories.ts';
import { renderChart } from '../render/render-chart.ts';
import { findRendering, loadRendering, storeRendering } from '../render/rendering-store.ts';
import type { Rendering } from '../render/stored-rendering.ts';
import type { ReleaseRecord } from './records.ts';
import { accessFor } from './repository-secrets.ts';

export interface RenderingsOptions {
  readonly host: ApiClient;
  /** Hansa's own, where Secrets for repositories lie that all may use. */
  readonly namespace: string;
  readonly helm: () => Promise<{ readonly path: string }>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface RenderRequest {
  readonly signal: AbortSignal;
  /** The oldest Kubernetes of its clusters. */
  readonly kubeVersion?: string | undefined;
}

/** helm takes a core; more at once would only slow each other down. */
const maxAtOnce = 2;
/** Whoever asks sooner hears of the last failure again. */
const againMs = 3_000;
/** Enough for the Releases that move at a time; others are loaded again. */
const maxPrepared = 200;

/**
 * What Releases have in their clusters. A chart is rendered once; what came out is kept on the host as long as the
 * Release, so that its repository is needed once and never again.
 */
export class Renderings {
  readonly #options: RenderingsOptions;
  readonly #prepared = new LRUCache<string, PreparedRelease>({ max: maxPrepared });
  /** Charts that are being rendered, or failed to; by the uid of their Release. */
  readonly #jobs = new Map<
    string,
    { readonly kind: 'running' } | { readonly kind: 'failed'; readonly error: unknown; readonly atMs: number }
  >();
  readonly #running = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  /** Of one Release, so that its clusters don't all load it at once. */
  readonly #underWay = new Map<string, Promise<PreparedRelease | undefined>>();
  #repositories: Promise<ChartRepositories> | undefined;

  constructor(options: RenderingsOptions) {
    this.#options = options;
  }

  /**
   * What was rendered before; undefined if nothing was.
   * @throws HansaError RenderingDamaged and those of the API
   */
  stored(release: ReleaseRecord, signal: AbortSignal): Promise<PreparedRelease | undefined> {
    const key = release.metadata.uid ?? '';
    const known = this.#prepared.get(key);
    if (known) return Promise.resolve(known);
    let underWay = this.#underWay.get(key);
    if (!underWay) {
      underWay = this.#load(release, signal)
        .then((rendering) => rendering && this.#prepare(release, rendering))
        .finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, underWay);
    }
    return underWay;
  }

  /**
   * What was rendered; undefined while it is, and `wake` is called when that has ended: a slow repository must not keep
   * other Applications waiting.
   * @throws HansaError why the last attempt failed; some seconds later a call starts another
   */
  request(release: ReleaseRecord, request: RenderRequest, wake: () => void): PreparedRelease | undefined {
    const uid = release.metadata.uid ?? '';
    const known = this.#prepared.get(uid);
    if (known) return known;
    const job = this.#jobs.get(uid);
    if (job?.kind === 'running') return undefined;
    const { clock } = this.#options;
    if (job && clock.monotonic() - job.atMs < againMs) throw job.error;
    this.#jobs.set(uid, { kind: 'running' });
    const work = this.#obtain(release, request)
      .then(
        () => void this.#jobs.delete(uid),
        (error: unknown) => void this.#jobs.set(uid, { kind: 'failed', error, atMs: clock.monotonic() }),
      )
      .finally(() => {
        this.#running.delete(work);
        wake();
      });
    this.#running.add(work);
    return undefined;
  }

  /** Resolves when nothing is under way any more. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #obtain(release: ReleaseRecord, request: RenderRequest): Promise<void> {
    if (this.#running.size >= maxAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      if (await this.stored(release, request.signal)) return;
      this.#prepare(release, await this.#render(release, request));
    } finally {
      this.#waiting.shift()?.();
    }
  }

  /** @throws HansaError those of chart repositories */
  async versions(
    chart: { readonly name: string; readonly repoUrl: string },
    namespace: string,
    signal: AbortSignal,
  ): Promise<{ readonly versions: readonly string[]; readonly staleBecause?: string }> {
    const access = await this.#accessFor(chart.repoUrl, namespace, signal);
    return (await this.#open()).versions(access, chart.name, signal);
  }

  forget(uid: string | undefined): void {
    if (uid === undefined) return;
    this.#prepared.delete(uid);
    if (this.#jobs.get(uid)?.kind === 'failed') this.#jobs.delete(uid);
  }

  async #load({ metadata }: ReleaseRecord, signal: AbortSignal): Promise<Rendering | undefined> {
    const { host } = this.#options;
    const { namespace = '', uid = '' } = metadata;
    const digest = await findRendering(host, { namespace, ownerUid: uid, signal });
    return digest === undefined ? undefined : loadRendering(host, { namespace, digest, signal });
  }

  async #render(release: ReleaseRecord, { kubeVersion, signal }: RenderRequest): Promise<Rendering> {
    const { metadata, spec, apiVersion, kind } = release;
    const { namespace = '', name, uid = '' } = metadata;
    const { chart, values } = spec.environment;
    const access = await this.#accessFor(chart.repoUrl, namespace, signal);
    const pulled = await (await this.#open()).pull(access, chart.name, chart.version, signal);
    const { path: helmPath } = await this.#options.helm();
    const objects = await renderChart({
      helmPath,
      chart: { kind: 'archive', bytes: pulled.bytes },
      releaseName: name,
      namespace,
      values: values as JsonObject,
      kubeVersion,
      signal,
    });
    const rendering: Rendering = {
      source: {
        chart: chart.name,
        version: chart.version,
        repository: access.url,
        digest: pulled.digest,
      },
      objects,
    };
    await storeRendering(this.#options.host, rendering, {
      namespace,
      owner: { apiVersion, kind, name, uid },
      signal,
    });
    this.#options.logger.info('chart rendered', {
      namespace,
      release: name,
      chart: chart.name,
      version: chart.version,
      objects: objects.length,
    });
    return rendering;
  }

  #prepare({ metadata }: ReleaseRecord, { objects }: Rendering): PreparedRelease {
    const { labels = {}, name, uid = '' } = metadata;
    const prepared = prepareObjects(objects, {
      application: labels[shipperLabels.app] ?? '',
      release: name,
      labels,
    });
    this.#prepared.set(uid, prepared);
    return prepared;
  }

  #accessFor(repoUrl: string, namespace: string, signal: AbortSignal) {
    const { host, namespace: ours } = this.#options;
    return accessFor(host, repoUrl, { namespaces: [namespace, ours], signal });
  }

  #open(): Promise<ChartRepositories> {
    const { helm, clock } = this.#options;
    this.#repositories ??= helm().then(
      ({ path: helmPath }) => createChartRepositories({ helmPath, clock }),
      (error: unknown) => {
        // The next one asks anew: helm may have been put in place.
        this.#repositories = undefined;
        throw error;
      },
    );
    return this.#repositories;
  }
}
