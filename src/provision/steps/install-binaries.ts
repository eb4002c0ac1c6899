import { HansaError } from '../../base/index.ts';
import type { BundleItem, Machine, StepContext } from '../engine/executor.ts';
import { originalsLibrary } from './originals.ts';
import { lastWords } from './run-to-end.ts';

const blobDirectory = '/var/cache/hansa/blobs/sha256';
/** Lines of paths that Hansa put on the machine, so that a reset takes them away again. */
export const installedList = '/etc/hansa/installed';

export interface Placement {
  readonly item: BundleItem;
  readonly path: string;
}

/** Puts programs in place from the blobs on the machine. Gives the paths that were changed; what is there by hash stays. */
export async function installBinaries(
  context: StepContext,
  machine: Machine,
  placements: readonly Placement[],
): Promise<readonly string[]> {
  if (placements.length === 0) return [];
  const result = await machine.transport.exec({
    script: installScript,
    args: [
      blobDirectory,
      installedList,
      ...placements.map(({ item, path }) => `${item.sha256} ${item.mode.toString(8)} ${path}`),
    ],
    root: true,
    deadlineMs: 5 * 60_000,
    signal: context.signal,
  });
  if (result.code === missingBlob) {
    throw new HansaError(
      `${machine.spec.name} lacks ${result.stdout.trim().split('\n').at(-1)} in its cache: the bundle is loaded again with the next attempt`,
      { reason: 'BlobMissing' },
    );
  }
  if (result.code !== 0) {
    throw new HansaError(
      `programs could not be put in place on ${machine.spec.name}: ${lastWords(result)}; free space below /usr/local, /opt and /var`,
      { reason: /no space left/i.test(result.stderr) ? 'DiskFull' : 'InstallFailed' },
    );
  }
  return result.stdout.split('\n').filter((line) => line !== '');
}

/** Those that are not there, or differ. */
export async function differingBinaries(
  { signal }: Pick<StepContext, 'signal'>,
  machine: Machine,
  placements: readonly Placement[],
): Promise<readonly string[]> {
  const { stdout } = await machine.transport.exec({
    script: `for each in "$@"; do
  hash=\${each%% *} path=\${each#* }
  [ "$(sha256sum "$path" 2>/dev/null | cut -d' ' -f1)" = "$hash" ] || echo "$path"
done`,
    args: placements.map(({ item, path }) => `${item.sha256} ${path}`),
    root: true,
    signal,
  });
  return stdout.split('\n').filter((line) => line !== '');
}

const missingBlob = 97;

// A running program's file can't be written to, but it can be replaced.
const installScript = `${originalsLibrary}
blobs=$1 list=$2
shift 2
mkdir -p -m 755 "\${list%/*}"
touch "$list"
for each in "$@"; do
  hash=\${each%% *} rest=\${each#* }
  mode=\${rest%% *} path=\${rest#* }
  mkdir -p "\${path%/*}"
  if [ "$(sha256sum "$path" 2>/dev/null | cut -d' ' -f1)" != "$hash" ]; then
    if [ ! -f "$blobs/$hash" ]; then echo "\${path##*/}"; exit ${missingBlob}; fi
    if ! grep -qxF "$path" "$list"; then
      if [ -e "$path" ]; then keep_original "$path"; else echo "$path" >>"$list"; fi
    fi
    new=$path.hansa-new
    trap 'rm -f "$new"' EXIT
    cp "$blobs/$hash" "$new"
    [ "$(sha256sum "$new" | cut -d' ' -f1)" = "$hash" ] || { echo "$path: the blob is damaged" >&2; rm -f "$blobs/$hash"; exit 1; }
    chmod "$mode" "$new"
    sync "$new" 2>/dev/null || sync
    mv -f "$new" "$path"
    trap - EXIT
    echo "$path"
  fi
done
`;
