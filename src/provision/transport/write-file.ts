import { createHash } from 'node:crypto';
import { HansaError } from '../../base/index.ts';
import type { Runner } from './machine-transport.ts';
import type { RemoteFile } from './transport.ts';

/** What arrived isn't what was sent. */
export const differs = 45;

// A connection that breaks looks like the end of the file to `cat`, so nothing is renamed before its hash is right.
const script = `
path=$1 mode=$2 owner=$3 sum=$4
hash_of() { sha256sum <"$1" | cut -d' ' -f1; }
if [ -f "$path" ] && [ "$(hash_of "$path")" = "$sum" ]; then
  set -- $(stat -L -c '%a %U:%G %u:%g' -- "$path")
  if [ "$1" = "$mode" ] && { [ "$2" = "$owner" ] || [ "$3" = "$owner" ]; }; then echo unchanged; exit; fi
fi
dir=$(dirname -- "$path")
(umask 022; mkdir -p -- "$dir")
umask 077
new=$(mktemp "$dir/.hansa-new.XXXXXX")
trap 'rm -f -- "$new"' EXIT
cat >"$new"
[ "$(hash_of "$new")" = "$sum" ] || exit ${differs}
chown -- "$owner" "$new"
chmod "$mode" "$new"
sync -- "$new" 2>/dev/null || sync
mv -fT -- "$new" "$path" 2>/dev/null || mv -f -- "$new" "$path"
trap - EXIT
sync -- "$dir" 2>/dev/null || sync
if command -v restorecon >/dev/null 2>&1; then restorecon -- "$path" 2>/dev/null || :; fi
echo written
`;

export async function writeRemoteFile(
  machine: Runner,
  { path, content, mode, owner = 'root:root' }: RemoteFile,
  signal: AbortSignal | undefined,
): Promise<'written' | 'unchanged'> {
  const sum = createHash('sha256').update(content).digest('hex');
  const args = [path, mode.toString(8), owner, sum];
  const { code, stdout, stderr } = await machine.run({ script, args, input: content, root: true, signal });
  if (code === 0) return stdout.toString().trim() === 'unchanged' ? 'unchanged' : 'written';
  throw writeFailure(machine, path, code, stderr);
}

/** A file that could not be written, as the sentence for it. */
export function writeFailure({ address }: Runner, path: string, code: number, stderr: string): HansaError {
  if (/no space left|disk quota/i.test(stderr)) {
    return new HansaError(`no space left for ${path} on ${address}: free some, then run it again`, {
      reason: 'DiskFull',
    });
  }
  if (/read-only file system/i.test(stderr)) {
    return new HansaError(
      `${path} on ${address} is on a file system that is mounted read-only: see the kernel's log there, mount it writable`,
      { reason: 'FileUnwritable' },
    );
  }
  if (code === differs) {
    return new HansaError(
      `${path} did not arrive whole on ${address} and was not put in place: run it again`,
      {
        reason: 'ContentDiffers',
      },
    );
  }
  return new HansaError(`${path} on ${address} can't be written: ${stderr.trim() || `exit code ${code}`}`, {
    reason: 'FileUnwritable',
  });
}
