import { etcdBackupAddress } from '../../api/provision.hansa.dev/v1alpha1/etcd-backup.ts';
import { kubeClusterAddress } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { kubeMachineAddress } from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { kubeOperationAddress } from '../../api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { HansaError, hashOf } from '../../base/index.ts';
import {
  Cache,
  KeyedQueue,
  type KubeObject,
  type Outcome,
  type ResourceType,
  refOf,
  runController,
} from '../../kube/index.ts';
import type { Observed } from '../plan/facts.ts';
import { networkOf } from '../read/index.ts';
import { Bundles } from './bundles.ts';
import { ClusterKeeper } from './cluster-keeper.ts';
import { HostWriter } from './host-writer.ts';
import type { ProvisionControllerOptions } from './options.ts';
import {
  type BackupView,
  clusterKeyOf,
  type ClusterView,
  type MachineView,
  type OperationView,
  type View,
  viewBackup,
  viewCluster,
  viewMachine,
  viewOperation,
} from './views.ts';

const clustersAtOnce = 8;
const notSyncedMs = 250;
const byCluster = 'cluster';

/**
 * Keeps the clusters of KubeClusters and their KubeMachines as they are asked for: the second home of the engine that the
 * command line has with a state file.
 *
 * *Flow*: a change of a cluster, its machines or its operations wakes the cluster; each pass does one thing (see
 * `decideWork`), and times bring it back: for the next comparison, a retry, a renewal, a backup.
 * *Guarantees*: one run at a time for a cluster, by the queue here and by a Lease against all others; what the host can't be
 * asked about is left as it is.
 */
export class ProvisionController {
  readonly #options: ProvisionControllerOptions;
  readonly #queue: KeyedQueue;
  readonly #clusters: Cache<ClusterView>;
  readonly #machines: Cache<MachineView>;
  readonly #operations: Cache<OperationView>;
  readonly #backups: Cache<BackupView>;
  readonly #bundles: Bundles;
  readonly #writer: HostWriter;
  readonly #keepers = new Map<string, ClusterKeeper>();

  constructor(options: ProvisionControllerOptions) {
    this.#options = options;
    const { host, clock, rng, logger, kubeMetrics } = options;
    const common = { clock, rng, ...(kubeMetrics ? { metrics: kubeMetrics } : {}) };
    this.#bundles = new Bundles({ clock, fallback: options.bundle });
    this.#writer = new HostWriter(host);
    this.#queue = new KeyedQueue({ ...common, name: 'provision', backoffMs: { first: 1_000, max: 300_000 } });
    const cacheOf = <Spec extends { readonly clusterName: string }, V extends View<Spec, unknown>>(
      name: string,
      type: ResourceType,
      project: (object: KubeObject) => V,
    ) => {
      const cache = new Cache<V>({
        ...common,
        name,
        client: host,
        type,
        logger,
        project,
        indices: { [byCluster]: (view) => [clusterKeyOf(view)] },
      });
      cache.onChange((_, { old, next }) => {
        if (isSameWish(old, next)) return;
        for (const key of new Set([old, next].flatMap((view) => (view ? clusterKeyOf(view) : []))))
          this.#wake(key);
      });
      return cache;
    };
    this.#machines = cacheOf('provision-machines', kubeMachineAddress, viewMachine);
    this.#operations = cacheOf('provision-operations', kubeOperationAddress, viewOperation);
    this.#backups = cacheOf('provision-backups', etcdBackupAddress, viewBackup);
    this.#clusters = new Cache({
      ...common,
      name: 'provision-clusters',
      client: host,
      type: kubeClusterAddress,
      logger,
      project: viewCluster,
    });
    this.#clusters.onChange((key, { old, next }) => {
      if (!isSameWish(old, next)) this.#wake(key);
    });
  }

  /** Works until the signal; resolves when everything under way has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, kubeMetrics, concurrency = clustersAtOnce } = this.#options;
    await Promise.all([
      ...this.#caches.map((cache) => cache.run(signal)),
      runController({
        name: 'provision',
        queue: this.#queue,
        concurrency,
        logger,
        signal,
        ...(kubeMetrics ? { metrics: kubeMetrics } : {}),
        reconcile: (key) => this.#reconcile(key, signal),
      }),
    ]);
  }

  get #caches() {
    return [this.#clusters, this.#machines, this.#operations, this.#backups];
  }

  #wake(key: string): void {
    this.#queue.add(key);
    const cluster = this.#clusters.get(key);
    if (cluster) this.#keepers.get(key)?.changed({ cluster, machines: this.#of(this.#machines, key) });
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    if (this.#caches.some(({ state }) => state.kind !== 'live'))
      return { again: 'after', afterMs: notSyncedMs };
    const cluster = this.#clusters.get(key);
    const machines = this.#of(this.#machines, key);
    if (!cluster) {
      this.#keepers.delete(key);
      await this.#withoutCluster(key, machines, signal);
      return { again: 'on-change' };
    }
    const keeper = this.#keepers.get(key) ?? this.#keeperFor(cluster);
    this.#keepers.set(key, keeper);
    return keeper.pass(
      {
        cluster,
        machines,
        operations: this.#of(this.#operations, key).toSorted(
          (a, b) => a.createdAt.localeCompare(b.createdAt) || a.name.localeCompare(b.name),
        ),
        backups: this.#of(this.#backups, key),
        others: this.#networksBeside(key),
      },
      signal,
    );
  }

  #keeperFor({ namespace, name }: ClusterView): ClusterKeeper {
    const { logger } = this.#options;
    return new ClusterKeeper({
      controller: this.#options,
      bundles: this.#bundles,
      logger: logger.child({ cluster: `${namespace}/${name}` }),
    });
  }

  /** In the order of their names, which is that of their numbers for most people. */
  #of<V extends View<unknown, unknown>>(cache: Cache<V>, key: string): readonly V[] {
    return [...cache.keysBy(byCluster, key)]
      .flatMap((each) => cache.get(each) ?? [])
      .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  }

  #networksBeside(key: string): Observed['others'] {
    return [...this.#clusters.entries()]
      .filter(([other]) => other !== key)
      .map(([, { name, spec }]) => ({ name, ...networkOf(spec) }));
  }

  /** Machines whose cluster is gone are let go of as they are, and those that wait for one are told so. */
  async #withoutCluster(key: string, machines: readonly MachineView[], signal: AbortSignal): Promise<void> {
    const { namespace = '', name } = refOf(key);
    this.#options.metrics?.forget({ namespace, name });
    if (machines.length === 0 || !(await this.#isGone({ namespace, name }, signal))) return;
    for (const machine of machines) {
      if (machine.deletedAt !== undefined) {
        await this.#writer.letGo(machine);
        continue;
      }
      const message = `there is no KubeCluster ${name} in namespace ${namespace}: create it, or delete this KubeMachine`;
      const at = machine.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
      await this.#writer.machineStatus(machine, {
        observedGeneration: machine.generation,
        phase: 'Pending',
        conditions: [
          {
            type: 'Ready',
            status: 'False',
            reason: 'ClusterMissing',
            message,
            lastTransitionTime: at ?? new Date(this.#options.clock.now()).toISOString(),
          },
        ],
      });
    }
  }

  /** A finalizer is taken off by absence, so the server itself is asked. */
  async #isGone(
    ref: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await this.#options.host.get(kubeClusterAddress, ref, { signal });
      return false;
    } catch (error) {
      if (error instanceof HansaError && ['NotFound', 'NamespaceNotFound'].includes(error.reason))
        return true;
      throw error;
    }
  }
}

/** Only our own status was changed: nobody asks for anything else. */
function isSameWish(
  old: View<unknown, unknown> | undefined,
  next: View<unknown, unknown> | undefined,
): boolean {
  if (!old || !next) return false;
  return (
    old.uid === next.uid &&
    old.generation === next.generation &&
    old.deletedAt === next.deletedAt &&
    hashOf(old.annotations) === hashOf(next.annotations)
  );
}
