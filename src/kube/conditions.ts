/** A condition as Kubernetes has it in the status of nearly every kind. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
  /** When status or reason last changed. */
  readonly lastTransitionTime?: string;
  /** When anything of it last changed; KubeFed's kinds have it. */
  readonly lastUpdateTime?: string;
}

/** What a writer says; the times follow from what was there before. */
export type ConditionSaid = Omit<Condition, 'lastTransitionTime' | 'lastUpdateTime'>;

export interface SetConditionOptions {
  readonly nowMs: number;
  readonly withUpdateTime?: boolean;
}

/**
 * Sets one condition among those of other writers.
 * Gives back the same array when nothing changed, so that `===` tells whether a status must be written.
 */
export function setCondition(
  conditions: readonly Condition[],
  said: ConditionSaid,
  options: SetConditionOptions,
): readonly Condition[] {
  const index = conditions.findIndex(({ type }) => type === said.type);
  const old = conditions[index];
  if (!old) return [...conditions, stamped(said, undefined, options)];
  if (isSame(old, said)) return conditions;
  return conditions.with(index, stamped(said, old, options));
}

/** Sets several conditions; those of types not named stay as they are. */
export function setConditions(
  conditions: readonly Condition[],
  said: readonly ConditionSaid[],
  options: SetConditionOptions,
): readonly Condition[] {
  return said.reduce((list, one) => setCondition(list, one, options), conditions);
}

export function findCondition(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

function stamped(said: ConditionSaid, old: Condition | undefined, options: SetConditionOptions): Condition {
  const now = new Date(options.nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const turned = old?.status !== said.status || old.reason !== said.reason;
  return {
    ...said,
    ...(options.withUpdateTime ? { lastUpdateTime: now } : {}),
    lastTransitionTime: turned ? now : (old.lastTransitionTime ?? now),
  };
}

function isSame(old: Condition, said: ConditionSaid): boolean {
  return (
    old.status === said.status &&
    old.reason === said.reason &&
    old.message === said.message &&
    old.observedGeneration === said.observedGeneration
  );
}
