import { parseQuantity } from '../../../base/index.ts';

/** Thousandths of a cpu and of a byte. */
export interface Resources {
  readonly cpu: bigint;
  readonly memory: bigint;
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}

/** What a pod needs of a node, as far as the room gate looks at it. */
export interface PodNeeds extends Resources {
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
}

interface Container {
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Requests; readonly limits?: Requests };
}

type Requests = Readonly<Record<string, string | number>>;

export interface PodSpec {
  readonly nodeName?: string;
  readonly schedulingGates?: readonly unknown[];
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly overhead?: Requests;
  readonly resources?: { readonly requests?: Requests; readonly limits?: Requests };
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly Toleration[];
}

export const noResources: Resources = { cpu: 0n, memory: 0n };

/**
 * What the scheduler counts for a pod: its containers and sidecars together, or a larger init container beside the
 * sidecars that started before it; requests of the pod as a whole win; the overhead of its runtime comes on top.
 */
export function needsOf(spec: PodSpec): PodNeeds {
  let sidecars = noResources;
  let starting = noResources;
  for (const container of spec.initContainers ?? []) {
    const own = requestsOf(container.resources);
    if (container.restartPolicy === 'Always') sidecars = add(sidecars, own);
    starting = larger(starting, container.restartPolicy === 'Always' ? sidecars : add(sidecars, own));
  }
  const running = (spec.containers ?? []).map(({ resources }) => requestsOf(resources)).reduce(add, sidecars);
  const whole = spec.resources?.requests ?? spec.resources?.limits ?? {};
  const counted = larger(running, starting);
  return {
    ...add(
      {
        cpu: whole.cpu === undefined ? counted.cpu : amountOf(whole.cpu),
        memory: whole.memory === undefined ? counted.memory : amountOf(whole.memory),
      },
      resourcesOf(spec.overhead),
    ),
    nodeSelector: spec.nodeSelector ?? {},
    tolerations: spec.tolerations ?? [],
  };
}

/** A limit without a request is the request: the API server fills it in, but a manifest does not have it yet. */
function requestsOf(resources: Container['resources']): Resources {
  return resourcesOf({ ...resources?.limits, ...resources?.requests });
}

export function resourcesOf(amounts: Requests | undefined): Resources {
  return { cpu: amountOf(amounts?.cpu), memory: amountOf(amounts?.memory) };
}

/** What can't be read counts as nothing: the API server refuses it anyway. */
function amountOf(quantity: string | number | undefined): bigint {
  const parsed = quantity === undefined ? undefined : parseQuantity(quantity);
  return parsed?.ok ? parsed.milli : 0n;
}

export function add(left: Resources, right: Resources): Resources {
  return { cpu: left.cpu + right.cpu, memory: left.memory + right.memory };
}

function larger(left: Resources, right: Resources): Resources {
  return {
    cpu: left.cpu > right.cpu ? left.cpu : right.cpu,
    memory: left.memory > right.memory ? left.memory : right.memory,
  };
}
