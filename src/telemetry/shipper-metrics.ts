import { Gauge, Histogram, type Registry } from 'prom-client';

/** Charts are installed within seconds; a release that waits at a step for a person takes hours. */
const bucketsSeconds = [0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400];

/** The metrics of Shipper's door; fits its `ShipperMetrics` by shape. */
export function createShipperMetrics(registry: Registry) {
  const registers = [registry];
  const installation = new Histogram({
    name: 'hansa_shipper_release_installation_seconds',
    help: 'Time from the making of a Release until its objects were in all its clusters.',
    labelNames: ['namespace'],
    buckets: bucketsSeconds,
    registers,
  });
  const completion = new Histogram({
    name: 'hansa_shipper_release_completion_seconds',
    help: 'Time from the making of a Release until it reached its last step for the first time.',
    labelNames: ['namespace'],
    buckets: bucketsSeconds,
    registers,
  });
  const releases = new Gauge({
    name: 'hansa_shipper_releases',
    help: 'Releases of an Application that are kept.',
    labelNames: ['namespace', 'name'],
    registers,
  });
  return {
    onInstalled: ({ namespace, tookMs }: { readonly namespace: string; readonly tookMs: number }): void => {
      installation.observe({ namespace }, tookMs / 1000);
    },
    onComplete: ({ namespace, tookMs }: { readonly namespace: string; readonly tookMs: number }): void => {
      completion.observe({ namespace }, tookMs / 1000);
    },
    onReleases: (application: {
      readonly namespace: string;
      readonly name: string;
      readonly count: number;
    }): void => {
      const { namespace, name, count } = application;
      if (count === 0) releases.remove({ namespace, name });
      else releases.set({ namespace, name }, count);
    },
  };
}
