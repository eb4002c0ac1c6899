import { HansaError } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import type { ModeCall } from '../mode.ts';
import { labelValueOf } from '../plan/side-by-side/index.ts';

/** One rollout in one member: what every part of the mode needs to know. */
export interface Site {
  readonly client: ApiClient;
  readonly signal: AbortSignal;
  readonly member: string;
  readonly rollout: string;
  readonly namespace: string;
  /** Value of the label that our objects carry. */
  readonly label: string;
  /** `namespace shop of member m1`, for messages. */
  readonly where: string;
}

/** @throws HansaError Unreachable */
export function siteOf({ rollout, member, signal }: ModeCall): Site {
  if (!member.client) {
    throw new HansaError(`member ${member.name} can't be reached: mend its cluster object first`, {
      reason: 'Unreachable',
    });
  }
  return {
    client: member.client,
    signal,
    member: member.name,
    rollout: rollout.name,
    namespace: rollout.namespace,
    label: labelValueOf(rollout.name),
    where: `namespace ${rollout.namespace} of member ${member.name}`,
  };
}
