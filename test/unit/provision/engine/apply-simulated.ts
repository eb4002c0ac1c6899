import { silentLogger, silentProgress } from '../../../../src/base/index.ts';
import type { BundleSource } from '../../../../src/provision/engine/executor.ts';
import { type RunResult, runPlan } from '../../../../src/provision/engine/run-plan.ts';
import type { ClusterSpec, MachineSpec } from '../../../../src/provision/plan/cluster-spec.ts';
import { type ApplyOptions, planApply } from '../../../../src/provision/plan/plan-apply.ts';
import type { Plan } from '../../../../src/provision/plan/steps.ts';
import { createRedactor } from '../../../../src/provision/transport/index.ts';
import { machine, spec } from '../plan/day-two-world.ts';
import { type KillPoint, SimulatedFleet } from './simulated-fleet.ts';
import { simulatedExecutors } from './simulated-steps.ts';

/** A cluster of these machines, those that begin with `m` control planes, at the addresses of the fleet. */
export function specOf(fleet: SimulatedFleet, names: readonly string[]): ClusterSpec {
  return {
    ...spec([]),
    endpoint: { mode: 'LocalProxy', host: 'api.north', port: 7443, virtualRouterId: undefined },
    cni: { kind: 'flannel', backend: 'vxlan', port: undefined },
    machines: names.map((name) => machineAt(fleet, name)),
  };
}

export function machineAt(fleet: SimulatedFleet, name: string): MachineSpec {
  const { address } = fleet.host(name);
  const given = machine(name);
  return { ...given, ssh: { ...given.ssh, host: address }, internalAddress: address };
}

export interface Applied {
  readonly plan: Plan;
  /** undefined: there was nothing to do, or it was refused. */
  readonly result: RunResult | undefined;
}

let operations = 0;

/** What an engine does from its start to its end: looks, plans, runs. */
export async function applyOnce(
  fleet: SimulatedFleet,
  wanted: ClusterSpec,
  {
    leaving = [],
    signal = new AbortController().signal,
    ...options
  }: Partial<ApplyOptions> & { readonly signal?: AbortSignal; readonly stopping?: AbortSignal } = {},
): Promise<Applied> {
  const observed = fleet.observe(wanted, leaving);
  const { stopping, ...planOptions } = options;
  const plan = planApply(wanted, observed, fleet.journal, { available: ['1.36.3'], ...planOptions, leaving });
  if (plan.refusals.length > 0 || plan.steps.length === 0) return { plan, result: undefined };
  operations += 1;
  const result = await runPlan(plan, {
    spec: wanted,
    sight: observed.cluster,
    group: fleet.access([...wanted.machines, ...leaving]),
    executors: simulatedExecutors(fleet),
    store: fleet.store,
    bundle: {} as BundleSource,
    operation: `apply-${operations}`,
    concurrency: 8,
    clock: fleet.clock,
    rng: () => 0.5,
    logger: silentLogger,
    progress: silentProgress,
    redactor: createRedactor(),
    signal,
    ...(stopping ? { stopping } : {}),
  });
  return { plan, result };
}

/** An engine that is killed at a point of its work. */
export async function applyKilled(
  fleet: SimulatedFleet,
  wanted: ClusterSpec,
  killPoint: KillPoint,
  options: Partial<ApplyOptions> = {},
): Promise<void> {
  fleet.killPoint = { ...killPoint, at: fleet.touches + killPoint.at };
  await applyOnce(fleet, wanted, options).catch(() => undefined);
  fleet.newEngine();
}

const rounds = 8;

/** Applies again until nothing is left to do, as a controller would. Gives the last plan. */
export async function applyUntilDone(
  fleet: SimulatedFleet,
  wanted: ClusterSpec,
  options: Partial<ApplyOptions> = {},
): Promise<Plan> {
  let last: Applied | undefined;
  for (let round = 0; round < rounds; round += 1) {
    last = await applyOnce(fleet, wanted, options);
    if (!last.result) return last.plan;
    // Between two runs of an operator some time goes by.
    fleet.nowMs += 60_000;
  }
  throw new Error(`not done after ${rounds} rounds: ${JSON.stringify(troublesIn(last), null, 1)}`);
}

export function troublesIn(applied: Applied | undefined): readonly unknown[] {
  return (applied?.result?.steps ?? [])
    .filter(({ end }) => end.kind !== 'done' && end.kind !== 'nothing-to-do')
    .map(({ step, end }) => ({ step: step.id, ...end }));
}

/** A cluster as it should be, from nothing. */
export async function madeCluster(names: readonly string[], spare: readonly string[] = []) {
  const fleet = new SimulatedFleet([...names, ...spare]);
  const wanted = specOf(fleet, names);
  await applyUntilDone(fleet, wanted);
  return { fleet, wanted };
}

/** What is wrong with the cluster, after everything; empty: nothing. */
export function complaintsAbout(fleet: SimulatedFleet, wanted: ClusterSpec): readonly string[] {
  const { cluster } = fleet;
  if (!cluster) return ['there is no cluster', ...fleet.broken];
  const planes = wanted.machines.filter(({ role }) => role === 'control-plane').map(({ name }) => name);
  const names = wanted.machines.map(({ name }) => name);
  return [
    ...fleet.broken,
    ...differs(
      'members of etcd',
      cluster.members.map(({ name }) => name),
      planes,
    ),
    ...differs(
      'voters',
      fleet.voters.map(({ name }) => name),
      planes,
    ),
    ...differs('nodes', [...cluster.nodes.keys()], names),
    ...fleet.voters.filter((voter) => !fleet.isAlive(voter)).map(({ name }) => `${name} of etcd is dead`),
    ...[...cluster.nodes.values()]
      .filter((node) => !fleet.isReady(node))
      .map(({ name }) => `${name} is not Ready`),
    ...(fleet.voters.some(({ id }) => id === cluster.leader) ? [] : ['no voter leads']),
    ...(cluster.hasCni && cluster.hasConfiguration ? [] : ['it is half made']),
  ];
}

function differs(what: string, is: readonly string[], wanted: readonly string[]): readonly string[] {
  const [a, b] = [is.toSorted().join(' '), wanted.toSorted().join(' ')];
  return a === b ? [] : [`${what} are ${a}, not ${b}`];
}
