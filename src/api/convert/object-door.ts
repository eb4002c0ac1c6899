import { isJsonObject, type JsonObject } from '../../base/index.ts';
import type { HubMetadata } from '../hub.ts';
import type { Problem } from './problem.ts';

/** The parts of any Kubernetes object that a conversion looks at first. */
export interface OpenedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: HubMetadata;
  readonly spec: JsonObject;
  readonly status: unknown;
}

/** Takes an unknown value apart, or tells what is missing. */
export function openObject(
  value: unknown,
): { readonly opened: OpenedObject } | { readonly problems: readonly Problem[] } {
  if (!isJsonObject(value)) return { problems: [{ field: '', message: 'must be a Kubernetes object' }] };
  const { apiVersion, kind, metadata, status } = value;
  // YAML with nothing after "spec:" is null; a spec may be empty.
  const spec = value['spec'] ?? {};
  const problems: Problem[] = [];
  if (typeof apiVersion !== 'string') problems.push({ field: 'apiVersion', message: 'is missing' });
  if (typeof kind !== 'string') problems.push({ field: 'kind', message: 'is missing' });
  if (!isJsonObject(metadata) || typeof metadata['name'] !== 'string') {
    problems.push({ field: 'metadata.name', message: 'is missing' });
  }
  if (!isJsonObject(spec)) problems.push({ field: 'spec', message: 'must be a map' });
  if (problems.length > 0) return { problems };
  return {
    opened: {
      apiVersion: apiVersion as string,
      kind: kind as string,
      metadata: metadata as unknown as HubMetadata,
      spec: spec as JsonObject,
      status,
    },
  };
}

/** Drops members that are null: in YAML a name with nothing behind it, which means the same as absent. */
export function withoutNulls(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}
