import { HansaError } from '../../base/index.ts';
import { hasReason } from './failures.ts';
import type { Runner } from './machine-transport.ts';
import type { RemoteUpload } from './transport.ts';
import { differs, writeFailure } from './write-file.ts';

/** Losses of the connection in a row without a byte more on the machine. */
const mostLosses = 5;
/** ssh2 buffers 2 MiB: a link of 10 kB/s needs 200 s to take one. */
const stallMs = 300_000;
/** What the hashing of a large file on a slow disk may take. */
const hashDeadlineMs = 15 * 60_000;
const sendDeadlineMs = 6 * 60 * 60_000;
const blockBytes = 64 * 1024;

const lookScript = `
path=$1 part=$2 mode=$3 sum=$4
hash_of() { sha256sum <"$1" | cut -d' ' -f1; }
if [ -f "$path" ] && [ "$(hash_of "$path")" = "$sum" ]; then
  [ "$(stat -L -c %a -- "$path")" = "$mode" ] || chmod "$mode" "$path"
  rm -f -- "$part"
  echo there
else
  # Not there, or just put in place by the end of a broken connection.
  stat -c %s -- "$part" 2>/dev/null || echo 0
fi
`;

// Written at its place instead of appended: the end of a broken connection may still be writing, and writes the same bytes.
const sendScript = `
part=$1 block=$2
(umask 022; mkdir -p -- "$(dirname -- "$part")")
umask 077
if ! said=$(dd of="$part" bs=${blockBytes} seek="$block" conv=notrunc 2>&1); then
  printf '%s\\n' "$said" >&2
  case $said in *[Nn]o\\ space*) rm -f -- "$part" ;; esac
  exit 1
fi
`;

const placeScript = `
path=$1 part=$2 mode=$3 sum=$4 size=$5
truncate -s "$size" -- "$part" 2>/dev/null || :
if [ "$(sha256sum <"$part" | cut -d' ' -f1)" != "$sum" ]; then rm -f -- "$part"; exit ${differs}; fi
chown 0:0 -- "$part"
chmod "$mode" "$part"
sync -- "$part" 2>/dev/null || sync
mv -f -- "$part" "$path"
sync -- "$(dirname -- "$path")" 2>/dev/null || sync
if command -v restorecon >/dev/null 2>&1; then restorecon -- "$path" 2>/dev/null || :; fi
`;

/**
 * Brings a large file to a machine, going on after a lost connection where the bytes there end.
 * *Guarantees*: in place only with the right hash. *Assumes*: `content` gives the same bytes each time.
 */
export async function uploadFile(machine: Runner, file: RemoteUpload): Promise<'uploaded' | 'unchanged'> {
  let losses = 0;
  let best = 0;
  let mayDiffer = true;
  for (;;) {
    try {
      const have = await look(machine, file);
      if (have === 'there') return 'unchanged';
      if (have > best) losses = 0;
      best = Math.max(best, have);
      if (have < file.sizeBytes) await send(machine, file, have);
      if (await place(machine, file)) {
        file.onProgress?.(file.sizeBytes);
        return 'uploaded';
      }
      // What was left from last time may have been of another file: from the start, once.
      if (!mayDiffer || have === 0) throw hashMismatch(machine, file);
      mayDiffer = false;
    } catch (error) {
      losses += 1;
      if (!hasReason(error, 'ConnectionLost') || losses > mostLosses) throw error;
    }
  }
}

async function look(machine: Runner, file: RemoteUpload): Promise<'there' | number> {
  const { path, mode, sha256, sizeBytes, signal } = file;
  const args = [path, partOf(file), mode.toString(8), sha256];
  const run = { script: lookScript, args, root: true, deadlineMs: hashDeadlineMs, signal };
  const { code, stdout, stderr } = await machine.run(run);
  if (code !== 0) throw writeFailure(machine, path, code, stderr);
  if (stdout.toString().trim() === 'there') return 'there';
  const bytes = Number(stdout.toString().trim());
  return Math.min(bytes - (bytes % blockBytes), sizeBytes);
}

async function send(machine: Runner, file: RemoteUpload, have: number): Promise<void> {
  const { path, content, signal, onProgress } = file;
  const { code, stderr } = await machine.run({
    script: sendScript,
    args: [partOf(file), String(have / blockBytes)],
    input: { open: content, skipBytes: have, ...(onProgress && { onSent: onProgress }) },
    root: true,
    deadlineMs: sendDeadlineMs,
    stallMs,
    signal,
  });
  if (code !== 0) throw writeFailure(machine, path, code, stderr);
}

async function place(machine: Runner, file: RemoteUpload): Promise<boolean> {
  const { path, mode, sha256, sizeBytes, signal } = file;
  const args = [path, partOf(file), mode.toString(8), sha256, String(sizeBytes)];
  const run = { script: placeScript, args, root: true, deadlineMs: hashDeadlineMs, signal };
  const { code, stderr } = await machine.run(run);
  if (code === differs) return false;
  if (code !== 0) throw writeFailure(machine, path, code, stderr);
  return true;
}

function partOf({ path, sha256 }: RemoteUpload): string {
  return `${path}.${sha256.slice(0, 12)}.part`;
}

function hashMismatch({ address }: Runner, { path, sha256 }: RemoteUpload): HansaError {
  return new HansaError(
    `what was sent to ${address} as ${path} has not the hash sha256:${sha256} it should have: ` +
      'the source is damaged, verify the bundle',
    { reason: 'HashMismatch', retry: 'never' },
  );
}
