import { z } from 'zod';

/** Go's durations as Kubernetes writes them, without fractions: `90s`, `1h30m`. */
export const durationPattern = /^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$/;

export function duration(description: string): z.ZodString {
  return z
    .string()
    .min(2)
    .max(32)
    .regex(durationPattern, 'must be a duration such as 30s, 5m or 1h30m')
    .meta({ description });
}

const unitMs = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** Milliseconds of a duration that has passed the schema; absent gives the fallback. */
export function durationMs(text: string | undefined, fallbackMs: number): number {
  if (text === undefined) return fallbackMs;
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) {
    sum += Number(digits) * unitMs[unit as keyof typeof unitMs];
  }
  return sum;
}
