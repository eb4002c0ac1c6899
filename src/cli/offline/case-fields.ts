import { isJsonObject, type Json, type JsonObject } from '../../base/index.ts';

/** What is wrong with a case of a batch: the field, and what it must be. */
export class CaseProblem extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

export function mapAt(value: unknown, field: string): JsonObject {
  if (!isJsonObject(value)) throw wrongType(value, field, 'a map');
  return value;
}

export function listAt(value: unknown, field: string): readonly Json[] {
  if (!Array.isArray(value)) throw wrongType(value, field, 'a list');
  return value as readonly Json[];
}

export function listOrNone(value: unknown, field: string): readonly Json[] {
  return isAbsent(value) ? [] : listAt(value, field);
}

export function mapValues<T>(
  value: unknown,
  field: string,
  read: (value: unknown, field: string) => T,
): Readonly<Record<string, T>> {
  if (isAbsent(value)) return {};
  return Object.fromEntries(
    Object.entries(mapAt(value, field)).map(([name, each]) => [name, read(each, `${field}.${name}`)]),
  );
}

export function text(value: unknown, field: string): string {
  if (typeof value !== 'string') throw wrongType(value, field, 'a text');
  return value;
}

export function flag(value: unknown, field: string): boolean {
  if (isAbsent(value)) return false;
  if (typeof value !== 'boolean') throw wrongType(value, field, 'true or false');
  return value;
}

/** Up to 2^53: beyond it, JSON numbers lose digits here. */
export function count(value: unknown, field: string): number {
  if (value === null) return 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 2 ** 53) {
    throw wrongType(value, field, 'a whole number from 0 to 2^53');
  }
  return value;
}

/** As count, but below zero too. */
export function integer(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw wrongType(value, field, 'a whole number');
  return value;
}

export function textOrNone(value: unknown, field: string): string | undefined {
  return isAbsent(value) ? undefined : text(value, field);
}

export function countOrNone(value: unknown, field: string): number | undefined {
  return isAbsent(value) ? undefined : count(value, field);
}

/** A list of maps, or none. */
export function mapsAt<T>(
  value: unknown,
  field: string,
  read: (fields: JsonObject, field: string) => T,
): readonly T[] {
  return listOrNone(value, field).map((each, index) => {
    const place = `${field}[${index}]`;
    return read(mapAt(each, place), place);
  });
}

/** A list of texts, or none. */
export function textsAt(value: unknown, field: string): readonly string[] {
  return listOrNone(value, field).map((each, index) => text(each, `${field}[${index}]`));
}

/** The entry of a table that a field names. */
export function oneOf<T>(table: Readonly<Record<string, T>>, value: unknown, field: string): T {
  const entry = typeof value === 'string' && Object.hasOwn(table, value) ? table[value] : undefined;
  if (entry === undefined) throw wrongType(value, field, Object.keys(table).join(' or '));
  return entry;
}

export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function wrongType(value: unknown, field: string, wanted: string): CaseProblem {
  return new CaseProblem(
    field,
    value === undefined ? `is missing: it must be ${wanted}` : `must be ${wanted}`,
  );
}
