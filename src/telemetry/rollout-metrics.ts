import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

interface RolloutName {
  readonly namespace: string;
  readonly name: string;
}

interface Shown {
  readonly phase: string;
  readonly clusterPhases: readonly string[];
}

/** A stage waits for pods to become ready; the progress deadline ends it after ten minutes unless told otherwise. */
const stageBucketsSeconds = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];
/** A question to a gate may take ten seconds; then it is given up. */
const gateBucketsSeconds = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** API servers wait for a webhook for seconds at most, and each pod waits with them. */
const reviewBucketsSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

/**
 * The metrics of rollouts and of the webhook that holds their pods back. Fits the rollout room's `RolloutMetrics` and
 * the webhook's counters by shape: telemetry knows neither.
 *
 * Here labels hold names of objects, other than in the metrics of the runtime: Rollouts are few, and who is woken at
 * night wants to read which one it is.
 */
export function createRolloutMetrics(registry: Registry) {
  const registers = [registry];
  const phase = new Gauge({
    name: 'hansa_rollout_phase',
    help: '1 for the phase the rollout is in; other phases have no series.',
    labelNames: ['namespace', 'name', 'phase'],
    registers,
  });
  const clusters = new Gauge({
    name: 'hansa_rollout_clusters',
    help: 'Clusters of the rollout in a phase.',
    labelNames: ['namespace', 'name', 'phase'],
    registers,
  });
  const step = new Gauge({
    name: 'hansa_rollout_step',
    help: 'Step under way, from 0; no series while there is none.',
    labelNames: ['namespace', 'name'],
    registers,
  });
  const transitions = new Counter({
    name: 'hansa_rollout_transitions_total',
    help: 'Changes that people hear of, by type (Normal, Warning) and reason.',
    labelNames: ['type', 'reason'],
    registers,
  });
  const stages = new Histogram({
    name: 'hansa_rollout_stage_duration_seconds',
    help: 'Time a stage of a step took in one cluster.',
    labelNames: ['stage'],
    buckets: stageBucketsSeconds,
    registers,
  });
  const gateAnswers = new Counter({
    name: 'hansa_rollout_gate_answers_total',
    help: 'Answers of gates, by kind of gate and answer.',
    labelNames: ['kind', 'answer'],
    registers,
  });
  const gateTime = new Histogram({
    name: 'hansa_rollout_gate_duration_seconds',
    help: 'Time a question to a gate took, by kind of gate.',
    labelNames: ['kind'],
    buckets: gateBucketsSeconds,
    registers,
  });
  const notifications = new Counter({
    name: 'hansa_rollout_notifications_total',
    help: 'Notifications by outcome: sent, failed, dropped.',
    labelNames: ['outcome'],
    registers,
  });
  const reviews = new Counter({
    name: 'hansa_webhook_reviews_total',
    help: 'Admission reviews answered, by decision.',
    labelNames: ['decision'],
    registers,
  });
  const reviewTime = new Histogram({
    name: 'hansa_webhook_review_duration_seconds',
    help: 'Time admission reviews took.',
    buckets: reviewBucketsSeconds,
    registers,
  });
  /** What each rollout shows now, so that what it leaves can be taken away. */
  const shown = new Map<string, Shown>();

  function forgetSeries({ namespace, name }: RolloutName, keep: Shown | undefined): void {
    const before = shown.get(`${namespace}/${name}`);
    if (before && before.phase !== keep?.phase) phase.remove({ namespace, name, phase: before.phase });
    for (const gone of before?.clusterPhases ?? []) {
      if (!keep?.clusterPhases.includes(gone)) clusters.remove({ namespace, name, phase: gone });
    }
  }

  return {
    onStatus: (rollout: {
      readonly namespace: string;
      readonly name: string;
      readonly phase: string;
      readonly step: number | undefined;
      readonly clusters: Readonly<Record<string, number>>;
    }): void => {
      const { namespace, name } = rollout;
      const now: Shown = { phase: rollout.phase, clusterPhases: Object.keys(rollout.clusters) };
      forgetSeries(rollout, now);
      shown.set(`${namespace}/${name}`, now);
      phase.set({ namespace, name, phase: rollout.phase }, 1);
      for (const [each, count] of Object.entries(rollout.clusters)) {
        clusters.set({ namespace, name, phase: each }, count);
      }
      if (rollout.step === undefined) step.remove({ namespace, name });
      else step.set({ namespace, name }, rollout.step);
    },
    onForgotten: ({ namespace, name }: RolloutName): void => {
      forgetSeries({ namespace, name }, undefined);
      shown.delete(`${namespace}/${name}`);
      step.remove({ namespace, name });
    },
    onTransition: ({ type, reason }: { readonly type: string; readonly reason: string }): void => {
      transitions.inc({ type, reason });
    },
    onStage: ({ stage, tookMs }: { readonly stage: string; readonly tookMs: number }): void => {
      stages.observe({ stage }, tookMs / 1000);
    },
    onGate: (gate: { readonly kind: string; readonly answer: string; readonly tookMs: number }): void => {
      gateAnswers.inc({ kind: gate.kind, answer: gate.answer });
      gateTime.observe({ kind: gate.kind }, gate.tookMs / 1000);
    },
    onNotification: ({ outcome }: { readonly outcome: string }): void => {
      notifications.inc({ outcome });
    },
    /** For the webhook: an AdmissionReview was answered. */
    onReview: ({ decision, tookMs }: { readonly decision: string; readonly tookMs: number }): void => {
      reviews.inc({ decision });
      reviewTime.observe(tookMs / 1000);
    },
  };
}
