import { isJsonObject, type JsonObject } from '../../base/index.ts';

/** Objects of a cluster as the state file keeps them. A machine that is to leave has a deletionTimestamp, as in an API. */
export type KeptObjects = readonly JsonObject[];

export function isLeaving(object: JsonObject): boolean {
  const { metadata } = object;
  return isJsonObject(metadata) && typeof metadata['deletionTimestamp'] === 'string';
}

export function nameOf({ metadata }: JsonObject): string {
  const name = isJsonObject(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' ? name : '';
}

export function machineNames(objects: KeptObjects): readonly string[] {
  return objects.filter(isMachine).map(nameOf);
}

/** The objects of a cluster without machines that have left, and whatever else was kept of it, such as EtcdBackups. */
export function withoutLeavers(objects: KeptObjects, kept: KeptObjects): KeptObjects {
  return [...staying(objects), ...otherKinds(kept)];
}

/** The new objects, and of those that were kept the machines that are no more among them: they leave. */
export function withLeavers(objects: KeptObjects, kept: KeptObjects, at: string): KeptObjects {
  const names = new Set(machineNames(staying(objects)));
  const gone = kept.filter((object) => isMachine(object) && !names.has(nameOf(object)));
  return [
    ...staying(objects),
    ...gone.map((object) => (isLeaving(object) ? object : leaving(object, at))),
    ...otherKinds(kept),
  ];
}

/** One machine of them leaves. */
export function markLeaving(objects: KeptObjects, machine: string, at: string): KeptObjects {
  return objects.map((object) =>
    isMachine(object) && nameOf(object) === machine && !isLeaving(object) ? leaving(object, at) : object,
  );
}

/** It stays, or comes anew. */
export function unmarkLeaving(objects: KeptObjects, machine: string): KeptObjects {
  return objects.map((object) => {
    if (!isMachine(object) || nameOf(object) !== machine || !isJsonObject(object['metadata'])) return object;
    const { deletionTimestamp: _, ...metadata } = object['metadata'];
    return { ...object, metadata };
  });
}

export function withVersion(objects: KeptObjects, version: string): KeptObjects {
  return objects.map((object) =>
    isCluster(object) && isJsonObject(object['spec'])
      ? { ...object, spec: { ...object['spec'], version } }
      : object,
  );
}

function staying(objects: KeptObjects): KeptObjects {
  const own = objects.filter((object) => isMachine(object) || isCluster(object));
  return own.filter((object) => !isLeaving(object));
}

function otherKinds(objects: KeptObjects): KeptObjects {
  return objects.filter((object) => !isMachine(object) && !isCluster(object));
}

function isCluster({ kind }: JsonObject): boolean {
  return kind === 'KubeCluster';
}

function isMachine({ kind }: JsonObject): boolean {
  return kind === 'KubeMachine';
}

function leaving(object: JsonObject, at: string): JsonObject {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  return { ...object, metadata: { ...metadata, deletionTimestamp: at } };
}
