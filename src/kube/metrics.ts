/** What the runtime tells about itself; telemetry turns it into Prometheus metrics. Labels never hold object names. */
export interface KubeMetrics {
  /** A finished call. `code` is the HTTP status, or 0 when no answer came. */
  onCall(call: {
    readonly server: string;
    readonly verb: string;
    readonly code: number;
    readonly tookMs: number;
  }): void;
  /** A watch ended and starts anew; `reason` such as `expired`, `idle`, `closed`, `Gone`, `Unreachable`. */
  onWatchRestart(watch: { readonly cache: string; readonly reason: string }): void;
  onCacheSize(cache: { readonly cache: string; readonly objects: number }): void;
  onQueueDepth(queue: { readonly queue: string; readonly depth: number }): void;
  /** How long a key waited from being ready to being taken up. */
  onQueueWait(queue: { readonly queue: string; readonly waitedMs: number }): void;
  onReconcile(run: {
    readonly controller: string;
    readonly result: 'success' | 'error' | 'requeue';
    readonly tookMs: number;
  }): void;
  onActiveWorkers(controller: { readonly controller: string; readonly active: number }): void;
}

export const noMetrics: KubeMetrics = {
  onCall() {},
  onWatchRestart() {},
  onCacheSize() {},
  onQueueDepth() {},
  onQueueWait() {},
  onReconcile() {},
  onActiveWorkers() {},
};
