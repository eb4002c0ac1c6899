export type { KindWorkOptions, Work } from './kind-work.ts';
export { KindWork } from './kind-work.ts';
export type { KindSettings, PortMapping } from './plan/kind-settings.ts';
export { fixedFields, renderKindConfig } from './plan/render-config.ts';
export type { KindTools } from './tools.ts';
export { knownKind, openKindTools } from './tools.ts';
