import { stringify } from 'yaml';
import { rspToHub } from '../../api/convert/rsp-to-hub.ts';
import type { PreferenceHub } from '../../api/hub.ts';
import { HansaError, isJsonObject } from '../../base/index.ts';
import { type DivisionInput, divideReplicas, explainDivision } from '../../scheduling/index.ts';
import { renderTable } from '../table.ts';
import { parseDocuments, titleOf } from './parse-documents.ts';
import type { Printed } from './printed.ts';

export interface PlanOptions
  extends Pick<DivisionInput, 'clusters' | 'currentReplicas' | 'estimatedCapacity'> {
  readonly text: string;
  /** Absent: namespace and name of the preference. */
  readonly key: string | undefined;
  /** Absent: a table for people. */
  readonly format: 'json' | 'yaml' | undefined;
}

/** Divides the replicas of the one preference in the text. */
export function runPlan({ text, key, format, ...seen }: PlanOptions): Printed {
  const { hub, notes } = readPreference(text);
  const { metadata, spec } = hub;
  const input: DivisionInput = {
    ...seen,
    spec,
    key: key ?? `${metadata.namespace ?? 'default'}/${metadata.name}`,
  };
  const absent = Object.keys(spec.clusters).filter((name) => name !== '*' && !seen.clusters.includes(name));
  const told = [
    ...notes,
    ...absent.map((name) => `spec.clusters.${name}: not one of --clusters, so it gets nothing`),
  ];
  return {
    out: show(input, format),
    err: told.map((note) => `note: ${note}\n`).join(''),
    exitCode: 0,
  };
}

function readPreference(text: string): { readonly hub: PreferenceHub; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const hubs: PreferenceHub[] = [];
  for (const document of parseDocuments(text)) {
    if (!document.ok) throw invalidInput(`${document.where}: ${document.message}`);
    const { value, where } = document;
    const title = titleOf(value, where);
    if (isJsonObject(value) && value['kind'] !== 'ReplicaSchedulingPreference') {
      notes.push(`${title}: passed over, it is not a ReplicaSchedulingPreference`);
      continue;
    }
    const read = rspToHub(value);
    if (!read.ok) {
      const problems = read.problems.map(({ field, message }) => (field ? `${field}: ${message}` : message));
      throw invalidInput(`${title}: ${problems.join('; ')}`);
    }
    hubs.push(read.hub);
  }
  const [hub, ...more] = hubs;
  if (!hub) throw invalidInput('the input holds no ReplicaSchedulingPreference');
  if (more.length > 0) {
    throw invalidInput(
      `the input holds ${hubs.length} ReplicaSchedulingPreferences: give one at a time, or use "hansa render" for all`,
    );
  }
  return { hub, notes };
}

function show(input: DivisionInput, format: PlanOptions['format']): string {
  const division = divideReplicas(input);
  if (format === 'json') return `${JSON.stringify(division, null, 2)}\n`;
  if (format === 'yaml') return stringify(division);
  return tableOf(input, division);
}

function tableOf(input: DivisionInput, { plan, overflow }: ReturnType<typeof divideReplicas>): string {
  const because = explainDivision(input);
  const table = renderTable<string>(
    [
      { heading: 'CLUSTER', cell: (name) => name },
      { heading: 'REPLICAS', cell: (name) => plan[name], align: 'right' },
      { heading: 'OVERFLOW', cell: (name) => overflow[name] ?? 0, align: 'right' },
      // The sentence begins with the number, which has a column here.
      { heading: 'BECAUSE', cell: (name) => because[name]?.replace(/^\d+: /, '') },
    ],
    input.clusters,
  );
  const { totalReplicas } = input.spec;
  const placed = Object.values(plan).reduce((sum, replicas) => sum + replicas, 0);
  const sum =
    placed < totalReplicas
      ? `${placed} of ${totalReplicas} replicas have a cluster; ${totalReplicas - placed} fit nowhere.`
      : `All ${totalReplicas} replicas have a cluster.`;
  return `${table}\n\n${sum}\n`;
}

function invalidInput(message: string): HansaError {
  return new HansaError(message, { reason: 'InvalidInput', retry: 'never' });
}
