import { HansaError } from '../../base/index.ts';
import type { ModeCall } from '../mode.ts';
import {
  type CapacitySide,
  findProblem,
  type Problem,
  sumCapacity,
  totalOf,
} from '../plan/side-by-side/index.ts';
import type { MemberObserved, Side } from '../plan/steps/types.ts';
import {
  createRouter,
  isSteering,
  type RouterDeps,
  type TrafficSeen,
  type TrafficSide,
} from '../traffic/index.ts';
import { groupsOf, podsOf } from './groups.ts';
import type { Look } from './look.ts';
import { kinds } from './resource-types.ts';
import type { Site } from './site.ts';

/** What the stepper needs to know of a member. Writes nothing. */
export async function tellObserved(
  call: ModeCall,
  site: Site,
  look: Look,
  deps: RouterDeps,
): Promise<MemberObserved> {
  const { contenderWorkloads, incumbentWorkloads, incumbent, leftovers, isInstalled } = look;
  const seen = {
    contender: contenderWorkloads.map((each) => each.seen),
    incumbent: incumbentWorkloads.map((each) => each.seen),
  };
  const contender = sumCapacity(seen.contender);
  const traffic = await seeTraffic(call, site, look, deps);
  return {
    kind: 'seen',
    revision: contenderWorkloads.length > 0 ? call.rollout.contender.hash : incumbent,
    installed: isInstalled,
    contender: sideOf(contender, traffic.seen?.contender),
    incumbent:
      incumbent === undefined ? undefined : sideOf(sumCapacity(seen.incumbent), traffic.seen?.incumbent),
    total: totalOf(seen.contender, seen.incumbent),
    ...(leftovers.length > 0 ? { leftovers: true } : {}),
    problem: traffic.problem ?? (contender.isReady ? undefined : await seeProblem(call, site, look)),
  };
}

/** As `sideOf`, where traffic goes as the pods do. */
const unsteered: TrafficSide = { percent: undefined, ready: true, withTraffic: 0 };

function sideOf({ percent, desired, ready, isReady }: CapacitySide, traffic: TrafficSide = unsteered): Side {
  return {
    capacityPercent: percent,
    desired,
    ready,
    capacityReady: isReady,
    trafficPercent: traffic.percent,
    trafficReady: traffic.ready,
    withTraffic: traffic.withTraffic,
  };
}

async function seeTraffic(
  call: ModeCall,
  site: Site,
  look: Look,
  deps: RouterDeps,
): Promise<{ readonly seen?: TrafficSeen; readonly problem?: Problem }> {
  const { rollout } = call;
  if (!isSteering(rollout) || (look.contenderWorkloads.length === 0 && look.incumbent === undefined))
    return {};
  try {
    const seen = await createRouter(rollout, deps).observe(call, groupsOf(site, rollout, look));
    const isAlone = look.incumbent === undefined && look.isInstalled;
    if (!isAlone || seen.contender.percent !== undefined) return { seen };
    // Nobody steers, and there is one revision: it has all there is.
    return { seen: { ...seen, contender: { ...seen.contender, percent: 100, ready: true } } };
  } catch (error) {
    // Before the installation the Service need not be there yet.
    if (!look.isInstalled) return {};
    if (!(error instanceof HansaError) || !isForPeople(error)) throw error;
    return {
      seen: { contender: { ...unsteered, ready: false }, incumbent: { ...unsteered, ready: false } },
      problem: { reason: error.reason, message: error.message },
    };
  }
}

/** What a person must mend, as against a member that just doesn't answer. */
function isForPeople({ reason }: HansaError): boolean {
  return ['SourceNotFound', 'InvalidSpec', 'WaitingForTraffic', 'ClusterFailed'].includes(reason);
}

async function seeProblem(call: ModeCall, site: Site, look: Look): Promise<Problem | undefined> {
  const unsettled = look.contenderWorkloads.filter(({ seen }) => !seen.isSettled);
  if (unsettled.length === 0) return undefined;
  const pods = [];
  const labelSelector = podsOf(site, call.rollout.contender.hash);
  for await (const page of site.client.list(kinds.pod, {
    namespace: site.namespace,
    labelSelector,
    signal: site.signal,
  })) {
    pods.push(...page.items);
  }
  for (const { object } of unsettled) {
    const { metadata } = object;
    // A Deployment's pods are called after its ReplicaSets, and those after it.
    const own = pods.filter((pod) => pod.metadata.name.startsWith(`${metadata.name}-`));
    const problem = findProblem(object, own);
    if (problem) return problem;
  }
  return undefined;
}
