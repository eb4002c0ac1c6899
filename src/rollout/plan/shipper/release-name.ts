import { fnv1a } from '../../../base/index.ts';
import { environmentJson } from './environment-json.ts';

/** Hash of a release's environment; without leading zeros, so that it may be shorter than 8 digits. */
export function hashEnvironment(environment: Readonly<Record<string, unknown>>): string {
  return hashEnvironmentJson(environmentJson(environment));
}

/** The same from the JSON that Go wrote. */
export function hashEnvironmentJson(json: string): string {
  return fnv1a(json).toString(16);
}

export function releaseName(application: string, hash: string, iteration: number): string {
  return `${application}-${hash}-${iteration}`;
}

/** How often a template has been used, for the next release made of it: 0 at first, then one more than ever. */
export function nextIteration(iterationsOfHash: readonly number[]): number {
  return iterationsOfHash.length === 0 ? 0 : Math.max(0, ...iterationsOfHash) + 1;
}
