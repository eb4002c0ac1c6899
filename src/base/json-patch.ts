import { isJsonObject, type Json, type JsonObject } from './json.ts';

/** One operation; a missing or empty op means replace, as KubeFed has it. */
export interface PatchOperation {
  readonly op?: string;
  readonly path: string;
  readonly value?: unknown;
}

export type PatchFailureCode = 'invalid-op' | 'missing-parent' | 'missing-key' | 'invalid-index';

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
 * an absent map member sets it; what stands before the first slash is dropped; "" replaces the document; negative
 * indices count from the end; an absent value is null.
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
  if (path === '' && verb === 'replace') return value as Json;
  const keys = path.split('/').slice(1).map(decodeKey);
  if (keys.length === 0)
    throw new PatchFailure('missing-parent', `path "${path}" leads nowhere: start it with "/"`);
  return change(document, keys, 0, verb, value as Json);
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
    const index = indexOf(key, at.length, at.length - 1);
    const items = [...at];
    items[index] = change(at[index], keys, depth + 1, verb, value);
    return items;
  }
  if (!isJsonObject(at)) {
    const parent = `/${keys.slice(0, depth).join('/')}`;
    throw new PatchFailure('missing-parent', `there is no map or list at ${parent}: add it first`);
  }
  if (isLast) return changeMember(at, key, verb, value);
  return { ...at, [key]: change(own(at, key), keys, depth + 1, verb, value) };
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
      return key === '-' ? [...at, value] : at.toSpliced(indexOf(key, at.length + 1, at.length), 0, value);
    case 'remove':
      return at.toSpliced(indexOf(key, at.length, at.length - 1), 1);
    case 'replace':
      return at.with(indexOf(key, at.length, at.length - 1), value);
  }
}

/** An index from its text; negative ones count back from `places`. */
function indexOf(key: string, places: number, max: number): number {
  if (!/^[+-]?\d+$/.test(key)) throw new PatchFailure('invalid-index', `"${key}" is not an index of a list`);
  const written = Number(key);
  const index = written < 0 ? written + places : written;
  if (index < 0 || index > max) {
    throw new PatchFailure(
      'invalid-index',
      `index ${key} is outside the list, which has ${places === max ? max : max + 1} items`,
    );
  }
  return index;
}

function own(at: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(at, key) ? at[key] : undefined;
}

function decodeKey(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}
