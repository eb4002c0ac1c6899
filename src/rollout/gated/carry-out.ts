import {
  rolloutFieldManager,
  schedulingGate,
  trafficLabel,
} from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError, type Json } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import {
  hashLabels,
  leavingLabel,
  leavingSuffix,
  type PodSeen,
  type TendingStep,
  trafficReadinessGate,
  wokenAnnotation,
} from '../plan/gated/index.ts';
import { kinds } from './kinds.ts';
import type { Site } from './site.ts';

/** A rollout of hundreds of pods must not take all connections to a member. */
const parallelWrites = 8;

/** Does the steps, some at a time. What changed meanwhile is left for the next look; the first other failure is thrown. */
export async function carryOut(site: Site, steps: readonly TendingStep[], nowMs: number): Promise<void> {
  const queue = [...steps];
  const failures: unknown[] = [];
  const work = async () => {
    for (let step = queue.shift(); step; step = queue.shift()) {
      try {
        await carryOutOne(site, step, nowMs);
      } catch (error) {
        if (!(error instanceof HansaError && ['NotFound', 'Conflict'].includes(error.reason))) {
          failures.push(error);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: parallelWrites }, work));
  if (failures.length > 0) throw failures[0];
}

async function carryOutOne(site: Site, step: TendingStep, nowMs: number): Promise<void> {
  switch (step.kind) {
    case 'lift':
      return liftGate(site, step.pod, step.gateIndex);
    case 'serve':
      return giveTraffic(site, step.pod, step.withLabel, nowMs);
    case 'detach':
      return detach(site, step.pod, nowMs);
    case 'remove':
      return site.client.remove(
        kinds.pod,
        { namespace: site.namespace, name: step.pod.name },
        { signal: site.signal, body: { preconditions: { uid: step.pod.uid } } },
      );
    case 'scale':
      await site.client.patch(
        kinds.replicaSet,
        { namespace: site.namespace, name: step.set.name },
        [
          { op: 'test', path: '/spec/replicas', value: step.set.replicas },
          { op: 'replace', path: '/spec/replicas', value: step.to },
        ],
        { type: 'json', fieldManager: rolloutFieldManager, signal: site.signal },
      );
      return;
    case 'wake':
      return wake(site, step.set.name, nowMs);
  }
}

async function liftGate(site: Site, pod: PodSeen, gateIndex: number): Promise<void> {
  const path = `/spec/schedulingGates/${gateIndex}`;
  await patchPod(site, pod, [
    { op: 'test', path: `${path}/name`, value: schedulingGate },
    { op: 'remove', path },
  ]);
}

/** First the label, then the word: a pod that is Ready without its traffic would take an old one's place. */
async function giveTraffic(site: Site, pod: PodSeen, withLabel: boolean, nowMs: number): Promise<void> {
  if (withLabel && !pod.hasTraffic) {
    await patchPod(site, pod, [
      { op: 'add', path: `/metadata/labels/${escape(trafficLabel)}`, value: 'enabled' },
    ]);
  }
  if (pod.isAdmitted !== false) return;
  const condition = {
    type: trafficReadinessGate,
    status: 'True',
    reason: 'TrafficGiven',
    lastTransitionTime: new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
  };
  await site.client.apply(kinds.pod, podObject(site, pod, { status: { conditions: [condition] } }), {
    fieldManager: rolloutFieldManager,
    force: true,
    subresource: 'status',
    signal: site.signal,
  });
}

/**
 * With another pod hash its ReplicaSet lets go of it and makes a new pod, which waits behind the gate, while this one
 * serves on: Services select by the other labels.
 */
async function detach(site: Site, pod: PodSeen, nowMs: number): Promise<void> {
  const label = `/metadata/labels/${escape(hashLabels[site.kind])}`;
  await patchPod(site, pod, [
    { op: 'test', path: label, value: pod.hash ?? '' },
    { op: 'replace', path: label, value: `${pod.hash}${leavingSuffix}` },
    { op: 'add', path: `/metadata/labels/${escape(leavingLabel)}`, value: String(nowMs) },
  ]);
}

/** Gives a pod that was taken out back to its ReplicaSet. */
export async function reattach(site: Site, pod: PodSeen): Promise<void> {
  await patchPod(site, pod, [
    {
      op: 'replace',
      path: `/metadata/labels/${escape(hashLabels[site.kind])}`,
      value: (pod.hash ?? '').replace(new RegExp(`${leavingSuffix}$`), ''),
    },
    { op: 'remove', path: `/metadata/labels/${escape(leavingLabel)}` },
  ]);
}

const wakeEveryMs = 10_000;

/** Any write makes the ReplicaSet controller try at once; the same value again is no write. */
async function wake(site: Site, name: string, nowMs: number): Promise<void> {
  const value = new Date(Math.floor(nowMs / wakeEveryMs) * wakeEveryMs).toISOString();
  await site.client.patch(
    kinds.replicaSet,
    { namespace: site.namespace, name },
    { metadata: { annotations: { [wokenAnnotation]: value } } },
    { type: 'merge', fieldManager: rolloutFieldManager, signal: site.signal },
  );
}

async function patchPod(site: Site, pod: PodSeen, operations: readonly Json[]): Promise<void> {
  await site.client.patch(
    kinds.pod,
    { namespace: site.namespace, name: pod.name },
    [{ op: 'test', path: '/metadata/uid', value: pod.uid }, ...operations],
    { type: 'json', fieldManager: rolloutFieldManager, signal: site.signal },
  );
}

function podObject({ namespace }: Site, pod: PodSeen, fields: Readonly<Record<string, unknown>>): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, namespace, uid: pod.uid },
    ...fields,
  };
}

function escape(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
