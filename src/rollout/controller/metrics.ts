/**
 * What the rollout room tells about itself; telemetry turns it into Prometheus metrics. Plain words only, since
 * telemetry knows no rollout types. Rollouts are named: there are few of them, and people alert on them by name.
 */
export interface RolloutMetrics {
  /** How a rollout stands now: one phase, its step from 0, and how many clusters are in each phase. */
  onStatus(rollout: {
    readonly namespace: string;
    readonly name: string;
    readonly phase: string;
    readonly step: number | undefined;
    readonly clusters: Readonly<Record<string, number>>;
  }): void;
  /** The Rollout is gone; its series go too. */
  onForgotten(rollout: { readonly namespace: string; readonly name: string }): void;
  /** A change that people hear of. */
  onTransition(transition: { readonly type: 'Normal' | 'Warning'; readonly reason: string }): void;
  /** A stage of a step came to its end in one cluster. */
  onStage(stage: { readonly stage: string; readonly tookMs: number }): void;
  /** A gate answered; `kind` such as `prometheus` or `window`. */
  onGate(gate: {
    readonly kind: string;
    readonly answer: 'good' | 'bad' | 'inconclusive' | 'later';
    readonly tookMs: number;
  }): void;
  /** A notification left, failed for good, or found no place in its queue. */
  onNotification(notification: { readonly outcome: 'sent' | 'failed' | 'dropped' }): void;
}

export const noRolloutMetrics: RolloutMetrics = {
  onStatus() {},
  onForgotten() {},
  onTransition() {},
  onStage() {},
  onGate() {},
  onNotification() {},
};
