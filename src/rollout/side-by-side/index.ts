export type { SideBySideModeDeps } from './create-side-by-side-mode.ts';
export { createSideBySideMode } from './create-side-by-side-mode.ts';
