import { z } from 'zod';
import { isJsonObject, type Json, type JsonObject } from '../../base/index.ts';
import type { ServedKind } from '../served-kind.ts';
import { crdName } from './to-crd.ts';

export function editorSchemaName(served: ServedKind): string {
  return `${crdName(served)}_${served.address.version}.json`;
}

/** The JSON Schema with which an editor completes and checks an object of the kind while it is written. */
export function editorSchema({ address, description, schema }: ServedKind): JsonObject {
  const json = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', reused: 'inline' });
  const { $schema, properties, required, ...rest } = withoutKubernetesWords(
    json as unknown as Json,
  ) as JsonObject;
  return {
    ...($schema === undefined ? {} : { $schema }),
    title: address.kind,
    description,
    ...rest,
    required: ['apiVersion', 'kind', 'metadata', ...((required ?? []) as readonly Json[])],
    properties: {
      apiVersion: { const: `${address.group}/${address.version}` },
      kind: { const: address.kind },
      metadata: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
      ...(properties as JsonObject),
    },
  };
}

/** List types and CEL rules mean nothing to an editor, and some warn of words they don't know. */
function withoutKubernetesWords(node: Json): Json {
  if (Array.isArray(node)) return node.map((each: Json) => withoutKubernetesWords(each));
  if (!isJsonObject(node)) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([word, value]) => value !== undefined && !word.startsWith('x-kubernetes-'))
      .map(([word, value]) => [word, withoutKubernetesWords(value ?? null)]),
  );
}
