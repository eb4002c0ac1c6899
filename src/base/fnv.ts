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

/** FNV-1a, 32 bit (xor first, then multiply): Go's hash/fnv New32a, with which Shipper names releases. */
export function fnv1a(...parts: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (const byte of Buffer.from(part, 'utf8')) {
      hash ^= byte;
      hash = Math.imul(hash, 0x01000193);
    }
  }
  return hash >>> 0;
}
