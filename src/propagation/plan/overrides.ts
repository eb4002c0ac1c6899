import type { HubClusterOverride, HubOverride } from '../../api/hub.ts';
import { applyJsonPatch, isJsonObject, type Json, type JsonObject } from '../../base/index.ts';
import { type Member, matchesSelector, resolveMember, selectorProblems } from '../../scheduling/index.ts';

export type OverrideStyle = 'jsonpatch' | 'dotted';

export interface OverrideFailure {
  /** `parse`: what is written is wrong whatever the template; `apply`: it does not fit the template. */
  readonly stage: 'parse' | 'apply';
  readonly code: string;
  readonly field: string;
  readonly message: string;
}

export type Overridden =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly failure: OverrideFailure };

/** Overriding these would make another object of it, which the member would then lose. */
const protectedPaths: Readonly<Record<OverrideStyle, readonly string[]>> = {
  jsonpatch: ['/metadata/namespace', '/metadata/name', '/metadata/generateName', '/kind'],
  // The shape of 2019 didn't protect the kind.
  dotted: ['metadata.namespace', 'metadata.name', 'metadata.generateName'],
};

interface Chosen {
  readonly override: HubClusterOverride;
  readonly field: string;
}

/**
 * Applies what a federated object overrides for one member: all or nothing.
 *
 * `checked` tells whose entries are read for errors that don't depend on the template. Hansa reads the member's own:
 * what is wrong with another member's is that member's business. KubeFed read them all before it applied any, so that
 * one bad entry failed every cluster; `all-entries` gives its answers, for comparing with it case by case.
 */
export function applyOverrides(
  object: JsonObject,
  overrides: readonly HubOverride[],
  member: Member,
  members: readonly Member[],
  style: OverrideStyle,
  checked: 'own-entries' | 'all-entries' = 'own-entries',
): Overridden {
  const anywhere = checked === 'all-entries' ? checkOverrides(overrides, style) : undefined;
  if (anywhere) return { ok: false, failure: anywhere };
  const chosen = chooseOverrides(overrides, member, members);
  if ('failure' in chosen) return { ok: false, failure: chosen.failure };
  const wrong = checkPaths(chosen.list, style);
  if (wrong) return { ok: false, failure: wrong };
  return style === 'dotted' ? applyDotted(object, chosen.list) : applyPatch(object, chosen.list);
}

/** The first thing wrong in any entry, in the order in which KubeFed found it: clusters by the names as written. */
export function checkOverrides(
  overrides: readonly HubOverride[],
  style: OverrideStyle,
): OverrideFailure | undefined {
  const named = new Map<string, string>();
  for (const [index, { clusterName = '', clusterSelector, clusterOverrides }] of overrides.entries()) {
    const field = `spec.overrides[${index}]`;
    if (!clusterSelector) {
      const before = named.get(clusterName);
      if (before) return duplicateCluster(clusterName, before, field);
      named.set(clusterName, field);
    }
    const wrong = checkPaths(chosenFrom(clusterOverrides, field), style);
    if (wrong) return wrong;
  }
  return undefined;
}

function chooseOverrides(
  overrides: readonly HubOverride[],
  member: Member,
  members: readonly Member[],
): { readonly list: readonly Chosen[] } | { readonly failure: OverrideFailure } {
  const list: Chosen[] = [];
  let named: string | undefined;
  for (const [index, entry] of overrides.entries()) {
    const field = `spec.overrides[${index}]`;
    if (entry.clusterSelector) {
      const [problem] = selectorProblems(entry.clusterSelector, `${field}.clusterSelector`);
      if (problem) return { failure: { stage: 'parse', code: 'invalid-selector', ...problem } };
      if (!matchesSelector(entry.clusterSelector, member.labels)) continue;
    } else {
      const found = resolveMember(entry.clusterName ?? '', members);
      if (found.kind !== 'found' || found.member.name !== member.name) continue;
      if (named !== undefined) {
        return { failure: duplicateCluster(member.name, named, field) };
      }
      named = field;
    }
    list.push(...chosenFrom(entry.clusterOverrides, field));
  }
  return { list };
}

function chosenFrom(overrides: readonly HubClusterOverride[], field: string): readonly Chosen[] {
  return overrides.map((override, at) => ({ override, field: `${field}.clusterOverrides[${at}]` }));
}

function duplicateCluster(name: string, before: string, field: string): OverrideFailure {
  return {
    stage: 'parse',
    code: 'duplicate-cluster',
    field: `${field}.clusterName`,
    message: `${name} has an entry already at ${before}: join their clusterOverrides`,
  };
}

function checkPaths(list: readonly Chosen[], style: OverrideStyle): OverrideFailure | undefined {
  const seen = new Map<string, string>();
  for (const { override, field } of list) {
    const { path } = override;
    if (protectedPaths[style].includes(path)) {
      return {
        stage: 'parse',
        code: 'invalid-path',
        field: `${field}.path`,
        message: `"${path}" cannot be overridden: make another federated object instead`,
      };
    }
    // A selector's entry and a name's entry may touch the same field: the later wins. Within one entry it is an error.
    const entry = field.slice(0, field.lastIndexOf('.'));
    if (seen.get(`${entry} ${path}`)) {
      return {
        stage: 'parse',
        code: 'duplicate-path',
        field: `${field}.path`,
        message: `"${path}" occurs twice for this cluster: keep one of the two`,
      };
    }
    seen.set(`${entry} ${path}`, field);
  }
  return undefined;
}

function applyPatch(object: JsonObject, list: readonly Chosen[]): Overridden {
  const result = applyJsonPatch(
    object,
    list.map(({ override }) => override),
  );
  if (!result.ok) {
    const { override, field } = list[result.index] as Chosen;
    return {
      ok: false,
      failure: {
        stage: result.code === 'invalid-op' ? 'parse' : 'apply',
        code: result.code,
        field: result.code === 'invalid-op' ? `${field}.op` : `${field}.path`,
        message: `"${override.path}": ${result.message}`,
      },
    };
  }
  if (isJsonObject(result.value)) return { ok: true, value: result.value };
  return {
    ok: false,
    failure: {
      stage: 'apply',
      code: 'not-a-map',
      field: 'spec.overrides',
      message: 'what is left after the overrides is not an object: an override with path "" must set one',
    },
  };
}

/** The engine of 2019: dots part the keys, whatever they hold; missing maps are made; lists can't be entered. */
function applyDotted(object: JsonObject, list: readonly Chosen[]): Overridden {
  let value: Json = object;
  for (const { override, field } of list) {
    const set = setDotted(value, override.path.split('.'), override.value as Json);
    if (!set.ok) {
      return {
        ok: false,
        failure: {
          stage: 'apply',
          code: 'not-a-map',
          field: `${field}.path`,
          message: `"${override.path}": ${set.at} is not a map; dotted paths can't enter lists, use types.kubefed.io/v1beta1 for that`,
        },
      };
    }
    value = set.value;
  }
  return { ok: true, value: value as JsonObject };
}

type SetDotted = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly at: string };

function setDotted(at: Json | undefined, keys: readonly string[], value: Json, depth = 0): SetDotted {
  if (depth === keys.length) return { ok: true, value: value === undefined ? null : value };
  if (at !== undefined && !isJsonObject(at)) return { ok: false, at: keys.slice(0, depth).join('.') };
  const key = keys[depth] as string;
  const inner = setDotted(at && Object.hasOwn(at, key) ? at[key] : undefined, keys, value, depth + 1);
  return inner.ok ? { ok: true, value: { ...at, [key]: inner.value } } : inner;
}
