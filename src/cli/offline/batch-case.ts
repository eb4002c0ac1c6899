import type { HubClusterOverride, HubOverride } from '../../api/hub.ts';
import type { JsonObject } from '../../base/index.ts';
import type { DivisionInput, Preference } from '../../scheduling/index.ts';
import { CaseProblem, count, flag, listAt, listOrNone, mapAt, mapValues, text } from './case-fields.ts';

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

/**
 * Reads a case by the fields it has: overrides make it one of rendering, everything else is a division.
 * Throws a CaseProblem for what is neither.
 */
export function readCase(value: unknown): BatchCase {
  const fields = mapAt(value, 'the case');
  const isRender = fields['overrides'] !== undefined || fields['input'] !== undefined;
  return isRender ? readRender(fields) : readPlan(fields);
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
