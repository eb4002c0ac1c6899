import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { HansaError, messageOf, type Progress, silentProgress } from '../base/index.ts';
import { buildWithGo } from './build-with-go.ts';
import { createDownloader, sizeText } from './download.ts';
import type { Way } from './get-programs.ts';
import { helmModule } from './go-module.ts';
import { cacheDirFor } from './places.ts';
import { type Platform, platformOf } from './platform.ts';
import { probeVersion } from './probe-version.ts';
import { ProgramCache } from './program-cache.ts';
import type { ReleaseFile } from './release-sites.ts';
import { compareVersions } from './versions.ts';

/** The release that is got where there is none. It asks for no newer Go than our Kubernetes does. */
export const helmVersion = '3.21.4';
/** The first that pulls over plain HTTP from a registry when told to. */
const oldestHelm = '3.13.0';
const officialSite = 'https://get.helm.sh';

export interface HelmProgram {
  readonly path: string;
  readonly version: string;
  readonly origin: 'HANSA_HELM' | 'PATH' | 'cache' | Way;
}

export interface HelmOptions {
  /** HANSA_HELM and PATH are looked at. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cacheDir?: string;
  /** How helm may be got if there is none; default both, download first. */
  readonly ways?: readonly Way[];
  /** Where releases are published. */
  readonly site?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Finds helm, or gets it once for all.
 *
 * *Flow*: HANSA_HELM; PATH, if what is there is new enough; the cache; the official release, checked by its sha256; a
 * build with Go.
 * *Guarantees*: two processes never do the work twice.
 * @throws HansaError HelmUnusable, HelmMissing, ChecksumMismatch, GoTooOld, CommandFailed; or the signal's reason
 */
export async function findHelm(options: HelmOptions = {}): Promise<HelmProgram> {
  const { env = process.env, progress = silentProgress, signal = new AbortController().signal } = options;
  const found = (await givenHelm(env, signal)) ?? (await helmOnPath(env, signal));
  if (found) return found;
  const platform = platformOf();
  const cache = new ProgramCache(options.cacheDir ?? cacheDirFor(env), platform);
  const cached = () => cache.find('helm', helmVersion);
  const atHand = cached();
  if (atHand) return { path: atHand, version: helmVersion, origin: 'cache' };
  let waiting: ReturnType<Progress['step']> | undefined;
  using _lock = await cache.lock(signal, ({ pid }) => {
    waiting = progress.step(`wait for process ${pid}, which is getting programs`);
  });
  waiting?.done();
  const gotByOther = cached();
  if (gotByOther) return { path: gotByOther, version: helmVersion, origin: 'cache' };
  using workshop = cache.openWorkshop();
  const origin = await getHelm({
    cache,
    platform,
    ways: options.ways ?? ['download', 'build'],
    site: options.site ?? officialSite,
    workDir: workshop.path,
    progress,
    signal,
  });
  return { path: cache.pathOf('helm', helmVersion), version: helmVersion, origin };
}

async function givenHelm(
  env: NonNullable<HelmOptions['env']>,
  signal: AbortSignal,
): Promise<HelmProgram | undefined> {
  if (!env.HANSA_HELM) return undefined;
  const path = resolve(env.HANSA_HELM);
  const version = await probeVersion('helm', path, signal);
  if (version && isNewEnough(version)) return { path, version, origin: 'HANSA_HELM' };
  throw new HansaError(
    `HANSA_HELM is ${path}, which ${version ? `is version ${version}` : 'does not answer as helm does'}: ` +
      `set it to helm ${oldestHelm} or newer, or unset it and Hansa gets one by itself`,
    { reason: 'HelmUnusable', retry: 'never' },
  );
}

/** The first helm on PATH that is new enough. One of a Helm 2 is passed over rather than refused: it may be there for others. */
async function helmOnPath(
  env: NonNullable<HelmOptions['env']>,
  signal: AbortSignal,
): Promise<HelmProgram | undefined> {
  for (const dir of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = resolve(dir, 'helm');
    if (!isProgram(path)) continue;
    const version = await probeVersion('helm', path, signal);
    if (version && isNewEnough(version)) return { path, version, origin: 'PATH' };
  }
  return undefined;
}

function isNewEnough(version: string): boolean {
  return compareVersions(version, oldestHelm) >= 0;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

interface GetHelm extends Required<Pick<HelmOptions, 'ways' | 'site' | 'progress' | 'signal'>> {
  readonly cache: ProgramCache;
  readonly platform: Platform;
  readonly workDir: string;
}

async function getHelm(options: GetHelm): Promise<Way> {
  const hindrances: string[] = [];
  if (options.ways.includes('download') && (await downloadHelm(options, hindrances))) return 'download';
  if (options.ways.includes('build') && (await buildHelm(options, hindrances))) return 'build';
  throw new HansaError(
    `there is no helm to render charts with (${hindrances.join('; ') || 'no way to get one was allowed'}): ` +
      `install helm ${oldestHelm} or newer, or set HANSA_HELM to one, or allow the network to reach its release site, ` +
      'or install Go to build it',
    { reason: 'HelmMissing', retry: 'never' },
  );
}

/** The published archive of a platform. */
export function helmReleaseFile({ os, arch }: Platform, site: string = officialSite): ReleaseFile {
  const fileName = `helm-v${helmVersion}-${os}-${arch}.tar.gz`;
  return {
    url: `${site}/${fileName}`,
    checksumUrl: `${site}/${fileName}.sha256sum`,
    fileName,
    inArchive: `${os}-${arch}/helm`,
  };
}

async function downloadHelm(options: GetHelm, hindrances: string[]): Promise<boolean> {
  const { cache, platform, site, ways, workDir, progress, signal } = options;
  const dir = join(workDir, 'download-helm');
  mkdirSync(dir);
  const step = progress.step(`download helm ${helmVersion}`);
  await using downloader = createDownloader();
  try {
    const file = helmReleaseFile(platform, site);
    const { path, sizeBytes } = await downloader.fetch(file, dir, step, signal);
    await cache.add('helm', helmVersion, path, signal);
    step.done(sizeText(sizeBytes));
    return true;
  } catch (error) {
    const reason = error instanceof HansaError ? error.reason : undefined;
    if (signal.aborted || (reason !== 'SiteUnreachable' && reason !== 'NotPublished')) {
      step.fail(signal.aborted ? 'interrupted' : messageOf(error));
      throw error;
    }
    // Not being able to download is no failure as long as there is another way.
    if (ways.includes('build')) step.done('it cannot be downloaded, so it is built');
    else step.fail('it cannot be downloaded');
    hindrances.push(messageOf(error));
    return false;
  }
}

async function buildHelm(options: GetHelm, hindrances: string[]): Promise<boolean> {
  const { cache, platform, workDir, progress, signal } = options;
  try {
    await buildWithGo({
      modules: [helmModule(helmVersion)],
      platform,
      workDir,
      progress,
      signal,
      onBuilt: (program, path) => cache.add(program, helmVersion, path, signal),
    });
    return true;
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'GoMissing') throw error;
    hindrances.push(messageOf(error));
    return false;
  }
}
