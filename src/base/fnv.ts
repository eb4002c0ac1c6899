/** FNV-1, 32 bit (multiply first, then xor): Go's hash/fnv New32, with which KubeFed orders clusters. */
export function fnv1(...parts: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (const byte of Buffer.from(part, 'utf8')) {
      hash = Math.imul(hash, 0x01000193);
      hash ^= byte;
    }
  }
  return hash >>> 0;
}
