import type { Machine, StepContext } from '../engine/executor.ts';
import type { RenderedFile } from '../plan/render/units.ts';
import { runScript } from './run-script.ts';

/** Where a machine keeps what Hansa replaced, until it is reset. */
export const originalsDirectory = '/etc/hansa/originals';

/**
 * Shell functions: `keep_original PATH` once saves a file, or notes that there was none; `restore_originals` puts all back.
 * The name of a saved file is its path with every slash as `%`.
 */
export const originalsLibrary = `
originals=${originalsDirectory}
keep_original() {
  mkdir -p -m 700 "$originals"
  kept=$originals/$(printf %s "$1" | tr / %)
  if [ -e "$kept" ] || [ -e "$kept.absent" ]; then return 0; fi
  if [ -e "$1" ]; then
    cp -p "$1" "$kept.new"
    sync "$kept.new" 2>/dev/null || sync
    mv "$kept.new" "$kept"
  else
    : >"$kept.absent"
  fi
}
restore_originals() {
  for kept in "$originals"/*; do
    [ -e "$kept" ] || continue
    name=\${kept##*/}
    case $name in
      *.new) rm -f "$kept" ;;
      *.absent) rm -f "$(printf %s "\${name%.absent}" | tr % /)" "$kept" ;;
      %*) cp -p "$kept" "$(printf %s "$name" | tr % /)" && rm -f "$kept" ;;
    esac
  done
}
`;

/** Writes our files and keeps what was there before. Gives those that were changed. */
export async function placeFiles(
  context: StepContext,
  machine: Machine,
  files: readonly RenderedFile[],
): Promise<readonly string[]> {
  await runScript(context, machine, {
    script: `${originalsLibrary}\nfor path in "$@"; do keep_original "$path"; done`,
    args: files.map(({ path }) => path),
    reason: 'OriginalNotKept',
    mend: 'nothing was changed: see that /etc can be written',
  });
  const changed: string[] = [];
  for (const file of files) {
    if ((await machine.transport.writeFile(file, context.signal)) === 'written') changed.push(file.path);
  }
  return changed;
}

/** Those of our files that are not on the machine as they should be. */
export async function differingFiles(
  { signal }: Pick<StepContext, 'signal'>,
  machine: Machine,
  files: readonly RenderedFile[],
): Promise<readonly string[]> {
  const contents = await Promise.all(files.map(({ path }) => machine.transport.readFile(path, { signal })));
  return files
    .filter(({ content }, index) => contents[index]?.toString('utf8') !== content)
    .map(({ path }) => path);
}
