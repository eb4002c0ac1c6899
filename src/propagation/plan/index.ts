/** The pure part of the room, for the commands that work offline: no network library comes with it. */
export { planPreference } from './plan-preference.ts';
export type { Decision, Placeable } from './decide.ts';
export { decide } from './decide.ts';
export type { Overridden, OverrideFailure, OverrideStyle } from './overrides.ts';
export { applyOverrides, checkOverrides } from './overrides.ts';
export type { Rendered } from './render.ts';
export { renderFor } from './render.ts';
