import { z } from 'zod';
import { HansaError, isJsonObject, type Json, type JsonObject } from '../../base/index.ts';

/**
 * Turns a zod schema into the structural OpenAPI v3 schema that a CustomResourceDefinition takes.
 *
 * *Assumes*: metadata given with `.meta()` is OpenAPI or `x-kubernetes-*` and is copied as it is.
 * *Caveats*: unions are refused, as a structural schema has types outside of them only; write one object with
 * optional fields and a CEL rule. Patterns with look-around are refused, as the API server uses RE2.
 */
export function structuralSchema(schema: z.ZodType): JsonObject {
  // `input`: a field with a default may be left out by the user.
  const json = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' });
  return structural(json as unknown as JsonObject, 'schema');
}

const refused = ['anyOf', 'oneOf', 'allOf', 'not', '$ref', 'patternProperties'] as const;
const dropped = new Set(['$schema', 'id', 'additionalProperties', 'properties', 'items', 'pattern']);

function structural(node: JsonObject, where: string): JsonObject {
  for (const word of refused) {
    if (node[word] !== undefined) throw notStructural(where, `uses ${word}`);
  }
  const { properties, additionalProperties, items, pattern } = node;
  // An unknown value: anything may stand here, null too.
  if (node['type'] === undefined && node['enum'] === undefined) {
    return { ...kept(node), 'x-kubernetes-preserve-unknown-fields': true, nullable: true };
  }
  return {
    ...kept(node),
    ...(typeof pattern === 'string' ? { pattern: re2(pattern, where) } : {}),
    ...(isJsonObject(properties) ? { properties: each(properties, where) } : {}),
    ...(isJsonObject(additionalProperties) ? mapOf(additionalProperties, where) : {}),
    ...(isJsonObject(items) ? { items: structural(items, `${where}[]`) } : {}),
  };
}

/** A map of anything keeps what it is given; a map of something says of what. */
function mapOf(values: JsonObject, where: string): JsonObject {
  return Object.keys(values).length === 0
    ? { 'x-kubernetes-preserve-unknown-fields': true }
    : { additionalProperties: structural(values, `${where}.*`) };
}

function each(properties: JsonObject, where: string): JsonObject {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => {
      if (!isJsonObject(value)) throw notStructural(`${where}.${name}`, 'has no schema');
      return [name, structural(value, `${where}.${name}`)];
    }),
  );
}

function kept(node: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(node).filter(([word, value]) => !dropped.has(word) && !isSafeBound(value)),
  );
}

/** zod bounds every integer by what a double holds exactly; `format` says it better. */
function isSafeBound(value: Json | undefined): boolean {
  return value === Number.MAX_SAFE_INTEGER || value === Number.MIN_SAFE_INTEGER;
}

function re2(pattern: string, where: string): string {
  if (/\(\?[=!<]/.test(pattern))
    throw notStructural(where, 'has a pattern with look-around, which RE2 lacks');
  // JavaScript writes a slash in a pattern as \/, which means the same everywhere and reads worse.
  return pattern.replaceAll('\\/', '/');
}

function notStructural(where: string, what: string): HansaError {
  return new HansaError(`${where} ${what}: change the zod schema so that the CRD stays structural`, {
    reason: 'NotStructural',
    retry: 'never',
  });
}
