import type { HubClusterOverride, HubOverride } from '../../api/hub.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/index.ts';
import type { DivisionInput, Preference } from '../../scheduling/index.ts';

/** One case of `--batch`, of either command. */
export type BatchCase =
  | { readonly kind: 'plan'; readonly input: DivisionInput }
  | {
      readonly kind: 'render';
      readonly style: 'jsonpatch' | 'dotted';
      readonly object: JsonObject;
      readonly overrides: readonly HubOverride[];
      readonly cluster: string;
      readonly managedLabel: boolean;
    }
  | {
      readonly kind: 'merge-replicas';
      readonly overrides: readonly HubOverride[];
      readonly replicas: Readonly<Record<string, number>>;
    };

export type ReadCase =
  | { readonly ok: true; readonly case: BatchCase }
  | { readonly ok: false; readonly field: string; readonly message: string };

class CaseProblem extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** Reads a case by the fields it has: overrides make it one of rendering, everything else is a division. */
export function readCase(value: unknown): ReadCase {
  try {
    const fields = mapAt(value, 'the case');
    const isRender = fields['overrides'] !== undefined || fields['input'] !== undefined;
    return { ok: true, case: isRender ? readRender(fields) : readPlan(fields) };
  } catch (error) {
    if (!(error instanceof CaseProblem)) throw error;
    return { ok: false, field: error.field, message: error.message };
  }
}

function readPlan(fields: JsonObject): BatchCase {
  const spec = mapAt(fields['spec'], 'spec');
  if (spec['totalReplicas'] === undefined) throw new CaseProblem('spec.totalReplicas', 'is missing');
  return {
    kind: 'plan',
    input: {
      spec: {
        totalReplicas: count(spec['totalReplicas'], 'spec.totalReplicas'),
        rebalance: flag(spec['rebalance'], 'spec.rebalance'),
        clusters: mapValues(spec['clusters'], 'spec.clusters', readPreference),
      },
      clusters: readNames(fields['clusters']),
      currentReplicas: mapValues(fields['currentReplicas'], 'currentReplicas', count),
      estimatedCapacity: mapValues(fields['estimatedCapacity'], 'estimatedCapacity', count),
      key: fields['key'] === undefined || fields['key'] === null ? '' : text(fields['key'], 'key'),
    },
  };
}

function readPreference(value: unknown, field: string): Preference {
  const { weight, minReplicas, maxReplicas } = value === null ? {} : mapAt(value, field);
  return {
    weight: weight === undefined ? 0 : count(weight, `${field}.weight`),
    minReplicas: minReplicas === undefined ? 0 : count(minReplicas, `${field}.minReplicas`),
    ...(maxReplicas === undefined || maxReplicas === null
      ? {}
      : { maxReplicas: count(maxReplicas, `${field}.maxReplicas`) }),
  };
}

function readNames(value: unknown): readonly string[] {
  const names = listAt(value, 'clusters').map((name, index) => text(name, `clusters[${index}]`));
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) throw new CaseProblem(`clusters[${index}]`, `names "${name}" a second time`);
    seen.add(name);
  }
  return names;
}

function readRender(fields: JsonObject): BatchCase {
  const overrides = listOrNone(fields['overrides'], 'overrides').map((entry, index) =>
    readEntry(entry, `overrides[${index}]`),
  );
  const kind = fields['kind'] ?? (fields['input'] === undefined ? 'rspReplicas' : 'jsonpatch');
  switch (kind) {
    case 'rspReplicas':
      return {
        kind: 'merge-replicas',
        overrides,
        replicas: mapValues(fields['replicas'], 'replicas', count),
      };
    case 'jsonpatch':
    case 'dotted':
      return {
        kind: 'render',
        style: kind,
        object: mapAt(fields['input'], 'input'),
        overrides,
        cluster: text(fields['cluster'], 'cluster'),
        managedLabel: flag(fields['managedLabel'], 'managedLabel'),
      };
    default:
      throw new CaseProblem('kind', 'must be jsonpatch, dotted or rspReplicas');
  }
}

function readEntry(value: unknown, field: string): HubOverride {
  const entry = mapAt(value, field);
  const clusterOverrides = listOrNone(entry['clusterOverrides'], `${field}.clusterOverrides`);
  return {
    clusterName: text(entry['clusterName'], `${field}.clusterName`),
    clusterOverrides: clusterOverrides.map((each, index) =>
      readOverride(each, `${field}.clusterOverrides[${index}]`),
    ),
  };
}

function readOverride(value: unknown, field: string): HubClusterOverride {
  const { op, path, value: set } = mapAt(value, field);
  return {
    // Any word goes on: the engine tells what is wrong with it, as it does for every other override.
    ...(op === undefined || op === null ? {} : { op: text(op, `${field}.op`) as 'replace' }),
    path: text(path, `${field}.path`),
    ...(set === undefined ? {} : { value: set }),
  };
}

function mapAt(value: unknown, field: string): JsonObject {
  if (!isJsonObject(value)) throw wrongType(value, field, 'a map');
  return value;
}

function listAt(value: unknown, field: string): readonly Json[] {
  if (!Array.isArray(value)) throw wrongType(value, field, 'a list');
  return value as readonly Json[];
}

function listOrNone(value: unknown, field: string): readonly Json[] {
  return value === undefined || value === null ? [] : listAt(value, field);
}

function mapValues<T>(
  value: unknown,
  field: string,
  read: (value: unknown, field: string) => T,
): Readonly<Record<string, T>> {
  if (value === undefined || value === null) return {};
  return Object.fromEntries(
    Object.entries(mapAt(value, field)).map(([name, each]) => [name, read(each, `${field}.${name}`)]),
  );
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string') throw wrongType(value, field, 'a text');
  return value;
}

function flag(value: unknown, field: string): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw wrongType(value, field, 'true or false');
  return value;
}

/** Up to 2^53: beyond it, JSON numbers lose digits here. */
function count(value: unknown, field: string): number {
  if (value === null) return 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 2 ** 53) {
    throw wrongType(value, field, 'a whole number from 0 to 2^53');
  }
  return value;
}

function wrongType(value: unknown, field: string, wanted: string): CaseProblem {
  return new CaseProblem(
    field,
    value === undefined ? `is missing: it must be ${wanted}` : `must be ${wanted}`,
  );
}
