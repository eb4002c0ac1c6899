import type { BundleBlob, BundleItem } from '../engine/executor.ts';

export const blobsDirectory = '/var/cache/hansa/blobs/sha256';

/** Where a machine keeps the bytes with this hash. */
export function blobPath(sha256: string): string {
  return `${blobsDirectory}/${sha256}`;
}

/** All that machines need of these items, each once: images share layers. */
export function blobsOf(items: readonly BundleItem[]): readonly BundleBlob[] {
  const blobs = items.flatMap((item) => item.blobs ?? [{ sha256: item.sha256, sizeBytes: item.sizeBytes }]);
  return [...new Map(blobs.map((blob) => [blob.sha256, blob])).values()];
}

export function bytesOf(blobs: readonly BundleBlob[]): number {
  return blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
