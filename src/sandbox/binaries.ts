import { type Progress, silentProgress } from '../base/index.ts';
import type { BinarySet, Program } from './binary-set.ts';
import { findAssets, fittingAssets } from './find-assets.ts';
import { getPrograms, type Way } from './get-programs.ts';
import { cacheDirFor } from './places.ts';
import { platformOf } from './platform.ts';
import { ProgramCache } from './program-cache.ts';
import { officialSites, type ReleaseSites } from './release-sites.ts';
import { type Component, components, resolveVersions, versionsBeside } from './versions.ts';

export interface BinariesOptions {
  /** Absent = that of the API server in the assets directory, else our default. */
  readonly kubernetesVersion?: string | undefined;
  /** Absent = all. */
  readonly only?: readonly Component[];
  /** Directory whose programs come first; default KUBEBUILDER_ASSETS. Empty = none. */
  readonly assetsDir?: string;
  readonly cacheDir?: string;
  /** How missing programs may be got; default both, download first. */
  readonly ways?: readonly Way[];
  readonly sites?: ReleaseSites;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Finds the control plane's programs, or gets them once for all.
 *
 * *Flow*: KUBEBUILDER_ASSETS, as much of the set as it has; the cache; the official releases, each file checked by its
 * sha256; a build with Go.
 * *Guarantees*: two processes never do the work twice; after an interruption the next call starts cleanly and keeps what
 * was finished.
 * @throws HansaError ProgramsMissing, ChecksumMismatch, ProgramUnusable, GoTooOld, CommandFailed, UnsupportedVersion,
 * UnsupportedPlatform; or the signal's reason
 */
export async function ensureBinaries(options: BinariesOptions = {}): Promise<BinarySet> {
  const { signal = new AbortController().signal, progress = silentProgress, only = components } = options;
  const assets = await findAssets(options.assetsDir ?? process.env.KUBEBUILDER_ASSETS, signal);
  const given = assets['kube-apiserver']?.version;
  const versions =
    options.kubernetesVersion === undefined && given
      ? versionsBeside(given)
      : resolveVersions(options.kubernetesVersion);
  const platform = platformOf();
  const cache = new ProgramCache(options.cacheDir ?? cacheDirFor(), platform);
  const fitting = fittingAssets(assets, versions['kube-apiserver']);

  const notAtHand = () => only.filter((each) => !fitting[each] && !cache.find(each, versions[each]));
  let got = new Map<Component, Way>();
  if (notAtHand().length > 0) {
    using _lock = await lockTelling(cache, progress, signal);
    const wanted = notAtHand();
    if (wanted.length > 0) {
      using workshop = cache.openWorkshop();
      got = await getPrograms(wanted, {
        cache,
        versions,
        platform,
        ways: options.ways ?? ['download', 'build'],
        sites: options.sites ?? officialSites,
        workDir: workshop.path,
        progress,
        signal,
      });
    }
  }
  const programOf = (component: Component): Program =>
    fitting[component] ?? {
      path: cache.pathOf(component, versions[component]),
      version: versions[component],
      origin: got.get(component) ?? 'cache',
    };
  return {
    kubernetesVersion: versions['kube-apiserver'],
    programs: Object.fromEntries(only.map((component) => [component, programOf(component)])),
  };
}

async function lockTelling(
  cache: ProgramCache,
  progress: Progress,
  signal: AbortSignal,
): Promise<Disposable> {
  let step: ReturnType<Progress['step']> | undefined;
  const lock = await cache.lock(signal, ({ pid }) => {
    step = progress.step(`wait for process ${pid}, which is getting the programs`);
  });
  step?.done();
  return lock;
}
