import { ageOf, type Column } from '../table.ts';
import { isUpToDate, type RolloutObject } from './rollout-object.ts';
import { rolloutLooks } from './tree-words.ts';

/** One Rollout as tables show it. */
export interface RolloutRow {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  readonly wave: string | undefined;
  /** `half 2/3` */
  readonly step: string | undefined;
  /** Clusters that have the newest revision, of all. */
  readonly clusters: string | undefined;
  readonly revision: string | undefined;
  readonly stable: string | undefined;
  readonly mode: string | undefined;
  readonly age: string | undefined;
  readonly summary: string | undefined;
}

export function rolloutRow(rollout: RolloutObject, nowMs: number): RolloutRow {
  const { metadata, spec, status } = rollout;
  const { steps = [] } = spec;
  const clusters = status?.clusters ?? [];
  const step = status?.step;
  const isOver = status?.phase === 'Completed';
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    phase: phaseText(rollout),
    wave: isOver ? undefined : status?.wave,
    step:
      step === undefined || isOver || !steps[step]
        ? undefined
        : `${steps[step].name} ${step + 1}/${steps.length}`,
    clusters:
      clusters.length === 0
        ? undefined
        : `${clusters.filter(({ phase }) => phase === 'Done').length}/${clusters.length}`,
    revision: status?.revision,
    stable: status?.stableRevision,
    mode: spec.mode,
    age: ageOf(metadata.creationTimestamp, nowMs),
    summary: status?.summary,
  };
}

function phaseText(rollout: RolloutObject): string {
  if (rollout.metadata.deletionTimestamp) return 'Deleting';
  if (!rollout.status) return 'Not seen';
  // A verdict on an older spec would be taken for one on this one.
  if (!isUpToDate(rollout)) return 'Changed';
  return rolloutLooks[rollout.status.phase ?? 'Idle'].words;
}

export function rolloutColumns({
  namespace,
}: {
  readonly namespace: boolean;
}): readonly Column<RolloutRow>[] {
  return [
    ...(namespace ? [{ heading: 'NAMESPACE', cell: (row: RolloutRow) => row.namespace }] : []),
    { heading: 'NAME', cell: ({ name }) => name },
    { heading: 'PHASE', cell: ({ phase }) => phase },
    { heading: 'WAVE', cell: ({ wave }) => wave },
    { heading: 'STEP', cell: ({ step }) => step },
    { heading: 'CLUSTERS', cell: ({ clusters }) => clusters, align: 'right' },
    { heading: 'REVISION', cell: ({ revision }) => revision },
    { heading: 'STABLE', cell: ({ stable }) => stable, wide: true },
    { heading: 'MODE', cell: ({ mode }) => mode, wide: true },
    { heading: 'AGE', cell: ({ age }) => age, align: 'right' },
    { heading: 'SUMMARY', cell: ({ summary }) => summary },
  ];
}
