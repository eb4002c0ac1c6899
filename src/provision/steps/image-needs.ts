import { mirrorName } from '../bundle/mirror-name.ts';
import type { BundleItem } from '../engine/executor.ts';

/** Images that the runtime must have, under every name they are asked for. */
export interface ImageNeeds {
  readonly images: readonly BundleItem[];
  /** Second names: what it is called in the cluster's own repository. */
  readonly tags: readonly { readonly from: string; readonly to: string }[];
  /** Without this, kubelet's garbage collection takes the sandbox image away, and nothing brings it back. */
  readonly pinned: readonly string[];
}

/** `name` to what is wanted of it; a table to compare with what the runtime has. */
export function imageNeeds(items: readonly BundleItem[], imageRepository: string): ImageNeeds {
  const images = items.filter(({ kind }) => kind === 'image');
  const tags = images.flatMap(({ name }) => {
    const to = mirrorName(name, imageRepository);
    return to === undefined ? [] : [{ from: name, to }];
  });
  const names = [...images.map(({ name }) => name), ...tags.map(({ to }) => to)];
  return { images, tags, pinned: names.filter((name) => /\/pause:[^/]+$/.test(name)) };
}
