export type { GatedModeDeps } from './create-gated-mode.ts';
export { createGatedMode } from './create-gated-mode.ts';
