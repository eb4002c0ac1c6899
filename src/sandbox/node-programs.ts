import { type Progress, silentProgress } from '../base/index.ts';
import { buildWithGo } from './build-with-go.ts';
import { type NodePart, nodeModulesFor, type WantedProgram } from './node-modules.ts';
import { cacheDirFor } from './places.ts';
import { platformOf } from './platform.ts';
import { ProgramCache } from './program-cache.ts';

export interface NodeProgramsOptions {
  readonly cacheDir?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Finds the programs of a real node in the cache, and builds those that are missing from their modules.
 *
 * *Guarantees*: two processes never do the work twice; what was finished before an interruption is kept.
 * *Caveats*: about 10 minutes on 2 cores for one Kubernetes version from nothing.
 * @throws HansaError GoMissing, GoTooOld, CommandFailed, ProgramUnusable; or the signal's reason
 */
export async function ensureNodePrograms(
  wanted: readonly WantedProgram[],
  options: NodeProgramsOptions = {},
): Promise<ReadonlyMap<NodePart, string>> {
  const { progress = silentProgress, signal = new AbortController().signal } = options;
  const platform = platformOf();
  const cache = new ProgramCache(options.cacheDir ?? cacheDirFor(), platform);
  const missing = () => wanted.filter(({ program, version }) => !cache.find(program, version));
  if (missing().length > 0) {
    let waiting: ReturnType<Progress['step']> | undefined;
    using _lock = await cache.lock(signal, ({ pid }) => {
      waiting = progress.step(`wait for process ${pid}, which is getting programs`);
    });
    waiting?.done();
    const left = missing();
    using workshop = cache.openWorkshop();
    await buildWithGo<NodePart>({
      modules: nodeModulesFor(left),
      platform,
      workDir: workshop.path,
      progress,
      signal,
      onBuilt: (program, path) => cache.add(program, versionIn(left, program), path, signal),
    });
  }
  return new Map(wanted.map(({ program, version }) => [program, cache.pathOf(program, version)]));
}

/** One version of each program is wanted at a time. */
function versionIn(wanted: readonly WantedProgram[], program: NodePart): string {
  const found = wanted.find((each) => each.program === program);
  if (!found) throw new Error(`${program} was not asked for`);
  return found.version;
}
