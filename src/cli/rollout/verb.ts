import type { JsonObject } from '../../base/index.ts';
import type { RolloutObject } from './rollout-object.ts';

/** What a verb makes of a Rollout as it is now. */
export type Said =
  | {
      readonly kind: 'change';
      /** Merged into spec.command; null takes a field away. */
      readonly command: JsonObject;
      readonly annotations?: JsonObject;
      /** What was said and what comes of it, for the person. */
      readonly told: string;
    }
  /** It is so already: nothing is written. */
  | { readonly kind: 'already'; readonly told: string }
  | { readonly kind: 'refused'; readonly because: string };

/** Decided again on the newest object whenever somebody else was faster. */
export type Verb = (rollout: RolloutObject) => Said;

export function titleOf({ metadata }: RolloutObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** A command line that a person can copy. */
export function commandLine(verb: string, { metadata }: RolloutObject, ...more: readonly string[]): string {
  return `"hansa rollout ${[verb, metadata.name, ...more].join(' ')} -n ${metadata.namespace}"`;
}
