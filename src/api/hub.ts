import type { JsonObject } from '../base/index.ts';
import type { KindAddress } from './federated-kinds.ts';
import type { FederatedStatus } from './shared/federated-status.ts';
import type { LabelSelector } from './shared/label-selector.ts';

/** Metadata as the API server sends it; the runtime's `ObjectMeta` fits. */
export interface HubMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

/** A federated object in the one shape that the engine knows, whatever group it came in. */
export interface FederatedHub {
  /** Where the object itself is served, so that status is written back there. */
  readonly source: KindAddress;
  /** What members get. */
  readonly target: KindAddress;
  readonly metadata: HubMetadata;
  /** As the user wrote it; `{}` when there is none. */
  readonly template: JsonObject;
  readonly placement: HubPlacement;
  readonly overrides: readonly HubOverride[];
  /** How the paths in `overrides` are written and applied. */
  readonly overrideStyle: 'jsonpatch' | 'dotted';
  readonly retainReplicas?: boolean;
  /** How changes go through the clusters; absent where a policy or a Rollout says so, or nobody does. */
  readonly rollout?: { readonly policy: string };
  /** What was last told; absent when nothing was, or nothing that can be read. */
  readonly status?: FederatedStatus;
}

export interface HubPlacement {
  /** Absent and empty differ: absent leaves it to the selector, empty selects none. */
  readonly clusters?: readonly { readonly name: string }[];
  readonly clusterSelector?: LabelSelector;
}

export interface HubOverride {
  readonly clusterName?: string;
  readonly clusterSelector?: LabelSelector;
  readonly clusterOverrides: readonly HubClusterOverride[];
}

export interface HubClusterOverride {
  /** Absent or empty means replace. */
  readonly op?: '' | 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

/** A ReplicaSchedulingPreference of either group. */
export interface PreferenceHub {
  readonly source: KindAddress;
  readonly metadata: HubMetadata;
  readonly spec: PreferenceSpec;
}

export interface PreferenceSpec {
  readonly targetKind: string;
  readonly totalReplicas: number;
  readonly rebalance: boolean;
  readonly intersectWithClusterSelector: boolean;
  /** By cluster name, alias or `*`. Empty means all clusters alike. */
  readonly clusters: Readonly<Record<string, ClusterPreference>>;
}

export interface ClusterPreference {
  readonly weight: number;
  readonly minReplicas: number;
  readonly maxReplicas?: number;
}
