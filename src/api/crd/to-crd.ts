import { isJsonObject, type JsonObject } from '../../base/index.ts';
import type { PrinterColumn, ServedKind } from '../served-kind.ts';
import { structuralSchema } from './structural-schema.ts';

export function crdName({ address }: ServedKind): string {
  return `${address.plural}.${address.group}`;
}

/** The CustomResourceDefinition of a kind, as one version that is served and stored. */
export function toCrd(served: ServedKind): JsonObject {
  const { address, shortNames, categories } = served;
  const schema = objectSchema(served);
  const hasStatus = isJsonObject(schema['properties']) && schema['properties']['status'] !== undefined;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: crdName(served),
      ...(served.unapprovedBecause === undefined
        ? {}
        : { annotations: { 'api-approved.kubernetes.io': `unapproved, ${served.unapprovedBecause}` } }),
    },
    spec: {
      group: address.group,
      scope: address.namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind: address.kind,
        listKind: `${address.kind}List`,
        plural: address.plural,
        singular: address.kind.toLowerCase(),
        ...(shortNames.length > 0 ? { shortNames } : {}),
        ...(categories.length > 0 ? { categories } : {}),
      },
      versions: [
        {
          name: address.version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          ...(hasStatus ? { subresources: { status: {} } } : {}),
          additionalPrinterColumns: served.columns.map(printerColumn),
        },
      ],
    },
  };
}

function objectSchema({ address, description, schema }: ServedKind): JsonObject {
  const { properties, ...rest } = structuralSchema(schema);
  return {
    ...rest,
    description,
    properties: {
      apiVersion: { type: 'string', description: `\`${address.group}/${address.version}\`.` },
      kind: { type: 'string', description: `\`${address.kind}\`.` },
      metadata: { type: 'object' },
      ...(properties as JsonObject),
    },
  };
}

function printerColumn({ name, type, jsonPath, description, wide }: PrinterColumn): JsonObject {
  return { name, type, jsonPath, description, ...(wide ? { priority: 1 } : {}) };
}
