import { isJsonObject, type Json, type JsonObject } from '../../../base/index.ts';

/** New names of ConfigMaps and Secrets, by old name. */
export interface Renaming {
  readonly configMaps: ReadonlyMap<string, string>;
  readonly secrets: ReadonlyMap<string, string>;
}

export interface References {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

type Source = keyof Renaming;

/** Every place of a pod spec that names a ConfigMap or Secret: whose name it is, and under which key. */
type Visit = (source: Source, name: string) => string;

/** The ConfigMaps and Secrets that a pod spec names. */
export function referencesOf(podSpec: JsonObject): References {
  const found = { configMaps: new Set<string>(), secrets: new Set<string>() };
  visitPodSpec(podSpec, (source, name) => {
    found[source].add(name);
    return name;
  });
  return found;
}

/** A pod spec that names the new ones. */
export function rewriteReferences(podSpec: JsonObject, renaming: Renaming): JsonObject {
  return visitPodSpec(podSpec, (source, name) => renaming[source].get(name) ?? name);
}

function visitPodSpec(spec: JsonObject, visit: Visit): JsonObject {
  const containers = (item: JsonObject) => visitContainer(item, visit);
  return {
    ...spec,
    ...items(spec, 'volumes', (volume) => visitVolume(volume, visit)),
    ...items(spec, 'containers', containers),
    ...items(spec, 'initContainers', containers),
    ...items(spec, 'ephemeralContainers', containers),
    ...items(spec, 'imagePullSecrets', (item) => ({ ...item, ...named(item, 'name', 'secrets', visit) })),
  };
}

function visitContainer(container: JsonObject, visit: Visit): JsonObject {
  return {
    ...container,
    ...items(container, 'envFrom', (from) => ({
      ...from,
      ...member(from, 'configMapRef', (ref) => named(ref, 'name', 'configMaps', visit)),
      ...member(from, 'secretRef', (ref) => named(ref, 'name', 'secrets', visit)),
    })),
    ...items(container, 'env', (variable) => ({
      ...variable,
      ...member(variable, 'valueFrom', (from) => ({
        ...member(from, 'configMapKeyRef', (ref) => named(ref, 'name', 'configMaps', visit)),
        ...member(from, 'secretKeyRef', (ref) => named(ref, 'name', 'secrets', visit)),
      })),
    })),
  };
}

function visitVolume(volume: JsonObject, visit: Visit): JsonObject {
  return {
    ...volume,
    ...member(volume, 'configMap', (source) => named(source, 'name', 'configMaps', visit)),
    ...member(volume, 'secret', (source) => named(source, 'secretName', 'secrets', visit)),
    ...member(volume, 'projected', (projected) =>
      items(projected, 'sources', (source) => ({
        ...source,
        ...member(source, 'configMap', (one) => named(one, 'name', 'configMaps', visit)),
        ...member(source, 'secret', (one) => named(one, 'name', 'secrets', visit)),
      })),
    ),
    // Drivers such as CSI and the older network volumes name their credentials so.
    ...Object.fromEntries(
      Object.entries(volume).flatMap(([key, source]): [string, JsonObject][] => {
        if (!isJsonObject(source)) return [];
        const ref = key === 'csi' ? 'nodePublishSecretRef' : 'secretRef';
        return isJsonObject(source[ref])
          ? [[key, { ...source, ...member(source, ref, (one) => named(one, 'name', 'secrets', visit)) }]]
          : [];
      }),
    ),
  };
}

function named(at: JsonObject, key: string, source: Source, visit: Visit): JsonObject {
  const name = at[key];
  return typeof name === 'string' ? { [key]: visit(source, name) } : {};
}

/** The one member, changed; nothing where it is absent. */
function member(at: JsonObject, key: string, change: (value: JsonObject) => JsonObject): JsonObject {
  const value = at[key];
  return isJsonObject(value) ? { [key]: { ...value, ...change(value) } } : {};
}

function items(at: JsonObject, key: string, change: (item: JsonObject) => JsonObject): JsonObject {
  const list = at[key];
  if (!Array.isArray(list)) return {};
  return { [key]: (list as readonly Json[]).map((item) => (isJsonObject(item) ? change(item) : item)) };
}
