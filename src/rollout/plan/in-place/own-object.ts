import { revisionLabel, rolloutLabel } from '../../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { hashOf } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';

/** Values of labels end at 63 characters; names of rollouts may be longer. */
const labelMax = 63;

/** What the label of a rollout's objects says: its name, or the start of it and a hash. */
export function rolloutLabelValue(rollout: string): string {
  if (rollout.length <= labelMax) return rollout;
  return `${rollout.slice(0, labelMax - 9).replace(/[^a-z0-9]+$/i, '')}-${hashOf(rollout).slice(0, 8)}`;
}

/** A rendered object as it goes to a member: with its namespace, and marked with rollout and revision. */
export function ownObject(
  object: KubeObject,
  owner: { readonly rollout: string; readonly revision: string; readonly namespace: string | undefined },
): KubeObject {
  const { metadata } = object;
  const namespace = owner.namespace === undefined ? undefined : (metadata.namespace ?? owner.namespace);
  const { namespace: _, ...rest } = metadata;
  return {
    ...withoutStatus(object),
    metadata: {
      ...rest,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...metadata.labels, [rolloutLabel]: rolloutLabelValue(owner.rollout) },
      annotations: { ...metadata.annotations, [revisionLabel]: owner.revision },
    },
  };
}

/** Carries the mark of this rollout: only such objects are ever taken away. */
export function isOwn({ metadata }: KubeObject, rollout: string): boolean {
  return metadata.labels?.[rolloutLabel] === rolloutLabelValue(rollout);
}

export function revisionOn({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[revisionLabel];
}

/** Names an object among those of a rollout, whatever the version it is written in. */
export function identityOf({ apiVersion, kind, metadata }: KubeObject, namespace: string): string {
  const slash = apiVersion.indexOf('/');
  return `${slash < 0 ? '' : apiVersion.slice(0, slash)}/${kind}/${metadata.namespace ?? namespace}/${metadata.name}`;
}

function withoutStatus(object: KubeObject): KubeObject {
  const { status: _, ...rest } = object;
  return rest as KubeObject;
}
