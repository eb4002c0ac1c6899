import type { Condition } from '../../kube/index.ts';

/** What is not known now stays as it was told. */
export function keep<Status extends object, Field extends keyof Status>(
  before: Status | undefined,
  field: Field,
): Pick<Status, Field> | Record<never, never> {
  return before?.[field] === undefined ? {} : { [field]: before[field] };
}

export function say<Type extends string>(
  type: Type,
  status: Condition['status'],
  reason: string,
  message: string,
): {
  readonly type: Type;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
} {
  return { type, status, reason, message };
}
