/** A moment as `MicroTime` wants it: six digits after the point, or the API server refuses it. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
