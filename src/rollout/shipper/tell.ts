import type { Clock } from '../../base/index.ts';
import type { ShipperCondition } from '../plan/shipper/index.ts';
import type { AnyRecord } from './records.ts';

/** The object that an event is about. */
export interface Subject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
}

export type Tell = (
  object: Subject,
  event: {
    readonly type: 'Normal' | 'Warning';
    readonly reason: string;
    readonly action: string;
    readonly note: string;
  },
) => void;

export function subjectOf({ apiVersion, kind, metadata }: AnyRecord): Subject {
  const { name, namespace, uid } = metadata;
  return { apiVersion, kind, name, namespace, uid };
}

/** Tells which conditions turned, as Shipper does: `ReleaseConditionChanged`. */
export function tellTurns(
  tell: Tell,
  record: AnyRecord,
  before: readonly ShipperCondition[] | undefined,
  next: readonly ShipperCondition[],
): void {
  const turns = next.flatMap((condition) => {
    const old = before?.find(({ type }) => type === condition.type);
    if (old?.status === condition.status && old.reason === condition.reason) return [];
    return `[${inWords(old)}] -> [${inWords(condition)}]`;
  });
  if (turns.length === 0) return;
  tell(subjectOf(record), {
    type: 'Normal',
    reason: `${record.kind}ConditionChanged`,
    action: 'Reconcile',
    note: turns.join(', '),
  });
}

function inWords(condition: ShipperCondition | undefined): string {
  if (!condition) return '';
  return [condition.type, condition.status, condition.reason, condition.message].filter(Boolean).join(' ');
}

/** Now, as Kubernetes writes times. */
export function timeOf(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
}
