import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

interface ClusterName {
  readonly namespace: string;
  readonly name: string;
}

/** A backup takes seconds, a cluster a minute, an upgrade of many machines hours. */
const runBucketsSeconds = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200];

/**
 * The metrics of clusters of machines. Fits the provision room's `ProvisionMetrics` by shape: telemetry doesn't know it.
 *
 * Labels hold the names of clusters: they are few, and who is woken at night wants to read which one it is.
 */
export function createProvisionMetrics(registry: Registry) {
  const registers = [registry];
  const ofCluster = ['namespace', 'name'];
  const runs = new Counter({
    name: 'hansa_provision_runs_total',
    help: 'Runs that had something to do, by goal (apply, delete, renew-certificates, back-up, restore) and result.',
    labelNames: ['goal', 'result'],
    registers,
  });
  const runTime = new Histogram({
    name: 'hansa_provision_run_duration_seconds',
    help: 'Time such a run took.',
    labelNames: ['goal'],
    buckets: runBucketsSeconds,
    registers,
  });
  const phase = new Gauge({
    name: 'hansa_provision_cluster_phase',
    help: '1 for the phase the KubeCluster is in; other phases have no series.',
    labelNames: [...ofCluster, 'phase'],
    registers,
  });
  const machines = new Gauge({
    name: 'hansa_provision_cluster_machines',
    help: 'Machines of the KubeCluster: desired by its spec, and ready.',
    labelNames: [...ofCluster, 'state'],
    registers,
  });
  const expiry = new Gauge({
    name: 'hansa_provision_certificate_expiry_timestamp_seconds',
    help: 'When the first certificate of the KubeCluster ends, in seconds since 1970.',
    labelNames: ofCluster,
    registers,
  });
  const backup = new Gauge({
    name: 'hansa_provision_last_backup_timestamp_seconds',
    help: 'When the newest backup of the KubeCluster was taken, in seconds since 1970.',
    labelNames: ofCluster,
    registers,
  });
  /** The phase that each cluster shows now, so that it can be taken away. */
  const shown = new Map<string, string>();

  function dropPhase({ namespace, name }: ClusterName): void {
    const before = shown.get(`${namespace}/${name}`);
    if (before !== undefined) phase.remove({ namespace, name, phase: before });
  }

  return {
    onRun: (run: { readonly goal: string; readonly result: string; readonly tookMs: number }): void => {
      runs.inc({ goal: run.goal, result: run.result });
      runTime.observe({ goal: run.goal }, run.tookMs / 1000);
    },
    onPhase: (cluster: ClusterName & { readonly phase: string }): void => {
      const { namespace, name } = cluster;
      dropPhase(cluster);
      shown.set(`${namespace}/${name}`, cluster.phase);
      phase.set({ namespace, name, phase: cluster.phase }, 1);
    },
    onMachines: (cluster: ClusterName & { readonly ready: number; readonly desired: number }): void => {
      const { namespace, name, ready, desired } = cluster;
      machines.set({ namespace, name, state: 'ready' }, ready);
      machines.set({ namespace, name, state: 'desired' }, desired);
    },
    onCertificates: ({
      namespace,
      name,
      firstExpiry,
    }: ClusterName & { readonly firstExpiry: number }): void => {
      expiry.set({ namespace, name }, firstExpiry / 1000);
    },
    onBackup: ({ namespace, name, takenAt }: ClusterName & { readonly takenAt: number }): void => {
      backup.set({ namespace, name }, takenAt / 1000);
    },
    forget: ({ namespace, name }: ClusterName): void => {
      dropPhase({ namespace, name });
      shown.delete(`${namespace}/${name}`);
      for (const state of ['ready', 'desired']) machines.remove({ namespace, name, state });
      expiry.remove({ namespace, name });
      backup.remove({ namespace, name });
    },
  };
}
