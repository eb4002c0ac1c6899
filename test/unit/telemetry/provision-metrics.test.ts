import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { ProvisionMetrics } from '../../../src/provision/index.ts';
import { createProvisionMetrics } from '../../../src/telemetry/index.ts';

function made() {
  const registry = new Registry();
  // What the provision room wants fits by shape; this line does not compile otherwise.
  const metrics: ProvisionMetrics = createProvisionMetrics(registry);
  return { metrics, text: () => registry.metrics() };
}

const shop = { namespace: 'clusters', name: 'shop' };

describe('the metrics of clusters of machines', () => {
  it('show the phase a cluster is in and nothing of what was before, its machines and its times', async () => {
    const { metrics, text } = made();
    metrics.onPhase({ ...shop, phase: 'Provisioning' });
    metrics.onPhase({ ...shop, phase: 'Ready' });
    metrics.onMachines({ ...shop, ready: 2, desired: 3 });
    metrics.onCertificates({ ...shop, firstExpiry: 1_800_000_000_000 });
    metrics.onBackup({ ...shop, takenAt: 1_700_000_000_500 });
    const shown = await text();
    for (const line of [
      'hansa_provision_cluster_phase{namespace="clusters",name="shop",phase="Ready"} 1',
      'hansa_provision_cluster_machines{namespace="clusters",name="shop",state="ready"} 2',
      'hansa_provision_cluster_machines{namespace="clusters",name="shop",state="desired"} 3',
      'hansa_provision_certificate_expiry_timestamp_seconds{namespace="clusters",name="shop"} 1800000000',
      'hansa_provision_last_backup_timestamp_seconds{namespace="clusters",name="shop"} 1700000000.5',
    ]) {
      expect(shown).toContain(line);
    }
    expect(shown).not.toContain('phase="Provisioning"');
  });

  it('forget a cluster that is gone, and only that one', async () => {
    const { metrics, text } = made();
    for (const name of ['shop', 'shop-2']) {
      const cluster = { namespace: 'clusters', name };
      metrics.onPhase({ ...cluster, phase: 'Ready' });
      metrics.onMachines({ ...cluster, ready: 1, desired: 1 });
      metrics.onCertificates({ ...cluster, firstExpiry: 1 });
      metrics.onBackup({ ...cluster, takenAt: 1 });
    }
    metrics.forget(shop);
    const shown = await text();
    expect(shown).not.toContain('name="shop"');
    expect(shown.match(/name="shop-2"/g)).toHaveLength(5);
  });

  it('count runs by goal and result, and how long they take', async () => {
    const { metrics, text } = made();
    metrics.onRun({ goal: 'apply', result: 'completed', tookMs: 61_000 });
    metrics.onRun({ goal: 'apply', result: 'failed', tookMs: 500 });
    const shown = await text();
    expect(shown).toContain('hansa_provision_runs_total{goal="apply",result="failed"} 1');
    expect(shown).toContain('hansa_provision_run_duration_seconds_bucket{le="60",goal="apply"} 1');
    expect(shown).toContain('hansa_provision_run_duration_seconds_count{goal="apply"} 2');
  });
});
