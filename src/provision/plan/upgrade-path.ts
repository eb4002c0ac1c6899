import type { Refusal } from './steps.ts';
import { compareVersions, type KubeVersion, readVersion } from './version.ts';

/** One version on the way. */
export interface Hop {
  readonly version: KubeVersion;
  /** API servers of an older minor are still there. */
  readonly isNewMinor: boolean;
}

export type UpgradePath =
  | { readonly kind: 'path'; readonly hops: readonly Hop[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/**
 * The versions to go over: of each minor between, the newest at hand, and at last the target. kubeadm goes one minor at
 * a time, and going back is not supported by anyone.
 */
export function pathTo(
  target: { readonly version: string; readonly available: readonly string[] },
  oldest: KubeVersion | undefined,
  newest: KubeVersion | undefined,
): UpgradePath {
  const wanted = readVersion(target.version);
  if (!wanted)
    return refused('BadVersion', `"${target.version}" is not a version of Kubernetes: write it like 1.36.3`);
  if (!oldest || !newest)
    return refused(
      'VersionUnknown',
      'no control plane tells which version it runs: see "hansa cluster status"',
    );
  if (compareVersions(newest, wanted) > 0) {
    return refused(
      'Downgrade',
      `the cluster has ${newest.text}, newer than ${wanted.text}: Kubernetes can't go back; restore the backup from before the upgrade if you must`,
    );
  }
  if (wanted.major !== oldest.major) {
    return refused('BadVersion', `there is no known way from ${oldest.text} to ${wanted.text}`);
  }
  // One that every API server runs already needs nothing of a bundle but what is there.
  if (compareVersions(oldest, wanted) < 0 && !has(target.available, wanted)) {
    const hand = target.available.length === 0 ? 'no bundle is' : `${target.available.join(', ')} is`;
    return refused(
      'VersionMissing',
      `to go from ${oldest.text} to ${wanted.text} a bundle must hold ${wanted.text}, and ${hand} at hand: make one with "hansa bundle create --versions ${wanted.text}" and name it with --bundle`,
    );
  }
  const hops: Hop[] = [];
  // The oldest minor itself is on the way if newer ones are there already: a chain that was interrupted in a hop.
  for (let minor = oldest.minor + 1; minor < wanted.minor; minor += 1) {
    const between = newestOf(minor, newest, target.available);
    if (!between) {
      return refused(
        'VersionMissing',
        `the way from ${oldest.text} to ${wanted.text} goes over 1.${minor}, of which no version is at hand: ` +
          `make a bundle that holds one ("hansa bundle create --versions 1.${minor}.x,${wanted.text}")`,
      );
    }
    hops.push({ version: between, isNewMinor: true });
  }
  hops.push({ version: wanted, isNewMinor: wanted.minor > oldest.minor });
  return { kind: 'path', hops };
}

function has(available: readonly string[], wanted: KubeVersion): boolean {
  return available.some((text) => readVersion(text)?.text === wanted.text);
}

/** What a control plane runs already goes before what the bundle has: an interrupted hop is finished at its own version. */
function newestOf(
  minor: number,
  running: KubeVersion,
  available: readonly string[],
): KubeVersion | undefined {
  const ofMinor = available
    .flatMap((text) => readVersion(text) ?? [])
    .filter((version) => version.minor === minor)
    .toSorted(compareVersions)
    .at(-1);
  if (running.minor !== minor) return ofMinor;
  return ofMinor && compareVersions(ofMinor, running) > 0 ? ofMinor : running;
}

function refused(reason: string, message: string): UpgradePath {
  return { kind: 'refused', refusal: { reason, machine: undefined, field: 'spec.version', message } };
}
