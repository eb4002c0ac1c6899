/** A Release, as far as its place in the history goes. */
export interface OrderedRelease {
  readonly name: string;
  readonly generation: number;
  readonly isComplete: boolean;
}

export type ReadGeneration =
  | { readonly ok: true; readonly generation: number }
  /** Reason BrokenReleaseGeneration of the condition ValidHistory. */
  | { readonly ok: false; readonly message: string };

/** Reads the annotation that says where in the history a release is. */
export function readGeneration(release: string, annotation: string | undefined): ReadGeneration {
  const label = 'shipper.booking.com/release.generation';
  if (annotation === undefined) {
    return { ok: false, message: `missing label "${label}" in release "${release}"` };
  }
  const generation = Number(annotation);
  return /^[+-]?[0-9]+$/.test(annotation) && Number.isSafeInteger(generation)
    ? { ok: true, generation }
    : {
        ok: false,
        message: `invalid value for label "${label}" in release "${release}": "${annotation}" is no whole number`,
      };
}

/** Oldest first. Releases of one generation, which an interrupted write can leave, stay as they came. */
export function byGeneration<Release extends Pick<OrderedRelease, 'generation'>>(
  releases: readonly Release[],
): readonly Release[] {
  return releases.toSorted((a, b) => a.generation - b.generation);
}

/** The newest release. */
export function contenderOf<Release extends OrderedRelease>(
  releases: readonly Release[],
): Release | undefined {
  return byGeneration(releases).at(-1);
}

/** The newest of those before the contender that once were complete. */
export function incumbentOf<Release extends OrderedRelease>(
  releases: readonly Release[],
): Release | undefined {
  return byGeneration(releases)
    .slice(0, -1)
    .findLast(({ isComplete }) => isComplete);
}

/** The releases next to one. It need not be among them: a deleted one has neighbours too. */
export function siblingsOf<Release extends Pick<OrderedRelease, 'name' | 'generation'>>(
  release: Pick<OrderedRelease, 'name' | 'generation'>,
  releases: readonly Release[],
): { readonly predecessor: Release | undefined; readonly successor: Release | undefined } {
  const ordered = byGeneration(releases);
  const place = ordered.findIndex(({ name }) => name === release.name);
  if (place >= 0) return { predecessor: ordered[place - 1], successor: ordered[place + 1] };
  return {
    predecessor: ordered.findLast(({ generation }) => generation < release.generation),
    successor: ordered.find(({ generation }) => generation > release.generation),
  };
}
