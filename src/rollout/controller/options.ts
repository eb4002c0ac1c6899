import type { RolloutSpec } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { Clock, Logger, Rng } from '../../base/index.ts';
import type { ApiClient, KubeMetrics, KubeObject } from '../../kube/index.ts';
import type { Member, Members } from '../../members/index.ts';
import type { GateProbes } from '../gates.ts';
import type { RolloutMode, RolloutView } from '../mode.ts';
import type { RolloutPlan, Transition } from '../plan/steps/types.ts';
import type { RolloutMetrics } from './metrics.ts';

/** Says something on an object's behalf, as an event; folded and rate-limited by who takes it. */
export type Tell = (
  object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  },
  event: {
    readonly type: 'Normal' | 'Warning';
    readonly reason: string;
    readonly action: string;
    readonly note: string;
  },
) => void;

/** Renders a chart; called once for each revision. */
export type RenderHelm = (
  rollout: { readonly namespace: string; readonly name: string },
  chart: NonNullable<RolloutSpec['source']['helm']>,
  signal: AbortSignal,
) => Promise<readonly KubeObject[]>;

/** Executors by mode; what is not there yet is told to the user as such. */
export type Modes = Partial<Readonly<Record<RolloutPlan['mode'], RolloutMode>>>;

export interface RolloutControllerOptions {
  readonly host: ApiClient;
  readonly members: Pick<Members, 'list' | 'views' | 'onMember' | 'synced'> & {
    get(name: string): Member | undefined;
  };
  /** Hansa's own namespace on the host. */
  readonly namespace: string;
  /** Is given what modes need of the controller itself. */
  readonly modes: (tools: ModeTools) => Modes;
  readonly probes: GateProbes;
  readonly notifier?: { tell(rollout: RolloutView, transition: Transition): void };
  readonly renderHelm?: RenderHelm;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly kubeMetrics?: KubeMetrics;
  readonly metrics?: RolloutMetrics;
  readonly tell?: Tell;
}

export interface ModeTools {
  /** Objects of all revisions that are kept, besides those that a rollout is about now. */
  readonly olderObjects: (rollout: RolloutView, signal: AbortSignal) => Promise<readonly KubeObject[]>;
}
