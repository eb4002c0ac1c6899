import { isJsonObject, type Json, type JsonObject } from './json.ts';

/** One operation; a missing or empty op means replace, as KubeFed has it. */
export interface PatchOperation {
  readonly op?: string;
  readonly path: string;
  readonly value?: unknown;
}

export type PatchFailureCode =
  | 'invalid-op'
  | 'missing-parent'
  | 'missing-key'
  | 'invalid-index'
  | 'not-a-document';

export type PatchResult =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly code: PatchFailureCode; readonly message: string; readonly index: number };

class PatchFailure extends Error {
  readonly code: PatchFailureCode;
  constructor(code: PatchFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Applies `add`, `remove` and `replace` in order; all or nothing. The document is not changed.
 *
 * The rules are those that KubeFed's users rely on (evanphx/json-patch 4.12), which differ from RFC 6902: replace of
 * an absent map member sets it; what stands before the first slash is dropped; "" replaces the document, unless the
 * value is a number, text or boolean, which changes nothing; negative indices count from the end; an absent value is
 * null.
 *
 * *Caveats*: replacing the document by null is `not-a-document` here; that engine crashes on it.
 */
export function applyJsonPatch(document: Json, operations: readonly PatchOperation[]): PatchResult {
  let value = document;
  for (const [index, operation] of operations.entries()) {
    try {
      value = applyOne(value, operation);
    } catch (error) {
      if (!(error instanceof PatchFailure)) throw error;
      return { ok: false, code: error.code, message: error.message, index };
    }
  }
  return { ok: true, value };
}

function applyOne(document: Json, { op = '', path, value = null }: PatchOperation): Json {
  const verb = op === '' ? 'replace' : op;
  if (verb !== 'add' && verb !== 'remove' && verb !== 'replace') {
    throw new PatchFailure('invalid-op', `op "${op}" is unknown: use add, remove or replace`);
  }
  if (path === '' && verb === 'replace') return replaceDocument(document, value as Json);
  const keys = path.split('/').slice(1).map(decodeKey);
  if (keys.length === 0)
    throw new PatchFailure('missing-parent', `path "${path}" leads nowhere: start it with "/"`);
  return change(document, keys, 0, verb, value as Json);
}

function replaceDocument(document: Json, value: Json): Json {
  if (value === null) throw new PatchFailure('not-a-document', 'a document cannot be replaced by nothing');
  return typeof value === 'object' ? value : document;
}

/** Copies the containers on the way to the key, and changes the last. */
function change(
  at: Json | undefined,
  keys: readonly string[],
  depth: number,
  verb: 'add' | 'remove' | 'replace',
  value: Json,
): Json {
  const key = keys[depth] as string;
  const isLast = depth === keys.length - 1;
  if (Array.isArray(at)) {
    if (isLast) return changeItem(at, key, verb, value);
    // A list that is entered only on the way: an item that isn't there is a missing parent, not a wrong index.
    const index = placeOf(key, at.length);
    if (index === undefined || index >= at.length) throw missingParent(keys, depth + 1);
    return at.with(index, change(at[index], keys, depth + 1, verb, value));
  }
  if (!isJsonObject(at)) throw missingParent(keys, depth);
  if (isLast) return changeMember(at, key, verb, value);
  return { ...at, [key]: change(own(at, key), keys, depth + 1, verb, value) };
}

function missingParent(keys: readonly string[], depth: number): PatchFailure {
  const parent = `/${keys.slice(0, depth).map(encodeKey).join('/')}`;
  return new PatchFailure('missing-parent', `there is no map or list at ${parent}: add it first`);
}

function changeMember(at: JsonObject, key: string, verb: 'add' | 'remove' | 'replace', value: Json): Json {
  if (verb !== 'remove') return { ...at, [key]: value };
  if (!Object.hasOwn(at, key)) throw new PatchFailure('missing-key', `there is no "${key}" to remove`);
  const { [key]: _, ...rest } = at;
  return rest;
}

function changeItem(at: readonly Json[], key: string, verb: 'add' | 'remove' | 'replace', value: Json): Json {
  switch (verb) {
    case 'add':
      // One place more than there are items: the end.
      return key === '-' ? [...at, value] : at.toSpliced(indexOf(key, at, at.length + 1), 0, value);
    case 'remove':
      return at.toSpliced(indexOf(key, at, at.length), 1);
    case 'replace':
      return at.with(indexOf(key, at, at.length), value);
  }
}

/** The index below `places` that a key means; negative ones count back from there. */
function indexOf(key: string, list: readonly Json[], places: number): number {
  const index = placeOf(key, places);
  if (index !== undefined && index < places) return index;
  throw new PatchFailure(
    'invalid-index',
    `"${key}" is no place in this list, which has ${list.length === 1 ? '1 item' : `${list.length} items`}`,
  );
}

/** Go reads `+1`, `01` and `-0` as indices too. */
function placeOf(key: string, places: number): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(key)) return undefined;
  const written = Number(key);
  if (written >= 0) return written;
  return written + places < 0 ? undefined : written + places;
}

function own(at: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(at, key) ? at[key] : undefined;
}

function decodeKey(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}

function encodeKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
