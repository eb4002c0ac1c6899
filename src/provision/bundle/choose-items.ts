import { HansaError } from '../../base/index.ts';
import type { BundleFile, StoredItem } from './bundle-file.ts';

export interface Wanted {
  readonly arch: string;
  readonly role: 'control-plane' | 'worker';
  /** Of Kubernetes; default: the newest in the bundle. */
  readonly version?: string;
}

/**
 * What a machine needs of a bundle.
 * @throws HansaError BundleItemMissing where the bundle is for other versions or machines
 */
export function chooseItems(file: BundleFile, wanted: Wanted, bundle: string): readonly StoredItem[] {
  const version = wanted.version ?? file.kubernetes.at(-1);
  if (version === undefined || !file.kubernetes.includes(version)) {
    throw missing(
      `the bundle ${bundle} is for Kubernetes ${file.kubernetes.join(', ')}, and ${version} is asked for: ` +
        `make one with "hansa bundle create --versions ${version}"`,
    );
  }
  if (!file.architectures.includes(wanted.arch)) {
    throw missing(
      `the bundle ${bundle} is for ${file.architectures.join(', ')}, and a machine is ${wanted.arch}: ` +
        `make one with "hansa bundle create --arch ${[...file.architectures, wanted.arch].join(',')}"`,
    );
  }
  return file.items.filter(
    (item) =>
      (item.arch === undefined || item.arch === wanted.arch) &&
      (item.kubernetes === undefined || item.kubernetes.includes(version)) &&
      (item.role === 'all' || item.role === 'lb' || item.role === wanted.role),
  );
}

function missing(message: string): HansaError {
  return new HansaError(message, { reason: 'BundleItemMissing', retry: 'never' });
}
