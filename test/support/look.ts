import { expect, vi } from 'vitest';
import type { KubeObject } from '../../src/kube/index.ts';
import { find, hansaNamespace, types, type World } from './world.ts';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface ClusterEntry {
  readonly name: string;
  readonly status?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly replicas?: number;
  readonly readyReplicas?: number;
}

export interface FederatedStatus {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly clusters: readonly ClusterEntry[];
  readonly summary: { readonly text: string };
}

/** Tries until the check holds; faults need longer than work that goes well. */
export function until<T>(check: () => T | Promise<T>, timeoutMs = 20_000): Promise<T> {
  return vi.waitFor(check, { timeout: timeoutMs, interval: 50 });
}

/** Ways to look at one world, and to change what it is told. */
export function looksAt(world: () => World) {
  const typeOfKind = (kind: string) => types[kind] as NonNullable<(typeof types)[string]>;
  return {
    inMember: (member: string, kind: string, name: string, namespace?: string) =>
      find<{ readonly spec: Record<string, unknown>; readonly data: Record<string, string> }>(
        world().member(member).client,
        typeOfKind(kind),
        { name, namespace },
      ),

    /** The status, once it speaks of the latest generation. */
    statusOf: (kind: string, name: string, namespace: string): Promise<FederatedStatus> =>
      until(async () => {
        const object = await world().get<{ status: FederatedStatus }>(kind, name, namespace);
        expect(object?.status?.observedGeneration).toBe(object?.metadata.generation);
        expect(object).toBeDefined();
        return (object as { status: FederatedStatus }).status;
      }),

    clusterConditions: async (name: string): Promise<readonly Condition[]> => {
      const cluster = await world().get<{ status?: { conditions?: readonly Condition[] } }>(
        'KubeFedCluster',
        name,
        hansaNamespace,
      );
      return cluster?.status?.conditions ?? [];
    },

    edit: (kind: string, name: string, namespace: string, change: object): Promise<KubeObject> =>
      world().host.client.patch(typeOfKind(kind), { name, namespace }, change as never, { type: 'merge' }),
  };
}
