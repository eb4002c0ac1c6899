import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { ShipperMetrics } from '../../../src/rollout/shipper/index.ts';
import { createShipperMetrics } from '../../../src/telemetry/index.ts';

describe("the metrics of Shipper's door", () => {
  it('count Releases by Application, and tell how long they took', async () => {
    const registry = new Registry();
    // What the door wants fits by shape; this line does not compile otherwise.
    const metrics: ShipperMetrics = createShipperMetrics(registry);
    metrics.onReleases({ namespace: 'shop', name: 'super-server', count: 2 });
    metrics.onInstalled({ namespace: 'shop', tookMs: 700 });
    metrics.onComplete({ namespace: 'shop', tookMs: 90_000 });
    const shown = await registry.metrics();
    for (const line of [
      'hansa_shipper_releases{namespace="shop",name="super-server"} 2',
      'hansa_shipper_release_installation_seconds_bucket{le="0.5",namespace="shop"} 0',
      'hansa_shipper_release_installation_seconds_bucket{le="1",namespace="shop"} 1',
      'hansa_shipper_release_completion_seconds_sum{namespace="shop"} 90',
    ]) {
      expect(shown).toContain(line);
    }
    metrics.onReleases({ namespace: 'shop', name: 'super-server', count: 0 });
    expect(await registry.metrics()).not.toContain('hansa_shipper_releases{');
  });
});
