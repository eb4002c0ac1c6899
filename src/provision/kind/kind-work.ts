import { HansaError } from '../../base/index.ts';
import type { ClusterWork, ClusterWorkOptions, Worked, WorkOptions } from '../engine/cluster-work.ts';
import { emptyBundle } from '../engine/empty-bundle.ts';
import type { Goal } from '../engine/goal.ts';
import { runPlan } from '../engine/run-plan.ts';
import { refuse } from '../plan/apply/draft.ts';
import type { CertificateSight } from '../plan/certificates.ts';
import type { Observed } from '../plan/facts.ts';
import type { Plan } from '../plan/steps.ts';
import { executors } from '../steps/index.ts';
import { findNodes, lookAtKindCluster } from './look.ts';
import type { KindSettings } from './plan/kind-settings.ts';
import { type KindSight, planKindApply, planKindDelete } from './plan/plan-kind.ts';
import { nodeAsMachine, registrationByKubeconfig } from './registration.ts';
import {
  applyManifest,
  createCluster,
  deleteCluster,
  keepKubeconfig,
  kubeconfigName,
  settleCluster,
} from './steps.ts';
import { type KindTools, openKindTools } from './tools.ts';

/** What can be done with a cluster, whoever makes its nodes. */
export type Work = Pick<ClusterWork, 'look' | 'plan' | 'run' | 'certificates' | 'backups'> & AsyncDisposable;

export interface KindWorkOptions
  extends Omit<ClusterWorkOptions, 'leaving' | 'connect' | 'bundle' | 'others'> {
  readonly settings: KindSettings;
  /** Default: kind and docker of this machine. */
  readonly tools?: KindTools;
}

/** One cluster of kind, with the same goals as one of machines; those that kind can't serve are refused. */
export class KindWork implements Work {
  readonly #options: KindWorkOptions;
  readonly #tools: KindTools;

  constructor(options: KindWorkOptions) {
    this.#options = options;
    this.#tools = options.tools ?? openKindTools();
  }

  async look(): Promise<Observed> {
    return observedOf(await this.#see());
  }

  async plan(goal: Goal): Promise<Plan> {
    return this.#planFor(goal, await this.#see());
  }

  /** Looks, plans and does, under the cluster's lock. @throws HansaError Locked, NeedsConsent, DockerMissing */
  async run(goal: Goal, { consent, operation, onPlan }: WorkOptions): Promise<Worked> {
    const { spec, store, owner, signal, clock, registration, settings } = this.#options;
    await using lock = await store.lock(owner, signal);
    const sight = await this.#see();
    const plan = await this.#planFor(goal, sight);
    await onPlan?.(plan);
    if (plan.refusals.length > 0 || plan.steps.length === 0) return { plan, result: undefined };
    if (!consent && plan.steps.some(({ isDestructive }) => isDestructive)) {
      throw new HansaError(`this deletes cluster ${spec.name} and all that is in it: say --yes to agree`, {
        reason: 'NeedsConsent',
        retry: 'never',
      });
    }
    const means = { settings, tools: this.#tools };
    const result = await runPlan(plan, {
      ...this.#options,
      bundle: emptyBundle,
      sight: sight.cluster,
      group: {
        machine: (name) => nodeAsMachine(name),
        healthyControlPlane: () => this.#controlPlane(),
      },
      executors: {
        ...executors,
        ...(registration && registrationByKubeconfig(registration)),
        'init-control-plane': createCluster(means),
        'reset-machine': deleteCluster(means),
        'apply-cni': applyManifest(means),
        'verify-cluster': settleCluster(means),
        'store-kubeconfig': keepKubeconfig(means),
      },
      operation: operation ?? `${goal.kind}-${new Date(clock.now()).toISOString()}`,
      // One thing after the other: kind and the engine below it are busy enough with one.
      concurrency: 1,
      signal: AbortSignal.any([signal, lock.lost]),
    });
    return { plan, result };
  }

  /** None is looked at: they live as long as such a cluster does. */
  certificates(): Promise<readonly CertificateSight[]> {
    return Promise.resolve([]);
  }

  backups(): Promise<never> {
    return Promise.reject(
      new HansaError(`cluster ${this.#options.spec.name} is made by kind, and has no backups`, {
        reason: 'NotForKind',
        retry: 'never',
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.held?.[Symbol.asyncDispose]();
  }

  async #see(): Promise<KindSight> {
    const { spec, store, signal } = this.#options;
    const nodes = await findNodes(spec.name, this.#tools, signal);
    return {
      nodes,
      cluster: await lookAtKindCluster(spec, nodes, this.#tools, signal),
      hasKubeconfig: (await store.secrets.get(kubeconfigName(spec.name))) !== undefined,
      kindLack: await this.#tools.kindLack(signal),
    };
  }

  async #planFor(goal: Goal, sight: KindSight): Promise<Plan> {
    const { spec, settings, store, registration } = this.#options;
    const input = {
      spec,
      kind: settings,
      sight,
      journal: await store.journal(),
      hasHost: registration !== undefined,
    };
    switch (goal.kind) {
      case 'apply':
        return planKindApply(input);
      case 'delete':
        return planKindDelete(input);
      case 'renew-certificates':
      case 'back-up':
      case 'restore':
        return {
          steps: [],
          refusals: [
            refuse(
              'NotForKind',
              `cluster ${spec.name} is made by kind: it can be made and deleted, and has no backups and no certificates to renew`,
              { field: 'spec.provider' },
            ),
          ],
          warnings: [],
        };
    }
  }

  async #controlPlane() {
    const { spec, signal } = this.#options;
    const nodes = await findNodes(spec.name, this.#tools, signal);
    const sight = await lookAtKindCluster(spec, nodes, this.#tools, signal);
    if (sight.kind === 'up') return nodeAsMachine(nodes[0]?.name ?? spec.name);
    throw new HansaError(`the API of cluster ${spec.name} does not answer`, { reason: 'NoControlPlane' });
  }
}

function observedOf({ cluster }: KindSight): Observed {
  return { machines: {}, cluster, others: [] };
}
