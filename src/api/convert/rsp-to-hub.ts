import type { z } from 'zod';
import type { KindAddress } from '../federated-kinds.ts';
import type { ClusterPreference, PreferenceHub } from '../hub.ts';
import {
  legacyReplicaSchedulingPreference,
  legacyReplicaSchedulingPreferenceSchema,
} from '../scheduling.federation.k8s.io/v1alpha1/replica-scheduling-preference.ts';
import {
  replicaSchedulingPreference,
  replicaSchedulingPreferenceSchema,
} from '../scheduling.kubefed.io/v1alpha1/replica-scheduling-preference.ts';
import { openObject, withoutNulls } from './object-door.ts';
import { type Problem, problemsOf } from './problem.ts';

export type RspToHub =
  | { readonly ok: true; readonly hub: PreferenceHub }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const specSchema = replicaSchedulingPreferenceSchema.shape.spec;
const legacySpecSchema = legacyReplicaSchedulingPreferenceSchema.shape.spec;

/** Reads a ReplicaSchedulingPreference of either group, with the defaults filled in. */
export function rspToHub(object: unknown): RspToHub {
  const door = openObject(object);
  if ('problems' in door) return { ok: false, problems: door.problems };
  const { apiVersion, kind, metadata, spec } = door.opened;
  const address = [replicaSchedulingPreference.address, legacyReplicaSchedulingPreference.address].find(
    (each) => apiVersion === versionOf(each) && kind === each.kind,
  );
  if (!address) return { ok: false, problems: [unknownKind(apiVersion, kind)] };

  const schema: z.ZodType<z.infer<typeof specSchema>> =
    address === legacyReplicaSchedulingPreference.address ? legacySpecSchema : specSchema;
  const parsed = schema.safeParse(withoutNulls(spec));
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error, 'spec') };
  const {
    targetKind,
    totalReplicas,
    rebalance = false,
    intersectWithClusterSelector = false,
    clusters = {},
  } = parsed.data;
  return {
    ok: true,
    hub: {
      source: address,
      metadata,
      spec: {
        targetKind,
        totalReplicas,
        rebalance,
        intersectWithClusterSelector,
        clusters: mapValues(clusters, withDefaults),
      },
    },
  };
}

function withDefaults({
  weight = 0,
  minReplicas = 0,
  ...rest
}: Partial<ClusterPreference>): ClusterPreference {
  return { weight, minReplicas, ...rest };
}

function mapValues<T, U>(
  map: Readonly<Record<string, T>>,
  change: (value: T) => U,
): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]));
}

function versionOf({ group, version }: KindAddress): string {
  return `${group}/${version}`;
}

function unknownKind(apiVersion: string, kind: string): Problem {
  const { address } = replicaSchedulingPreference;
  return {
    field: 'apiVersion',
    message:
      `"${apiVersion}" "${kind}" is not a preference for replicas: use ${versionOf(address)} ${address.kind}, ` +
      `or, in the shape of 2019, ${versionOf(legacyReplicaSchedulingPreference.address)}`,
  };
}
