export type { InPlaceModeDeps } from './create-in-place-mode.ts';
export { createInPlaceMode } from './create-in-place-mode.ts';
export { Kinds } from './find-kind.ts';
