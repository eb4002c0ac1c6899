import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { RolloutMetrics } from '../../../src/rollout/controller/metrics.ts';
import { createRolloutMetrics } from '../../../src/telemetry/index.ts';

function made() {
  const registry = new Registry();
  const metrics = createRolloutMetrics(registry);
  // What the rollout room wants fits by shape; this line does not compile otherwise.
  const rollouts: RolloutMetrics = metrics;
  return { metrics, rollouts, text: () => registry.metrics() };
}

const web = { namespace: 'shop', name: 'web' };

describe('the metrics of rollouts', () => {
  it('show the phase a rollout is in, its step and its clusters, and nothing of what was before', async () => {
    const { rollouts, text } = made();
    rollouts.onStatus({ ...web, phase: 'Progressing', step: 0, clusters: { Pending: 2, Progressing: 1 } });
    rollouts.onStatus({ ...web, phase: 'Soaking', step: 1, clusters: { Pending: 1, StepReached: 2 } });
    const shown = await text();
    for (const line of [
      'hansa_rollout_phase{namespace="shop",name="web",phase="Soaking"} 1',
      'hansa_rollout_step{namespace="shop",name="web"} 1',
      'hansa_rollout_clusters{namespace="shop",name="web",phase="Pending"} 1',
      'hansa_rollout_clusters{namespace="shop",name="web",phase="StepReached"} 2',
    ]) {
      expect(shown).toContain(line);
    }
    expect(shown).not.toContain('phase="Progressing"');
    rollouts.onStatus({ ...web, phase: 'Completed', step: undefined, clusters: { Done: 3 } });
    expect(await text()).not.toContain('hansa_rollout_step{');
  });

  it('forget a rollout that is gone, and only that one', async () => {
    const { rollouts, text } = made();
    for (const name of ['web', 'web-2']) {
      rollouts.onStatus({ namespace: 'shop', name, phase: 'Progressing', step: 0, clusters: { Pending: 1 } });
    }
    rollouts.onForgotten(web);
    const shown = await text();
    expect(shown).not.toContain('name="web"');
    for (const metric of ['phase', 'clusters', 'step'])
      expect(shown).toMatch(new RegExp(`hansa_rollout_${metric}\\{.*name="web-2"`));
  });

  it('count transitions, stages, gates, notifications and reviews', async () => {
    const { metrics, rollouts, text } = made();
    rollouts.onTransition({ type: 'Warning', reason: 'GateFailed' });
    rollouts.onStage({ stage: 'ContenderCapacity', tookMs: 3_000 });
    rollouts.onGate({ kind: 'prometheus', answer: 'bad', tookMs: 40 });
    rollouts.onNotification({ outcome: 'failed' });
    metrics.onReview({ decision: 'gated', tookMs: 2 });
    const shown = await text();
    for (const line of [
      'hansa_rollout_transitions_total{type="Warning",reason="GateFailed"} 1',
      'hansa_rollout_stage_duration_seconds_sum{stage="ContenderCapacity"} 3',
      'hansa_rollout_gate_answers_total{kind="prometheus",answer="bad"} 1',
      'hansa_rollout_gate_duration_seconds_sum{kind="prometheus"} 0.04',
      'hansa_rollout_notifications_total{outcome="failed"} 1',
      'hansa_webhook_reviews_total{decision="gated"} 1',
      'hansa_webhook_review_duration_seconds_count 1',
    ]) {
      expect(shown).toContain(line);
    }
  });
});
