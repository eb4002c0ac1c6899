/** Whole pods of a share, rounded up: 1 % of 3 is 1. Integers throughout, so that 55 % of 20 is 11 and not 12. */
export function shareOf(total: number, percent: number): number {
  return Math.floor((total * percent + 99) / 100);
}
