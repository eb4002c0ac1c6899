import { HansaError } from '../../base/index.ts';

/** A version of Kubernetes, without its `v`. */
export interface KubeVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly text: string;
}

/** Reads `1.36.3`, `v1.36.3` and `Kubernetes v1.36.3+build`; undefined if there is no version in it. */
export function readVersion(text: string): KubeVersion | undefined {
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(text);
  if (!found) return undefined;
  const [major, minor, patch] = found.slice(1).map(Number);
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  return { major, minor, patch, text: `${major}.${minor}.${patch}` };
}

/** @throws HansaError BadVersion */
export function versionOf(text: string): KubeVersion {
  const version = readVersion(text);
  if (version) return version;
  throw new HansaError(`"${text}" is not a version of Kubernetes: write it like 1.36.3`, {
    reason: 'BadVersion',
    retry: 'never',
  });
}

/** Below zero: `a` is older. */
export function compareVersions(a: KubeVersion, b: KubeVersion): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}
