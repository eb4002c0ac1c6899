import { originalAnnotation, trafficLabel } from '../../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { isJsonObject, type Json, type JsonObject, stableJson } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import type { Pair } from './divide-traffic.ts';
import type { Labels } from './selector.ts';
import { steerRules } from './steer-rules.ts';
import { sharesAnnotation } from './words.ts';

/** What a Service or HTTPRoute tells of a rollout that steers by it. */
export interface Steering {
  /** Name of the Rollout. */
  readonly rollout: string;
  /** What stood there before: a Service's selector, or a route's rules. */
  readonly original: {
    readonly selector?: Labels;
    readonly service?: string;
    readonly rules?: readonly Json[];
  };
  /** Shares last ordered: by label selector of the pods, or by Service that a route leads to. */
  readonly shares: Readonly<Record<string, number>>;
  /** It is being let go: what stood there before is back, and only this note is left to be removed. */
  readonly released?: boolean;
}

/** Undefined for an object that nobody steers by. */
export function readSteering({ metadata: { annotations = {} } }: KubeObject): Steering | undefined {
  const note = parse(annotations[originalAnnotation]);
  if (typeof note?.['rollout'] !== 'string') return undefined;
  const { rollout, released, ...original } = note;
  const shares = Object.entries(parse(annotations[sharesAnnotation]) ?? {});
  return {
    rollout,
    original: original as Steering['original'],
    shares: Object.fromEntries(
      shares.filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
    ),
    ...(released === true ? { released } : {}),
  };
}

export function steeringAnnotations({
  rollout,
  original,
  shares,
  released,
}: Steering): Readonly<Record<string, string>> {
  return {
    [originalAnnotation]: stableJson({ rollout, ...original, released }),
    [sharesAnnotation]: stableJson(shares),
  };
}

export const noSteeringAnnotations = { [originalAnnotation]: null, [sharesAnnotation]: null } as const;

/** The shares of two sides out of those stored: a new contender has none yet, and an incumbent had all. */
export function sharesOf(
  stored: Readonly<Record<string, number>>,
  { contender, incumbent }: { readonly contender: string; readonly incumbent: string | undefined },
): Pair {
  return {
    contender: stored[contender] ?? 0,
    incumbent: incumbent === undefined ? 0 : (stored[incumbent] ?? 100),
  };
}

/**
 * A Service or HTTPRoute as somebody wants it, with the steering that is in place there now. Selectors and rules are
 * written whole or not at all, so who applies them without this would take the steering away.
 */
export function keepSteering(desired: KubeObject, live: KubeObject): KubeObject {
  const steering = readSteering(live);
  const spec = desired['spec'];
  if (!steering || !isJsonObject(spec)) return desired;
  const wanted = desired.kind === 'Service' ? keepSelector(steering, spec, live) : keepRules(steering, spec);
  if (!wanted) return desired;
  return {
    ...desired,
    metadata: {
      ...desired.metadata,
      annotations: { ...desired.metadata.annotations, ...steeringAnnotations(wanted.steering) },
    },
    spec: wanted.spec,
  };
}

interface Kept {
  readonly steering: Steering;
  readonly spec: JsonObject;
}

function keepSelector(steering: Steering, spec: JsonObject, live: KubeObject): Kept | undefined {
  const { selector } = spec;
  const { selector: now } = (live['spec'] ?? {}) as { readonly selector?: Labels };
  if (!steering.original.selector || !isJsonObject(selector)) return undefined;
  const { [trafficLabel]: _, ...own } = selector as Labels;
  return {
    steering: { ...steering, original: { selector: own } },
    // Where somebody took the label out, pods without it may serve: the router puts it back, pods first.
    spec: now && trafficLabel in now ? { ...spec, selector: { ...own, [trafficLabel]: 'enabled' } } : spec,
  };
}

function keepRules(steering: Steering, spec: JsonObject): Kept | undefined {
  const { rules } = spec;
  const { service } = steering.original;
  if (service === undefined || !Array.isArray(rules)) return undefined;
  return {
    steering: { ...steering, original: { service, rules } },
    spec: steering.released ? spec : { ...spec, rules: steerRules(rules, service, steering.shares) },
  };
}

function parse(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
