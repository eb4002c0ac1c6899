import { rolloutFieldManager, trafficLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { type Clock, HansaError, stableJson } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { ModeCall } from '../mode.ts';
import {
  chooseService,
  choosePods,
  countServing,
  type Labels,
  noSteeringAnnotations,
  type Pair,
  type PodsSeen,
  readPods,
  readSteering,
  readyEndpoints,
  type Steering,
  selectorOf,
  selects,
  sharesOf,
  steeringAnnotations,
  textOf,
} from '../plan/traffic/index.ts';
import { labelPods } from './label-pods.ts';
import { podLabelsOf } from './pod-labels-of.ts';
import { listAll, notYet, type TrafficSite, trafficSite, trafficTypes } from './member-objects.ts';
import type { TrafficGroups, TrafficRouter, TrafficShares, TrafficSide } from './router.ts';

/**
 * Kubernetes hears of pods and of Services by separate watches, so it may see the Service's new selector before the
 * labels that were written first. Half a second lets the labels arrive.
 */
const watchLagMs = 500;

/**
 * Traffic by a label on pods that the Service selects while the rollout lasts: as fine as pods are, with nothing to
 * install.
 *
 * *Caveats*: a pod that comes into being gets its label with the next look of the controller; while that is away, a
 * restarted pod has no traffic.
 */
export function createPodLabelsRouter({ clock }: { readonly clock: Clock }): TrafficRouter {
  async function set(call: ModeCall, groups: TrafficGroups, ordered: TrafficShares): Promise<void> {
    const site = trafficSite(call);
    let seen = await look(site, call, groups);
    if (!seen.steering) {
      await takeOver(site, seen, groups, clock);
      seen = await look(site, call, groups);
    }
    const { steering } = seen;
    if (!steering) throw notYet(`Service ${seen.service.metadata.name} was changed by somebody a moment ago`);
    const before = sharesOf(steering.shares, groups);
    const next = { ...before, ...ordered };
    const choice = choosePods(seen.pods.pods, next, promisedOf(seen, groups));
    if (isLower(next, before)) refuseToBreakPromise(seen, choice.wanted, groups);
    await storeShares(site, seen.service.metadata.name, steering, groups, next);
    const strangers = seen.pods.strangers.filter(({ isEnabled }) => !isEnabled).map(({ name }) => name);
    await labelPods(site, seen.podObjects, [...choice.enable, ...strangers], 'enabled');
    await labelPods(site, seen.podObjects, choice.disable, null);
  }

  return {
    prepare: (call, groups) => set(call, groups, {}),
    set,

    mend: async (call, groups) => {
      const { note } = await look(trafficSite(call), call, groups);
      if (note) await set(call, groups, {});
    },

    observe: async (call, groups) => {
      const site = trafficSite(call);
      const seen = await look(site, call, groups);
      const { service, steering, note, pods } = seen;
      const slices = await listAll(site, trafficTypes.endpointSlice, {
        labelSelector: `kubernetes.io/service-name=${service.metadata.name}`,
      });
      const endpoints = readyEndpoints(slices);
      const shares = note ? sharesOf(note.shares, groups) : undefined;
      const { wanted } = choosePods(
        pods.pods,
        shares ?? { contender: 0, incumbent: 0 },
        promisedOf(seen, groups),
      );
      const tell = (side: keyof Pair): TrafficSide => {
        const withTraffic = pods.pods.filter(
          (pod) => pod.side === side && pod.isReady && endpoints.has(pod.name),
        ).length;
        return {
          percent: shares?.[side],
          ready: steering !== undefined && withTraffic === wanted[side],
          withTraffic,
        };
      };
      return {
        contender: tell('contender'),
        incumbent: groups.incumbent === undefined ? undefined : tell('incumbent'),
        selector: seen.selector,
      };
    },

    release: async (call) => {
      const site = trafficSite(call);
      const services = await listAll(site, trafficTypes.service);
      for (const service of services) {
        if (readSteering(service)?.rollout === site.rollout) await letGo(site, service, clock);
      }
    },
  };
}

interface Seen {
  readonly service: KubeObject;
  /** What the Service selects beside our label. */
  readonly selector: Labels;
  /** Undefined unless the Service is steered by us, in full. */
  readonly steering: Steering | undefined;
  /** What we noted there, though somebody may have set the selector back. */
  readonly note: Steering | undefined;
  readonly podObjects: readonly KubeObject[];
  readonly pods: PodsSeen;
}

/** @throws HansaError where no Service can be steered; the message says what to do */
async function look(site: TrafficSite, { rollout }: ModeCall, groups: TrafficGroups): Promise<Seen> {
  const services = await listAll(site, trafficTypes.service);
  const choice = chooseService({
    services,
    named: rollout.spec.traffic?.service,
    podLabels: await podLabelsOf(site, groups),
    rollout: site.rollout,
    where: site.where,
  });
  if (choice.kind === 'none') throw new HansaError(choice.message, { reason: choice.reason });
  const { service, selector } = choice;
  const podObjects = await listAll(site, trafficTypes.pod, { labelSelector: textOf(selector) });
  const found = readSteering(service);
  const note = found?.released ? undefined : found;
  return {
    service,
    selector,
    steering: liveSelector(service)[trafficLabel] === 'enabled' ? note : undefined,
    note,
    podObjects,
    pods: readPods(podObjects, groups),
  };
}

/** Every pod that serves gets the label, then the Service asks for it: nobody loses traffic by that. */
async function takeOver(
  site: TrafficSite,
  { service, selector, note, podObjects, pods }: Seen,
  groups: TrafficGroups,
  clock: Clock,
): Promise<void> {
  const all = [...pods.pods, ...pods.strangers, ...pods.leftovers];
  await labelPods(
    site,
    podObjects,
    all.filter(({ isEnabled }) => !isEnabled).map(({ name }) => name),
    'enabled',
  );
  await clock.sleep(watchLagMs, site.signal);
  const servesAlready = pods.pods.some(({ side }) => side === 'contender');
  const steering: Steering = {
    rollout: site.rollout,
    original: { selector },
    shares: {
      [groups.contender]: servesAlready ? 100 : 0,
      ...(groups.incumbent === undefined ? {} : { [groups.incumbent]: 100 }),
      ...note?.shares,
    },
  };
  await patchService(site, service.metadata, {
    metadata: { annotations: steeringAnnotations(steering) },
    spec: { selector: { [trafficLabel]: 'enabled' } },
  });
}

async function storeShares(
  site: TrafficSite,
  name: string,
  steering: Steering,
  { contender, incumbent }: TrafficGroups,
  next: Pair,
): Promise<void> {
  const shares = {
    [contender]: next.contender,
    ...(incumbent === undefined ? {} : { [incumbent]: next.incumbent }),
  };
  if (stableJson(shares) === stableJson(steering.shares)) return;
  await patchService(
    site,
    { name },
    { metadata: { annotations: steeringAnnotations({ ...steering, shares }) } },
  );
}

/** First the selector, then the labels, then the note that tells how far it came. */
async function letGo(site: TrafficSite, service: KubeObject, clock: Clock): Promise<void> {
  const selector = selectorOf(service);
  const note = readSteering(service);
  if (note && !note.released) {
    await patchService(site, service.metadata, {
      metadata: { annotations: steeringAnnotations({ ...note, released: true }) },
      spec: { selector: { [trafficLabel]: null } },
    });
  }
  await clock.sleep(watchLagMs, site.signal);
  const labelled = selector
    ? await listAll(site, trafficTypes.pod, { labelSelector: `${textOf(selector)},${trafficLabel}` })
    : [];
  await labelPods(
    site,
    labelled,
    labelled.map(({ metadata }) => metadata.name),
    null,
  );
  await patchService(
    site,
    { name: service.metadata.name },
    { metadata: { annotations: noSteeringAnnotations } },
  );
}

/** With a resourceVersion it fails where somebody else wrote meanwhile; the next look takes that in. */
async function patchService(
  { client, namespace, signal }: TrafficSite,
  { name, resourceVersion }: { readonly name: string; readonly resourceVersion?: string },
  patch: {
    readonly metadata?: { readonly annotations: Readonly<Record<string, string | null>> };
    readonly spec?: { readonly selector: Readonly<Record<string, string | null>> };
  },
): Promise<void> {
  const metadata = { ...patch.metadata, ...(resourceVersion ? { resourceVersion } : {}) };
  await client.patch(
    trafficTypes.service,
    { namespace, name },
    { ...patch, metadata },
    { type: 'merge', fieldManager: rolloutFieldManager, signal },
  );
}

function liveSelector(service: KubeObject): Labels {
  return ((service['spec'] ?? {}) as { readonly selector?: Labels }).selector ?? {};
}

function isLower(next: Pair, before: Pair): boolean {
  return next.contender < before.contender || next.incumbent < before.incumbent;
}

function promisedOf({ selector }: Seen, { workloads = [] }: TrafficGroups): number {
  return workloads
    .filter(({ podLabels }) => selects(selector, podLabels))
    .reduce((sum, { promised }) => sum + promised, 0);
}

function refuseToBreakPromise(seen: Seen, wanted: Pair, groups: TrafficGroups): void {
  const {
    service,
    pods: { pods },
  } = seen;
  const promised = promisedOf(seen, groups);
  const serving = countServing(pods);
  const left = wanted.contender + wanted.incumbent;
  if (left >= Math.min(promised, serving.contender + serving.incumbent)) return;
  throw new HansaError(
    `that would leave ${left} ready pods behind Service ${service.metadata.name}, and ${promised} are promised: ` +
      'give the step more capacity for the side that has the traffic, or lower spec.minHealthyPercent',
    { reason: 'WaitingForTraffic', retry: { afterMs: 2_000 } },
  );
}
