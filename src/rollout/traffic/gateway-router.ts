import { rolloutFieldManager } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import {
  HansaError,
  hashOf,
  isJsonObject,
  type Json,
  type JsonObject,
  stableJson,
} from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { ModeCall } from '../mode.ts';
import { isCovered } from '../plan/is-covered.ts';
import {
  chooseService,
  countRulesTo,
  judgeRoute,
  type Labels,
  noSteeringAnnotations,
  type Pair,
  readSteering,
  readyEndpoints,
  type Steering,
  sharesOf,
  steeringAnnotations,
  steerRules,
  textOf,
} from '../plan/traffic/index.ts';
import { backendService, ensureBackend, listBackends } from './backend-services.ts';
import {
  listAll,
  notYet,
  type TrafficSite,
  trafficSite,
  trafficTypes,
  unlessGone,
} from './member-objects.ts';
import { podLabelsOf } from './pod-labels-of.ts';
import type { TrafficGroups, TrafficRouter, TrafficShares, TrafficSide } from './router.ts';

/**
 * Traffic by the weights of an HTTPRoute: as fine as percents are, whatever the number of pods. The route leads to one
 * Service for each revision instead of to the ordinary one.
 *
 * *Assumes*: clients come through the gateway; those that call the ordinary Service reach all pods.
 * *Caveats*: a set of both weights is one write, so gateways see either the old or the new ones.
 */
export function createGatewayRouter(): TrafficRouter {
  async function set(call: ModeCall, groups: TrafficGroups, ordered: TrafficShares): Promise<void> {
    const site = trafficSite(call);
    const seen = await look(site, call, groups);
    const names = backendsOf(seen, groups);
    await ensureBackends(site, seen, groups);
    const before = sharesOf(seen.steering?.shares ?? {}, names);
    const next = { ...before, ...ordered };
    for (const side of ['contender', 'incumbent'] as const) {
      const isNew = !seen.steering || next[side] > before[side];
      if (isNew && next[side] > 0) await needEndpoints(site, seen, groups, side);
    }
    const shares = {
      [names.contender]: next.contender,
      ...(names.incumbent === undefined ? {} : { [names.incumbent]: next.incumbent }),
    };
    await steer(site, seen, { rollout: site.rollout, original: originalOf(seen), shares });
  }

  return {
    prepare: (call, groups) => set(call, groups, {}),
    set,

    mend: async (call, groups) => {
      const { steering } = await look(trafficSite(call), call, groups);
      if (steering) await set(call, groups, {});
    },

    observe: async (call, groups) => {
      const site = trafficSite(call);
      const seen = await look(site, call, groups);
      const names = backendsOf(seen, groups);
      const verdict = judgeRoute(seen.route);
      if (seen.steering && verdict.kind === 'refused') {
        throw new HansaError(
          `the gateway refuses HTTPRoute ${seen.route.metadata.name} in ${site.where}: ${verdict.message}`,
          { reason: 'WaitingForTraffic' },
        );
      }
      const shares = seen.steering ? sharesOf(seen.steering.shares, names) : undefined;
      const isAsOrdered =
        seen.steering !== undefined &&
        isCovered(steeredRules(seen.steering), rulesOf(seen.route)) &&
        verdict.kind === 'accepted';
      const tell = async (side: keyof Pair, name: string): Promise<TrafficSide> => {
        const percent = shares?.[side];
        const serves = percent === undefined || percent === 0 || (await endpointsOf(site, name)).size > 0;
        return { percent, ready: isAsOrdered && serves, withTraffic: percent ?? 0 };
      };
      return {
        contender: await tell('contender', names.contender),
        incumbent: names.incumbent === undefined ? undefined : await tell('incumbent', names.incumbent),
      };
    },

    release: async (call) => {
      const site = trafficSite(call);
      for (const route of await listRoutes(site)) {
        if (readSteering(route)?.rollout === site.rollout) await letGo(site, route);
      }
      for (const { metadata } of await listBackends(site)) {
        const ref = { namespace: site.namespace, name: metadata.name };
        await unlessGone(site.client.remove(trafficTypes.service, ref, { signal: site.signal }));
      }
    },
  };
}

interface Seen {
  readonly service: KubeObject;
  readonly selector: Labels;
  readonly route: KubeObject;
  /** Undefined unless the route is steered by us. */
  readonly steering: Steering | undefined;
}

/** @throws HansaError where there is no Service or no route to steer; the message says what to do */
async function look(site: TrafficSite, { rollout }: ModeCall, groups: TrafficGroups): Promise<Seen> {
  const { traffic } = rollout.spec;
  const services = await listAll(site, trafficTypes.service);
  const own = new Set((await listBackends(site, services)).map(({ metadata }) => metadata.name));
  const choice = chooseService({
    services: services.filter(({ metadata }) => !own.has(metadata.name)),
    named: traffic?.service,
    podLabels: await podLabelsOf(site, groups),
    rollout: site.rollout,
    where: site.where,
  });
  if (choice.kind === 'none') throw new HansaError(choice.message, { reason: choice.reason });
  const { service, selector } = choice;
  const route = chooseRoute(site, await listRoutes(site), service.metadata.name, traffic?.httpRoute);
  const steering = readSteering(route);
  return { service, selector, route, steering: steering?.released ? undefined : steering };
}

function chooseRoute(
  { rollout, where }: TrafficSite,
  routes: readonly KubeObject[],
  service: string,
  named: string | undefined,
): KubeObject {
  const leads = (route: KubeObject) =>
    countRulesTo(readSteering(route)?.original.rules ?? rulesOf(route), service) > 0;
  const fitting = routes.filter((route) =>
    named === undefined ? leads(route) : route.metadata.name === named,
  );
  const [route, ...others] = fitting;
  if (!route) {
    throw new HansaError(
      named === undefined
        ? `no HTTPRoute in ${where} leads to Service ${service}: create one, or set spec.traffic.provider to PodLabels`
        : `there is no HTTPRoute ${named} in ${where}: create it, or set spec.traffic.httpRoute to one that exists`,
      { reason: 'SourceNotFound' },
    );
  }
  if (others.length > 0) {
    const names = fitting.map(({ metadata }) => metadata.name).sort();
    throw new HansaError(
      `the HTTPRoutes ${names.join(', ')} in ${where} all lead to Service ${service}: set spec.traffic.httpRoute to the one that is steered`,
      { reason: 'InvalidSpec' },
    );
  }
  const steering = readSteering(route);
  if (steering && steering.rollout !== rollout) {
    throw new HansaError(
      `HTTPRoute ${route.metadata.name} is steered by rollout ${steering.rollout} already: wait until that is over, or set spec.traffic.httpRoute to another`,
      { reason: 'InvalidSpec' },
    );
  }
  if (!leads(route)) {
    throw new HansaError(
      `no rule of HTTPRoute ${route.metadata.name} in ${where} leads to Service ${service}: add a backendRef to it, or set spec.traffic.service to the Service it leads to`,
      { reason: 'InvalidSpec' },
    );
  }
  return route;
}

async function listRoutes(site: TrafficSite): Promise<readonly KubeObject[]> {
  try {
    return await listAll(site, trafficTypes.httpRoute);
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'KindNotServed') throw error;
    // No kind, no routes: who needs one is told so, and a release has nothing to put back.
    return [];
  }
}

function backendsOf(
  { service }: Seen,
  { contender, incumbent }: TrafficGroups,
): { readonly contender: string; readonly incumbent: string | undefined } {
  const name = (selector: string) => `${service.metadata.name.slice(0, 54)}-${hashOf(selector).slice(0, 8)}`;
  return {
    contender: name(contender),
    incumbent: incumbent === undefined ? undefined : name(incumbent),
  };
}

async function ensureBackends(site: TrafficSite, seen: Seen, groups: TrafficGroups): Promise<void> {
  const names = backendsOf(seen, groups);
  const sides = [
    [names.contender, groups.contender],
    [names.incumbent, groups.incumbent],
  ] as const;
  for (const [name, selector] of sides) {
    if (name === undefined || selector === undefined) continue;
    await ensureBackend(site, backendService(site, seen.service, { name, selector, base: seen.selector }));
  }
}

/** A gateway answers with errors for a Service without endpoints, so none gets weight before it has some. */
async function needEndpoints(
  site: TrafficSite,
  seen: Seen,
  groups: TrafficGroups,
  side: keyof Pair,
): Promise<void> {
  const name = backendsOf(seen, groups)[side];
  const selector = groups[side];
  if (name === undefined || selector === undefined) return;
  const endpoints = await endpointsOf(site, name);
  const pods = await listAll(site, trafficTypes.pod, {
    labelSelector: `${textOf(seen.selector)},${selector}`,
  });
  // No ready pods at all are no reason to wait here: the ordinary Service has no more of them.
  const missing = pods.filter((pod) => isServing(pod) && !endpoints.has(pod.metadata.name)).length;
  if (missing > 0) throw notYet(`${missing} ready pods are not behind Service ${name} of ${site.where} yet`);
}

async function endpointsOf(site: TrafficSite, service: string): Promise<ReadonlySet<string>> {
  return readyEndpoints(
    await listAll(site, trafficTypes.endpointSlice, {
      labelSelector: `kubernetes.io/service-name=${service}`,
    }),
  );
}

function isServing({ metadata, status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return (
    metadata.deletionTimestamp === undefined &&
    conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True')
  );
}

/** Somebody who applies their file again sets the rules back, perhaps to new ones: those are the original then. */
function originalOf({ service, route, steering }: Seen): Steering['original'] {
  const { name } = service.metadata;
  const rules = rulesOf(route);
  if (!steering?.original.rules || countRulesTo(rules, name) > 0) return { service: name, rules };
  return steering.original;
}

async function steer(site: TrafficSite, { route, steering }: Seen, next: Steering): Promise<void> {
  const rules = steeredRules(next);
  const isThere = stableJson(steering) === stableJson(next) && isCovered(rules, rulesOf(route));
  if (isThere) return;
  await patchRoute(site, route, {
    metadata: { annotations: steeringAnnotations(next) },
    spec: { rules },
  });
}

function steeredRules({ original, shares }: Steering): readonly Json[] {
  return steerRules(original.rules ?? [], original.service ?? '', shares);
}

/** First the rules; once a gateway has taken them in, the note and the Services go. */
async function letGo(site: TrafficSite, route: KubeObject): Promise<void> {
  const steering = readSteering(route);
  let current = route;
  if (steering && !steering.released) {
    const { rules } = steering.original;
    current = await patchRoute(site, route, {
      metadata: { annotations: steeringAnnotations({ ...steering, released: true }) },
      ...(rules && isStillSteered(route, steering) ? { spec: { rules } } : {}),
    });
  }
  if (judgeRoute(current).kind === 'waiting') {
    throw notYet(
      `the gateway has not taken in the rules of HTTPRoute ${route.metadata.name} of ${site.where} yet`,
    );
  }
  await patchRoute(site, current, { metadata: { annotations: noSteeringAnnotations } });
}

/** Rules that lead to none of our Services are somebody's own, and stay. */
function isStillSteered(route: KubeObject, { shares }: Steering): boolean {
  return Object.keys(shares).some((backend) => countRulesTo(rulesOf(route), backend) > 0);
}

function patchRoute(
  { client, namespace, signal }: TrafficSite,
  { metadata: { name, resourceVersion } }: KubeObject,
  patch: {
    readonly metadata?: { readonly annotations: Readonly<Record<string, string | null>> };
    readonly spec?: { readonly rules: readonly Json[] };
  },
): Promise<KubeObject> {
  const body: JsonObject = {
    ...(patch.spec ? { spec: { rules: patch.spec.rules } } : {}),
    metadata: { ...patch.metadata, ...(resourceVersion ? { resourceVersion } : {}) },
  };
  return client.patch(trafficTypes.httpRoute, { namespace, name }, body, {
    type: 'merge',
    fieldManager: rolloutFieldManager,
    signal,
  });
}

function rulesOf(route: KubeObject): readonly Json[] {
  const { spec } = route;
  return isJsonObject(spec) && Array.isArray(spec['rules']) ? spec['rules'] : [];
}
