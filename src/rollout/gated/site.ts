import { HansaError } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import type { ModeCall } from '../mode.ts';
import { gatedRefusal, type GatedKind, isGatedKind } from '../plan/gated/index.ts';

/** One rollout's workload in one member: what every part of the mode needs to know. */
export interface Site {
  readonly client: ApiClient;
  readonly signal: AbortSignal;
  readonly member: string;
  readonly rollout: string;
  readonly namespace: string;
  readonly kind: GatedKind;
  readonly name: string;
  /** `Deployment web in shop of member m1`, for messages. */
  readonly what: string;
  /** Others edit the workload in the member; else propagation writes it. */
  readonly isEditedThere: boolean;
  /** Traffic is steered by pod labels. */
  readonly isSteered: boolean;
  readonly whenDown: 'Hold' | 'Proceed';
}

/** @throws HansaError Unreachable, InvalidSpec */
export function siteOf({ rollout, member, signal }: ModeCall): Site {
  if (!member.client) {
    throw new HansaError(`member ${member.name} can't be reached: mend its cluster object first`, {
      reason: 'Unreachable',
    });
  }
  const { target, spec } = rollout;
  if (!target) {
    throw new HansaError('mode Gated needs source.federatedRef or source.workloadRef', {
      reason: 'InvalidSpec',
      retry: 'never',
    });
  }
  if (!isGatedKind(target.kind)) {
    throw new HansaError(gatedRefusal(target.kind, {}) ?? '', { reason: 'InvalidSpec', retry: 'never' });
  }
  const provider = spec.traffic?.provider ?? 'PodLabels';
  return {
    client: member.client,
    signal,
    member: member.name,
    rollout: rollout.name,
    namespace: rollout.namespace,
    kind: target.kind,
    name: target.name,
    what: `${target.kind} ${target.name} in ${rollout.namespace} of member ${member.name}`,
    isEditedThere: spec.source.workloadRef !== undefined,
    isSteered: provider === 'PodLabels' && rollout.plan.steps.some(({ traffic }) => traffic !== undefined),
    whenDown: spec.whenWebhookDown ?? 'Hold',
  };
}

/** Undefined for what is not there. */
export async function orAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HansaError && ['NotFound', 'NamespaceNotFound'].includes(error.reason)) {
      return undefined;
    }
    throw error;
  }
}
