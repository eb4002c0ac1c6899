/** What Shipper's door tells about itself; telemetry turns it into Prometheus metrics. Plain words only. */
export interface ShipperMetrics {
  /** The objects of a Release are in all its clusters; counted from when the Release was made. */
  onInstalled(release: { readonly namespace: string; readonly tookMs: number }): void;
  /** A Release reached its last step for the first time. */
  onComplete(release: { readonly namespace: string; readonly tookMs: number }): void;
  onReleases(application: {
    readonly namespace: string;
    readonly name: string;
    readonly count: number;
  }): void;
}

export const noShipperMetrics: ShipperMetrics = {
  onInstalled() {},
  onComplete() {},
  onReleases() {},
};
