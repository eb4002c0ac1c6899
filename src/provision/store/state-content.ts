import { HansaError, isJsonObject, type JsonObject } from '../../base/index.ts';
import type { JournalRecord } from '../plan/journal.ts';
import type { SealHead } from './seal.ts';

/** Which cluster of a home. */
export interface ClusterKey {
  readonly namespace: string;
  readonly name: string;
}

/** What the state file holds of one cluster. */
export interface ClusterContent {
  /** KubeCluster, KubeMachines, EtcdBackups: as they would stand in the API. */
  readonly objects: readonly JsonObject[];
  readonly journal: readonly JournalRecord[];
  /** Sealed; by name of the Secret. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Where the cluster is kept now. Nothing is changed here any more. */
  readonly movedTo?: string;
}

/** The whole state file. */
export interface StateContent {
  readonly kind: 'HansaState';
  readonly schemaVersion: number;
  readonly seal?: SealHead;
  /** By `namespace/name`. */
  readonly clusters: Readonly<Record<string, ClusterContent>>;
}

/** Turns the content of version `from` into that of the next one. */
export interface Migration {
  readonly from: number;
  readonly migrate: (content: JsonObject) => JsonObject;
}

export interface Schema {
  readonly current: number;
  /** One for each step up, from the oldest that is still read. */
  readonly migrations: readonly Migration[];
}

/** Raise `current` with each change that an older Hansa would misread, and add the step from the version before. */
export const stateSchema: Schema = { current: 1, migrations: [] };

export function emptyState(): StateContent {
  return { kind: 'HansaState', schemaVersion: stateSchema.current, clusters: {} };
}

export const emptyCluster: ClusterContent = { objects: [], journal: [], secrets: {} };

export function keyText({ namespace, name }: ClusterKey): string {
  return `${namespace}/${name}`;
}

export function parseKey(text: string): ClusterKey {
  const [namespace = '', name = ''] = text.split('/');
  return { namespace, name };
}

export interface ParsedState {
  readonly content: StateContent;
  /** Schema that the text was written in. */
  readonly writtenIn: number;
}

/**
 * Reads the text of a state file, and brings it up to the present schema.
 * @throws HansaError StateCorrupt, StateTooNew, StateTooOld
 */
export function parseState(text: string, path: string, schema: Schema = stateSchema): ParsedState {
  const given = parseJson(text, path);
  const version = given['schemaVersion'];
  if (given['kind'] !== 'HansaState' || typeof version !== 'number' || !Number.isInteger(version)) {
    throw corrupt(path, 'is no state file of Hansa');
  }
  const content = migrate(given, version, path, schema);
  if (!isJsonObject(content['clusters']) || !Object.values(content['clusters']).every(isCluster)) {
    throw corrupt(path, 'has no readable clusters');
  }
  return { content: content as unknown as StateContent, writtenIn: version };
}

export function printState(content: StateContent): string {
  return `${JSON.stringify(content, null, 1)}\n`;
}

function migrate(
  content: JsonObject,
  version: number,
  path: string,
  { current, migrations }: Schema,
): JsonObject {
  if (version > current) {
    throw new HansaError(
      `${path} was written by a newer Hansa (schema ${version}, this one knows ${current}): use that one, nothing was changed`,
      { reason: 'StateTooNew', retry: 'never' },
    );
  }
  let migrated = content;
  for (let from = version; from < current; from += 1) {
    const step = migrations.find((each) => each.from === from);
    if (!step) {
      throw new HansaError(
        `${path} is of schema ${version}, which this Hansa no longer reads: open it once with an older one`,
        { reason: 'StateTooOld', retry: 'never' },
      );
    }
    migrated = { ...step.migrate(migrated), schemaVersion: from + 1 };
  }
  return migrated;
}

function parseJson(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw corrupt(path, 'is not JSON', error);
  }
  if (!isJsonObject(value)) throw corrupt(path, 'is no state file of Hansa');
  return value;
}

function isCluster(value: unknown): boolean {
  return (
    isJsonObject(value) &&
    Array.isArray(value['objects']) &&
    Array.isArray(value['journal']) &&
    isJsonObject(value['secrets'])
  );
}

function corrupt(path: string, what: string, cause?: unknown): HansaError {
  return new HansaError(`${path} ${what}: take it from a backup, or name another file. Nothing was changed`, {
    reason: 'StateCorrupt',
    retry: 'never',
    cause,
  });
}
