import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HansaError, messageOf, type Progress } from '../base/index.ts';
import type { Origin } from './binary-set.ts';
import { buildWithGo } from './build-with-go.ts';
import { createDownloader, type Downloader, sizeText } from './download.ts';
import { goModulesFor } from './go-module.ts';
import type { Platform } from './platform.ts';
import type { ProgramCache } from './program-cache.ts';
import { releaseFileOf, type ReleaseSites } from './release-sites.ts';
import type { Component, ComponentVersions } from './versions.ts';

export type Way = Extract<Origin, 'download' | 'build'>;

export interface GetOptions {
  readonly cache: ProgramCache;
  readonly versions: ComponentVersions;
  readonly platform: Platform;
  readonly ways: readonly Way[];
  readonly sites: ReleaseSites;
  readonly workDir: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Puts missing programs into the cache: downloads what can be downloaded, builds the rest. Returns how each was got.
 * @throws HansaError ProgramsMissing, when neither way is open
 */
export async function getPrograms(
  wanted: readonly Component[],
  options: GetOptions,
): Promise<Map<Component, Way>> {
  const got = new Map<Component, Way>();
  const hindrances: string[] = [];
  if (options.ways.includes('download')) {
    for (const component of await downloadAll(wanted, options, hindrances)) got.set(component, 'download');
  }
  const left = wanted.filter((component) => !got.has(component));
  if (left.length > 0 && options.ways.includes('build')) {
    await buildAll(left, options, hindrances);
    for (const component of left) got.set(component, 'build');
  } else if (left.length > 0) {
    throw programsMissing(left, hindrances);
  }
  return got;
}

async function downloadAll(
  wanted: readonly Component[],
  options: GetOptions,
  hindrances: string[],
): Promise<Component[]> {
  const got: Component[] = [];
  const closed = new Set<string>();
  await using downloader = createDownloader();
  for (const component of wanted) {
    const file = releaseFileOf(component, options.versions[component], options.platform, options.sites);
    // A site that could not be reached once is not waited for again.
    const site = file ? new URL(file.checksumUrl).host : undefined;
    if (!file || !site || closed.has(site)) continue;
    const outcome = await downloadOne(component, downloader, options);
    if (outcome.kind === 'got') got.push(component);
    else hindrances.push(outcome.because);
    if (outcome.kind === 'unreachable') closed.add(site);
  }
  return got;
}

type Outcome =
  | { readonly kind: 'got' }
  | { readonly kind: 'unreachable' | 'not-published'; readonly because: string };

async function downloadOne(
  component: Component,
  downloader: Downloader,
  { cache, versions, platform, ways, sites, workDir, progress, signal }: GetOptions,
): Promise<Outcome> {
  const version = versions[component];
  const file = releaseFileOf(component, version, platform, sites);
  if (!file) return { kind: 'not-published', because: `no ${component} is published for this platform` };
  const dir = join(workDir, `download-${component}`);
  mkdirSync(dir);
  const step = progress.step(`download ${component} ${version}`);
  try {
    const { path, sizeBytes } = await downloader.fetch(file, dir, step, signal);
    await cache.add(component, version, path, signal);
    step.done(sizeText(sizeBytes));
    return { kind: 'got' };
  } catch (error) {
    const reason = error instanceof HansaError ? error.reason : undefined;
    if (signal.aborted || (reason !== 'SiteUnreachable' && reason !== 'NotPublished')) {
      step.fail(signal.aborted ? 'interrupted' : messageOf(error));
      throw error;
    }
    const kind = reason === 'SiteUnreachable' ? 'unreachable' : 'not-published';
    const why =
      kind === 'unreachable' ? 'the release site cannot be reached' : 'not published for this platform';
    // Not being able to download is no failure as long as there is another way.
    if (ways.includes('build')) step.done(`${why}, so it is built`);
    else step.fail(why);
    return { kind, because: messageOf(error) };
  }
}

async function buildAll(
  wanted: readonly Component[],
  options: GetOptions,
  hindrances: string[],
): Promise<void> {
  const { cache, versions, platform, workDir, progress, signal } = options;
  try {
    await buildWithGo({
      modules: goModulesFor(wanted, versions),
      platform,
      workDir,
      progress,
      signal,
      onBuilt: (component, path) => cache.add(component, versions[component], path, signal),
    });
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'GoMissing') {
      throw programsMissing(wanted, [...hindrances, messageOf(error)], error);
    }
    throw error;
  }
}

function programsMissing(
  left: readonly Component[],
  hindrances: readonly string[],
  cause?: unknown,
): HansaError {
  return new HansaError(
    `cannot get ${left.join(', ')} (${[...new Set(hindrances)].join('; ') || 'no way was allowed'}): ` +
      'allow the network to reach the release sites, or install Go to build them, ' +
      'or set KUBEBUILDER_ASSETS to a directory that has them',
    { reason: 'ProgramsMissing', retry: 'never', cause },
  );
}
