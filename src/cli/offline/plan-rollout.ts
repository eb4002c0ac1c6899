import { stringify } from 'yaml';
import {
  rolloutAddress,
  rolloutSchema,
  type RolloutSpec,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { KubeObject } from '../../kube/index.ts';
import { HansaError, isJsonObject } from '../../base/index.ts';
import { buildPlan, type PreviewRow, previewOf, type RolloutPlan } from '../../rollout/plan/steps/index.ts';
import type { Member } from '../../scheduling/index.ts';
import { checkRollout, readRolloutFile } from '../rollout/read-rollout-file.ts';
import { renderTable } from '../table.ts';
import { parseDocuments, titleOf } from './parse-documents.ts';
import type { Printed } from './printed.ts';

export interface PlanRolloutOptions {
  readonly text: string;
  readonly members: readonly Member[];
  /** Replicas of the whole workload where nothing else is said; absent: as the manifests say. */
  readonly replicas: number | undefined;
  readonly replicasByCluster: Readonly<Record<string, number>>;
  /** Absent: a table for people. */
  readonly format: 'json' | 'yaml' | undefined;
}

/** Shows every wave, step and cluster of a Rollout, offline. @throws HansaError InvalidInput that names the fields */
export function runPlanRollout(options: PlanRolloutOptions): Printed {
  const { object, passedOver } = pickRollout(options.text);
  checkRollout(object);
  const { spec } = rolloutSchema.parse(object);
  const { name, namespace = 'default' } = object.metadata;
  const { members } = options;
  const planned = buildPlan({
    name,
    namespace,
    spec,
    members,
    // The federated object is not at hand; --clusters says where it goes.
    ...(spec.source.federatedRef ? { selected: members.map((member) => member.name) } : {}),
  });
  if (!planned.ok) {
    throw new HansaError(planned.problems.map(({ field, message }) => `${field}: ${message}`).join('; '), {
      reason: 'InvalidInput',
      retry: 'never',
    });
  }
  const { plan, notes } = planned;
  const usual = options.replicas ?? replicasIn(spec);
  const { rows, mostExtraPods } = previewOf(plan, (cluster) => options.replicasByCluster[cluster] ?? usual);
  const told = [...passedOver, ...notes.map(({ field, message }) => `${field}: ${message}`)]
    .map((note) => `note: ${note}\n`)
    .join('');
  const { mode, progress, failurePolicy } = plan;
  const data = { mode, progress, failurePolicy, mostExtraPods, rows };
  switch (options.format) {
    case 'json':
      return { out: `${JSON.stringify(data, null, 2)}\n`, err: told, exitCode: 0 };
    case 'yaml':
      return { out: stringify(data), err: told, exitCode: 0 };
    case undefined:
      return { out: tableOf(plan, rows, mostExtraPods), err: told, exitCode: 0 };
  }
}

/** The one Rollout among whatever else the file holds. */
function pickRollout(text: string): { readonly object: KubeObject; readonly passedOver: readonly string[] } {
  const passedOver: string[] = [];
  const rollouts: unknown[] = [];
  for (const document of parseDocuments(text)) {
    if (!document.ok) return { object: readRolloutFile(text), passedOver };
    const { value, where } = document;
    const isRollout =
      isJsonObject(value) &&
      value['kind'] === rolloutAddress.kind &&
      typeof value['apiVersion'] === 'string' &&
      value['apiVersion'].startsWith(`${rolloutAddress.group}/`);
    if (isRollout) rollouts.push(value);
    else passedOver.push(`${titleOf(value, where)}: passed over, it is not a Rollout`);
  }
  return {
    object: readRolloutFile(rollouts.map((value) => JSON.stringify(value)).join('\n---\n')),
    passedOver,
  };
}

/** Replicas of the first workload among the manifests. A referenced one is not at hand: ten make shares easy to read. */
function replicasIn({ source }: RolloutSpec): number {
  for (const manifest of source.manifests ?? []) {
    const object = manifest as Partial<KubeObject>;
    if (object.kind !== 'Deployment' && object.kind !== 'StatefulSet') continue;
    const replicas = isJsonObject(object['spec']) ? object['spec']['replicas'] : undefined;
    return typeof replicas === 'number' ? replicas : 1;
  }
  return 10;
}

function tableOf(plan: RolloutPlan, rows: readonly PreviewRow[], mostExtraPods: number): string {
  const hasTraffic = rows.some(({ traffic }) => traffic !== undefined);
  const table = renderTable<PreviewRow & { readonly number: number }>(
    [
      { heading: '#', cell: ({ number }) => number, align: 'right' },
      { heading: 'WAVE', cell: ({ wave }) => wave },
      { heading: 'STEP', cell: ({ step }) => step },
      { heading: 'CLUSTER', cell: ({ cluster }) => cluster },
      { heading: 'NEW', cell: ({ contender }) => contender, align: 'right' },
      { heading: 'OLD', cell: ({ incumbent }) => incumbent, align: 'right' },
      ...(hasTraffic
        ? [
            {
              heading: 'TRAFFIC',
              cell: ({ traffic }: PreviewRow) =>
                traffic ? `${traffic.contender}/${traffic.incumbent}` : undefined,
            },
          ]
        : []),
      { heading: 'EXTRA PODS', cell: ({ extraPods }) => extraPods, align: 'right' },
      { heading: 'THEN', cell: ({ waits }) => waits.join(', ') },
    ],
    numbered(rows),
  );
  const room =
    plan.mode === 'SideBySide'
      ? `At most ${mostExtraPods} pods more than the workload has are needed at once.`
      : plan.mode === 'Gated'
        ? "New pods come within the workload's own maxSurge; no more room is needed."
        : 'Clusters change in place; no more room is needed than the workload takes for its own updates.';
  return `${table}\n\nMode ${plan.mode}, ${plan.progress}; a failure leads to ${plan.failurePolicy}. ${room}\n`;
}

/** Rows of one number go together. */
function numbered(rows: readonly PreviewRow[]): readonly (PreviewRow & { readonly number: number })[] {
  let number = 0;
  let before: PreviewRow | undefined;
  const seen = new Set<string>();
  return rows.map((row) => {
    const isSame = before?.wave === row.wave && before?.step === row.step && !seen.has(row.cluster);
    if (!isSame || (before?.waits.length ?? 0) > 0) {
      number++;
      seen.clear();
    }
    seen.add(row.cluster);
    before = row;
    return { ...row, number };
  });
}
