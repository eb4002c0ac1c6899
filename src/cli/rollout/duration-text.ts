import { durationMs, durationPattern } from '../../api/rollout.hansa.dev/v1alpha1/duration.ts';
import { invalidOption } from '../host-options.ts';

/** `9m`, `1h30m`, `45s`: what is left, rounded up, so that nothing ends at "0s". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 600) return `${Math.floor(seconds / 60)}m${seconds % 60 ? `${seconds % 60}s` : ''}`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  return `${Math.floor(minutes / 60)}h${minutes % 60 ? `${minutes % 60}m` : ''}`;
}

/** Reads `10m` or `1h30m` from the command line. @throws HansaError InvalidOption */
export function readDuration(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text.length < 2 || !durationPattern.test(text))
    throw invalidOption(`${flag} ${text}: write a duration such as 30s, 10m or 1h30m`);
  return durationMs(text, 0);
}
