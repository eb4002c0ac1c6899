import { randomUUID } from 'node:crypto';
import { silentLogger } from '../../src/base/index.ts';
import { type ApiClient, type KubeObject, systemClock } from '../../src/kube/index.ts';
import type { Member } from '../../src/members/index.ts';
import type { ModeCall, Revision, RolloutMode, RolloutView } from '../../src/rollout/mode.ts';
import { nextStage, nextStageBack } from '../../src/rollout/plan/steps/index.ts';
import type { MemberObserved, Numbers } from '../../src/rollout/plan/steps/types.ts';
import { createSideBySideMode } from '../../src/rollout/side-by-side/index.ts';
import { memberTypes } from './gated.ts';
import { rolloutView } from './rollout-view.ts';

export type Seen = Extract<MemberObserved, { kind: 'seen' }>;

export const sideTypes = {
  ...memberTypes,
  Secret: { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true },
  Autoscaler: {
    group: 'autoscaling',
    version: 'v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    namespaced: true,
  },
  HTTPRoute: {
    group: 'gateway.networking.k8s.io',
    version: 'v1',
    kind: 'HTTPRoute',
    plural: 'httproutes',
    namespaced: true,
  },
  Definition: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    namespaced: false,
  },
} as const;

export interface SideOptions {
  readonly client: ApiClient;
  readonly traffic?: RolloutView['spec']['traffic'];
  readonly isSteered?: boolean;
  readonly minHealthyPercent?: number;
}

/** A Deployment of so many replicas, as somebody would write it. */
export function deployment(
  name: string,
  image: string,
  { replicas = 10, podSpec = {} }: { readonly replicas?: number | undefined; readonly podSpec?: object } = {},
): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image }], ...podSpec },
      },
    },
  };
}

export function service(name: string, port = 80): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ name: 'http', port, targetPort: 8080 }] },
  };
}

/**
 * One SideBySide rollout in one member, driven as the controller does: tend, observe, decide, act. Each turn uses a mode
 * made anew, so nothing may live in memory.
 */
export function startSideLife(options: SideOptions) {
  const namespace = `shop-${randomUUID().slice(0, 6)}`;
  const signal = new AbortController().signal;
  let client = options.client;
  let number = 0;
  let stable: Revision | undefined;
  let contender: Revision | undefined;
  let lastDecision = '';

  const mode = (): RolloutMode => createSideBySideMode({ clock: systemClock, logger: silentLogger });
  const call = (): ModeCall => {
    const newest = contender ?? stable;
    if (!newest) throw new Error('nothing is rolled out yet');
    const view = rolloutView({ name: 'web', namespace });
    const shares = { contender: 100, incumbent: 0 };
    return {
      rollout: {
        ...view,
        spec: {
          source: { manifests: [{}] },
          placement: { clusterSelector: {} },
          ...(options.traffic ? { traffic: options.traffic } : {}),
        },
        plan: {
          ...view.plan,
          minHealthyPercent: options.minHealthyPercent ?? 100,
          steps: [
            {
              name: 'full',
              capacity: shares,
              ...(options.isSteered === false ? {} : { traffic: shares }),
              pause: undefined,
              gates: [],
            },
          ],
        },
        contender: newest,
        incumbent: contender ? stable : undefined,
        isDone: !contender,
        target: undefined,
      },
      member: { name: 'm1', client } as unknown as Member,
      signal,
    };
  };

  async function observe(): Promise<Seen> {
    const seen = await mode().observe(call());
    if (seen.kind !== 'seen') throw new Error(seen.message);
    return seen;
  }

  /** One turn of the controller; true once there is nothing left to do. */
  async function turn(order: { readonly go: Numbers } | 'revert' | 'hold'): Promise<boolean> {
    try {
      await mode().tend?.(call());
      const seen = await observe();
      if (order === 'hold') return true;
      const settings = {
        revision: call().rollout.contender.hash,
        ignoreIncumbentHealth: false,
        minHealthyPercent: options.minHealthyPercent ?? 100,
      };
      const decision =
        order === 'revert' || seen.leftovers
          ? nextStageBack(seen, settings)
          : nextStage(order.go, seen, settings);
      lastDecision = JSON.stringify({ decision, seen });
      switch (decision.kind) {
        case 'install':
          await mode().install(call());
          return false;
        case 'set':
          await mode().set(call(), decision);
          return false;
        case 'wait':
          return false;
        case 'reached':
          if (!seen.leftovers) return true;
          await mode().putBack(call());
          return false;
      }
    } catch (error) {
      // As the controller does: said in the status, and tried again.
      lastDecision += ` ${String(error)}`;
      return false;
    }
  }

  async function drive(order: Parameters<typeof turn>[0], limitMs = 40_000): Promise<void> {
    const end = performance.now() + limitMs;
    while (!(await turn(order))) {
      if (performance.now() > end) throw new Error(`not reached: ${lastDecision}`);
      await systemClock.sleep(50);
    }
  }

  async function repeat(act: () => Promise<void>, limitMs = 20_000): Promise<void> {
    const end = performance.now() + limitMs;
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (performance.now() > end) throw new Error(`not done: ${String(error)}`, { cause: error });
        await systemClock.sleep(50);
      }
    }
  }

  const list = async (
    kind: keyof typeof sideTypes,
    labelSelector?: string,
  ): Promise<readonly KubeObject[]> => {
    const found: KubeObject[] = [];
    for await (const page of options.client.list(sideTypes[kind], { namespace, labelSelector })) {
      found.push(...page.items);
    }
    return found.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };

  const addresses = async (name = 'web'): Promise<readonly string[]> => {
    const pods = new Set<string>();
    for (const slice of await list('EndpointSlice', `kubernetes.io/service-name=${name}`)) {
      for (const { conditions, targetRef } of (slice['endpoints'] ?? []) as readonly {
        conditions?: { ready?: boolean };
        targetRef?: { name: string };
      }[]) {
        if (conditions?.ready && targetRef) pods.add(targetRef.name);
      }
    }
    return [...pods];
  };

  return {
    namespace,
    mode,
    call,
    observe,
    turn,
    list,
    addresses,
    /** What the controller reaches the member by; the test itself goes on with the real one. */
    reachBy: (other: ApiClient) => {
      client = other;
    },
    get: (kind: keyof typeof sideTypes, name: string) =>
      options.client.get(sideTypes[kind], { namespace, name }),
    names: async (kind: keyof typeof sideTypes) =>
      (await list(kind)).map(({ metadata }) => metadata.name).sort(),
    lastDecision: () => lastDecision,
    /** Somebody wants a new revision. */
    want: (hash: string, ...objects: readonly KubeObject[]) => {
      number += 1;
      contender = { hash, number, content: { kind: 'objects', objects } };
    },
    go: (capacity: Numbers['capacity'], traffic?: Numbers['capacity'], limitMs?: number) =>
      drive({ go: { capacity, ...(traffic ? { traffic } : {}) } }, limitMs),
    /** Capacity and traffic alike. */
    share: (percent: number) => {
      const shares = { contender: percent, incumbent: 100 - percent };
      return drive({
        go: { capacity: shares, ...(options.isSteered === false ? {} : { traffic: shares }) },
      });
    },
    finish: async () => {
      await repeat(async () => {
        await mode().tend?.(call());
        await mode().finish(call());
      });
      stable = contender;
      contender = undefined;
    },
    revert: async () => {
      await drive('revert');
      await repeat(async () => {
        await mode().tend?.(call());
        await mode().putBack(call());
      });
      contender = undefined;
    },
    leave: () => mode().leave(call()),
    /** Turns without an order, as in a pause. */
    hold: async (turns = 3) => {
      for (let index = 0; index < turns; index += 1) await turn('hold');
    },
    /** Ready endpoints of the Service, by revision. */
    serving: async (name = 'web') => {
      const pods = await addresses(name);
      const counts: Record<string, number> = {};
      for (const pod of pods) {
        const revision = pod.replace(`${name}-`, '').split('-')[0] ?? '';
        counts[revision] = (counts[revision] ?? 0) + 1;
      }
      return counts;
    },
  };
}

export type SideLife = ReturnType<typeof startSideLife>;

const writeVerbs = ['apply', 'patch', 'create', 'replace', 'remove'] as const;

/** A client that counts writes, and can be made to fail right after each of them, as if the controller were killed there. */
export function watchedClient(client: ApiClient) {
  const writes: string[] = [];
  let isDeadly = false;
  const watched = new Proxy(client, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      if (!(writeVerbs as readonly unknown[]).includes(key)) return value.bind(target);
      return async (...parts: readonly unknown[]): Promise<unknown> => {
        const answer: unknown = await Reflect.apply(value, target, [...parts]);
        const isTrial = parts.some((part) => (part as { dryRun?: boolean } | undefined)?.dryRun === true);
        if (isTrial) return answer;
        const [type, object] = parts as [{ kind: string }, { name?: string; metadata?: { name: string } }];
        writes.push(`${String(key)} ${type.kind} ${object.metadata?.name ?? object.name ?? ''}`);
        if (isDeadly) throw new Error('killed');
        return answer;
      };
    },
  });
  return {
    client: watched,
    writes,
    killAfterEachWrite: (value: boolean) => {
      isDeadly = value;
    },
  };
}
