import { HansaError } from '../../base/index.ts';
import type { BundleSource } from './executor.ts';

/** For plans that install nothing. */
export const emptyBundle: BundleSource = {
  version: '',
  items: () => [],
  open: () => {
    throw new HansaError('there is no bundle', { reason: 'BundleMissing', retry: 'never' });
  },
  text: (name) =>
    Promise.reject(
      new HansaError(`there is no bundle to take ${name} from: name one with --bundle`, {
        reason: 'BundleMissing',
        retry: 'never',
      }),
    ),
};
