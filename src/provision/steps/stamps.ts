import { HansaError } from '../../base/index.ts';
import type { Machine } from '../engine/executor.ts';
import { lastWords } from './run-to-end.ts';

export const stampsPath = '/etc/hansa/stamps.json';

/** Says on the machine what a step's files were made from. The machine itself keeps two steps from writing at once. */
export async function writeStamp(
  machine: Pick<Machine, 'transport' | 'spec'>,
  kind: string,
  hash: string,
  signal?: AbortSignal,
): Promise<void> {
  const result = await machine.transport.exec({
    script: writeScript,
    args: [stampsPath, kind, hash],
    root: true,
    ...(signal && { signal }),
  });
  if (result.code === 0) return;
  throw new HansaError(`${machine.spec.name} could not note that ${kind} is done: ${lastWords(result)}`, {
    reason: 'StampNotWritten',
  });
}

/** Stamps as the machine has them now. */
export async function readStamps(
  machine: Pick<Machine, 'transport'>,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const content = await machine.transport.readFile(stampsPath, signal ? { signal } : {});
  if (!content) return {};
  try {
    return JSON.parse(content.toString('utf8')) as Readonly<Record<string, string>>;
  } catch {
    // Written by somebody else: as if nothing had been done, which only costs time.
    return {};
  }
}

// One entry a line, so that the shell of any machine can change one of them.
const writeScript = `
file=$1 kind=$2 hash=$3
mkdir -p -m 755 "\${file%/*}"
exec 9>"\${file%/*}/.stamps.lock"
flock 9
entries() {
  [ ! -f "$file" ] || grep -E '^  "[^"]+": "[^"]*",?$' "$file" | grep -v "^  \\"$kind\\":" | sed 's/,$//' || :
  [ -z "$hash" ] || printf '  "%s": "%s"\\n' "$kind" "$hash"
}
{ echo '{'; entries | sed '$!s/$/,/'; echo '}'; } >"$file.new"
chmod 644 "$file.new"
sync "$file.new" 2>/dev/null || sync
mv -f "$file.new" "$file"
`;
