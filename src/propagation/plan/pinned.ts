import type { FederatedHub } from '../../api/hub.ts';
import {
  type FederatedContent,
  federatedContent,
  noRevision,
  type Pins,
  revisionOf,
} from '../../api/rollout.hansa.dev/v1alpha1/pins.ts';
import { revisionLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { applyJsonPatch, isJsonObject, type JsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { type Rendered, type RenderInput, renderFor } from './render.ts';

/** What a rollout says of one member. */
export interface Pin {
  readonly rollout: string;
  readonly revision: string;
  /**
   * `current` where the spec is that revision; `missing` where nobody knows its content any more; `none-yet` where a
   * first rollout has not come.
   */
  readonly content: FederatedContent | 'current' | 'missing' | 'none-yet';
  readonly patches: NonNullable<Pins['patches']>;
}

/** The revision that a federated object's spec is at now. */
export function currentRevision(hub: FederatedHub): string {
  return revisionOf(federatedContent(hub));
}

/** What the pins say of a member, where nothing must be read for it. */
export function pinWithoutContent(
  pins: Pins,
  memberName: string,
  current: string,
): Omit<Pin, 'content'> & { readonly content: 'current' | 'none-yet' | undefined } {
  const revision = pinnedRevision(pins, memberName);
  const content = revision === noRevision ? 'none-yet' : revision === current ? 'current' : undefined;
  return { rollout: pins.rollout, revision, patches: pins.patches ?? [], content };
}

/** The revision that a member is pinned to; one that came after the pins gets what they say of others. */
export function pinnedRevision({ members, others }: Pins, memberName: string): string {
  return Object.hasOwn(members, memberName) ? (members[memberName] ?? others) : others;
}

/**
 * What a pinned member shall hold: the revision's template and overrides, the replicas of the spec as it is now
 * (scaling is no revision, and must not wait for one), then what the rollout holds still, then the revision's name.
 */
export function renderPinned({
  federated,
  pin,
  member,
  members,
}: RenderInput & { readonly federated: FederatedHub; readonly pin: Pin }): Rendered {
  const { content } = pin;
  const isCurrent = typeof content === 'string';
  const rendered = renderFor({
    federated: isCurrent ? federated : { ...federated, ...content },
    member,
    members,
  });
  if (!rendered.ok) return isCurrent ? rendered : ofRevision(rendered, pin.revision);
  if (isCurrent) return finish(rendered, rendered.object, pin);
  const replicas = replicasNow({ federated, member, members });
  if (!replicas.ok) return replicas.rendered;
  return finish(rendered, withReplicas(rendered.object, replicas.value), pin);
}

type Good = Extract<Rendered, { ok: true }>;

/** The replicas that the spec as it is now gives this member: those of the template, or of an override. */
function replicasNow({
  federated,
  member,
  members,
}: RenderInput):
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly rendered: Rendered } {
  const path = federated.overrideStyle === 'dotted' ? 'spec.replicas' : '/spec/replicas';
  const spec = isJsonObject(federated.template['spec']) ? federated.template['spec'] : {};
  const rendered = renderFor({
    federated: {
      ...federated,
      template: { spec: 'replicas' in spec ? { replicas: spec['replicas'] ?? null } : {} },
      // All else may not fit: it is a revision that this member does not have.
      overrides: federated.overrides.map((entry) => ({
        ...entry,
        clusterOverrides: entry.clusterOverrides.filter((change) => change.path === path),
      })),
    },
    member,
    members,
  });
  if (!rendered.ok) return { ok: false, rendered };
  return { ok: true, value: (rendered.object['spec'] as JsonObject | undefined)?.['replicas'] };
}

function withReplicas(object: KubeObject, replicas: unknown): KubeObject {
  if (replicas === undefined) return object;
  return { ...object, spec: { ...(object['spec'] as object | undefined), replicas } };
}

function finish(rendered: Good, object: KubeObject, { patches, revision }: Pin): Rendered {
  const patched = applyJsonPatch(
    object as unknown as JsonObject,
    patches.map(({ path, value }) => ({ op: 'add', path, value })),
  );
  if (!patched.ok) {
    return {
      ok: false,
      failure: {
        reason: 'ComputeResourceFailed',
        code: patched.code,
        field: 'spec.template',
        message: `the rollout must set "${patches[patched.index]?.path}" while it is under way, but ${patched.message}`,
      },
    };
  }
  const value = patched.value as unknown as KubeObject;
  const { metadata } = value;
  return {
    ...rendered,
    object: {
      ...value,
      // Who looks at the member alone can tell what it holds, and so can the rollout.
      metadata: { ...metadata, annotations: { ...metadata.annotations, [revisionLabel]: revision } },
    },
  };
}

function ofRevision(rendered: Extract<Rendered, { ok: false }>, revision: string): Rendered {
  const { failure } = rendered;
  return {
    ...rendered,
    failure: { ...failure, message: `revision ${revision}: ${failure.message}` },
  };
}
