import { safePath } from './safe-path.ts';

/** What `sha256sum -c` reads: a hash and a path a line. */
export function formatSums(sums: ReadonlyMap<string, string>): string {
  return [...sums]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([path, sha256]) => `${sha256}  ${path}\n`)
    .join('');
}

/** Path to hash; undefined where it is not such a list. */
export function parseSums(text: string): ReadonlyMap<string, string> | undefined {
  const sums = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, sha256, written = ''] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    const path = safePath(written);
    if (!sha256 || !path || sums.has(path)) return undefined;
    sums.set(path, sha256);
  }
  return sums;
}
