import { federatedContent, revisionOf } from '../../api/rollout.hansa.dev/v1alpha1/pins.ts';
import type { FederatedHub } from '../../api/hub.ts';
import type { RolloutSpec } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { JsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { Revision, RolloutView } from '../mode.ts';
import type { FleetRevision } from '../plan/controller/index.ts';
import type { FederatedEntry } from './federated-objects.ts';

/** What a Rollout's source says now. */
export type Source =
  | {
      readonly kind: 'objects';
      readonly revision: string;
      /** Asked for once, when the revision is put on record. */
      readonly objects: () => Promise<readonly KubeObject[]>;
    }
  | {
      readonly kind: 'federated';
      readonly revision: string;
      readonly entry: FederatedEntry;
      readonly hub: FederatedHub;
      readonly generation: number;
      readonly selected: readonly string[];
    }
  | { readonly kind: 'workload'; readonly revision: string; readonly fleet: FleetRevision };

export type Target = RolloutView['target'];

/** What goes into a RolloutRevision. */
export async function recordedContent(source: Source): Promise<JsonObject> {
  switch (source.kind) {
    case 'objects':
      return { objects: (await source.objects()) as unknown as JsonObject[] };
    case 'federated':
      return federatedContent(source.hub) as unknown as JsonObject;
    case 'workload':
      return { workloads: source.fleet.workloads };
  }
}

/** The name of a revision of objects: of the manifests themselves, or of what a chart was asked for. */
export function objectsRevision({ manifests, helm }: RolloutSpec['source']): string {
  // A chart is rendered once for each wish: one that draws random words, or whose repository is lost, changes nothing.
  return revisionOf(helm ? { helm } : { objects: manifests ?? [] });
}

/** What a record holds, in the shape that executors take. */
export function contentOf(kind: Source['kind'], content: JsonObject | undefined): Revision['content'] {
  switch (kind) {
    case 'federated':
      return { kind: 'federated' };
    case 'workload':
      return { kind: 'workload' };
    case 'objects':
      return { kind: 'objects', objects: objectsIn(content) };
  }
}

export function objectsIn(content: JsonObject | undefined): readonly KubeObject[] {
  const objects = content?.['objects'];
  return Array.isArray(objects) ? (objects as unknown as readonly KubeObject[]) : [];
}

/** Kinds that have pods, those that are usually meant first. */
const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob'];

/** What is shown, and asked about: the main workload, else the first object. */
export function targetOf({ source }: RolloutSpec, found: Source, objects: readonly KubeObject[]): Target {
  switch (found.kind) {
    case 'federated': {
      const { group, version, kind } = found.hub.target;
      return { apiVersion: group ? `${group}/${version}` : version, kind, name: found.entry.name };
    }
    case 'workload': {
      const { apiVersion = 'apps/v1', kind = '', name = '' } = source.workloadRef ?? {};
      return { apiVersion, kind, name };
    }
    case 'objects': {
      const main = objects.toSorted((a, b) => rankOf(a) - rankOf(b))[0];
      return main ? { apiVersion: main.apiVersion, kind: main.kind, name: main.metadata.name } : undefined;
    }
  }
}

function rankOf({ kind }: KubeObject): number {
  const rank = workloadKinds.indexOf(kind);
  return rank < 0 ? workloadKinds.length : rank;
}
