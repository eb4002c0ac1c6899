import { isJsonObject, type Json, type JsonObject } from '../../base/index.ts';

/** Texts of a list two levels down in a configuration; empty if it isn't there. */
export function textsAt(configuration: JsonObject, section: string, field: string): readonly string[] {
  const inner = configuration[section];
  const list = isJsonObject(inner) ? inner[field] : undefined;
  return Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];
}

/** The configuration with one field two levels down set, all else as it was. */
export function withField(
  configuration: JsonObject,
  section: string,
  field: string,
  value: Json,
): JsonObject {
  const inner = configuration[section];
  return { ...configuration, [section]: { ...(isJsonObject(inner) ? inner : {}), [field]: value } };
}
