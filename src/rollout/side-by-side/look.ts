import { isJsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { RolloutView } from '../mode.ts';
import {
  plainName,
  type RenderedRevision,
  readWorkload,
  type SteppedKind,
  type WorkloadSeen,
} from '../plan/side-by-side/index.ts';
import { isHeld } from './autoscalers.ts';
import { listOwn, revisionOfObject } from './member-calls.ts';
import { kinds, workloadTypes } from './resource-types.ts';
import type { Site } from './site.ts';

export interface LiveWorkload {
  readonly object: KubeObject;
  readonly kind: SteppedKind;
  readonly seen: WorkloadSeen;
}

/** What of a rollout stands in one member. */
export interface Look {
  readonly contender: RenderedRevision;
  /** The stable revision's content, where the host still has it. */
  readonly stable: RenderedRevision | undefined;
  /** By name. */
  readonly contenderWorkloads: readonly LiveWorkload[];
  /** Revision that serves here beside the contender: the stable one, or an older one that the member was left with. */
  readonly incumbent: string | undefined;
  readonly incumbentWorkloads: readonly LiveWorkload[];
  /** Workloads of yet other revisions. */
  readonly leftovers: readonly LiveWorkload[];
  readonly autoscalers: readonly KubeObject[];
  /** Every workload of the contender is there; they are made last. */
  readonly isInstalled: boolean;
}

export interface Contents {
  readonly contender: RenderedRevision;
  readonly stable: RenderedRevision | undefined;
}

/** Reads workloads and autoscalers. Writes nothing. */
export async function lookAt(site: Site, rollout: RolloutView, contents: Contents): Promise<Look> {
  const { contender, stable } = contents;
  const autoscalers = await listOwn(site, kinds.autoscaler);
  const live: LiveWorkload[] = [];
  for (const kind of ['Deployment', 'ReplicaSet'] as const) {
    for (const object of await listOwn(site, workloadTypes[kind])) {
      const revision = revisionOfObject(object);
      if (revision === undefined || object.metadata.deletionTimestamp !== undefined) continue;
      const isScaled = autoscalers.some((one) => scales(one, object) && !isHeld(one));
      live.push({
        object,
        kind,
        seen: readWorkload(object, plainName(object.metadata.name, revision), isScaled),
      });
    }
  }
  live.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const of = (revision: string | undefined) =>
    live.filter(({ object }) => revision !== undefined && revisionOfObject(object) === revision);
  const contenderWorkloads = of(rollout.contender.hash);
  const incumbent = incumbentOf(live, rollout);
  return {
    contender,
    stable,
    contenderWorkloads,
    incumbent,
    incumbentWorkloads: of(incumbent),
    leftovers: live.filter(
      ({ object }) => ![rollout.contender.hash, incumbent].includes(revisionOfObject(object)),
    ),
    autoscalers,
    isInstalled: contender.workloads.every(({ kind, name }) =>
      contenderWorkloads.some(({ seen }) => seen.kind === kind && seen.name === name),
    ),
  };
}

/** The autoscaler of a workload, if it has one. */
export function autoscalerOf({ autoscalers }: Look, { object }: LiveWorkload): KubeObject | undefined {
  return autoscalers.find((one) => scales(one, object));
}

function scales(autoscaler: KubeObject, workload: KubeObject): boolean {
  const { spec } = autoscaler;
  const target = isJsonObject(spec) && isJsonObject(spec['scaleTargetRef']) ? spec['scaleTargetRef'] : {};
  return target['kind'] === workload.kind && target['name'] === workload.metadata.name;
}

/** The stable revision; in a member that missed the run that made it stable, the oldest that is there. */
function incumbentOf(
  live: readonly LiveWorkload[],
  { contender, incumbent }: RolloutView,
): string | undefined {
  const others = live.filter(({ object }) => revisionOfObject(object) !== contender.hash);
  const stable = others.find(({ object }) => revisionOfObject(object) === incumbent?.hash);
  if (stable) return revisionOfObject(stable.object);
  const [oldest] = others.toSorted((a, b) => (createdAt(a) < createdAt(b) ? -1 : 1));
  return oldest && revisionOfObject(oldest.object);
}

function createdAt({ object }: LiveWorkload): string {
  return object.metadata.creationTimestamp ?? '';
}

function keyOf({ seen: { name, kind } }: LiveWorkload): string {
  return `${name}/${kind}`;
}
