import { shipperAnnotations, shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { readGeneration } from '../plan/shipper/index.ts';
import type { HistoryRelease } from '../plan/shipper-door/plan-application.ts';
import { holds, isLeaving, type ReleaseRecord } from './records.ts';

/** Its place in the history; one that cannot be read counts as the oldest. */
export function generationOf({ metadata }: ReleaseRecord): number {
  const read = readGeneration(metadata.name, metadata.annotations?.[shipperAnnotations.releaseGeneration]);
  return read.ok ? read.generation : -1;
}

export function isComplete({ status }: ReleaseRecord): boolean {
  return holds(status.conditions, 'Complete');
}

/** The clusters chosen for it; undefined while none are. */
export function clustersOf({ metadata }: ReleaseRecord): readonly string[] | undefined {
  const text = metadata.annotations?.[shipperAnnotations.releaseClusters];
  return text === undefined ? undefined : text.split(',').filter((name) => name !== '');
}

export function historyOf(release: ReleaseRecord): HistoryRelease {
  const { metadata, spec } = release;
  return {
    name: metadata.name,
    generation: generationOf(release),
    isComplete: isComplete(release),
    hash: metadata.labels?.[shipperLabels.releaseHash] ?? '',
    iteration: Number(metadata.annotations?.[shipperAnnotations.releaseTemplateIteration] ?? 0) || 0,
    environment: spec.environment,
    isLeaving: isLeaving(release),
  };
}

/** Oldest first. */
export function inOrder(releases: readonly ReleaseRecord[]): readonly ReleaseRecord[] {
  return releases.toSorted((a, b) => generationOf(a) - generationOf(b));
}
