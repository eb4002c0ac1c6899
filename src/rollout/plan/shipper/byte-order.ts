/** Order of texts as Go has it, by UTF-8 bytes; JavaScript's own order is by UTF-16 units. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
