import type { FederatedHub } from '../../api/hub.ts';
import { managedLabel } from '../../api/names.ts';
import { isJsonObject, type JsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { Member } from '../../scheduling/index.ts';
import { applyOverrides } from './overrides.ts';

export type Rendered =
  | { readonly ok: true; readonly object: KubeObject; readonly warnings: readonly string[] }
  | {
      readonly ok: false;
      readonly failure: {
        readonly reason: 'ComputeResourceFailed' | 'ApplyOverridesFailed';
        /** For programs, such as `duplicate-cluster`. */
        readonly code: string;
        readonly field: string;
        readonly message: string;
      };
    };

export interface RenderInput {
  readonly federated: Pick<FederatedHub, 'target' | 'metadata' | 'template' | 'overrides' | 'overrideStyle'>;
  readonly member: Member;
  /** All members, to tell whom a name or alias in the overrides means. */
  readonly members: readonly Member[];
}

/** The server sets these; in a template they are left over from `kubectl get -o yaml`. */
const serverSet = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
  'generateName',
] as const;

/** What one member shall hold: template, then overrides, then the name and the label that make it ours. */
export function renderFor({ federated, member, members }: RenderInput): Rendered {
  const { target, metadata, template, overrides, overrideStyle } = federated;
  const warnings: string[] = [];
  if (template['kind'] !== undefined && template['kind'] !== target.kind) {
    return {
      ok: false,
      failure: {
        reason: 'ComputeResourceFailed',
        code: 'wrong-kind',
        field: 'spec.template.kind',
        message: `must be ${target.kind}, or be left out`,
      },
    };
  }
  const identity = {
    name: metadata.name,
    ...(target.namespaced && metadata.namespace !== undefined ? { namespace: metadata.namespace } : {}),
  };
  const { status: _, ...rest } = template;
  const base: JsonObject = {
    ...rest,
    apiVersion:
      template['apiVersion'] ?? (target.group ? `${target.group}/${target.version}` : target.version),
    kind: target.kind,
    metadata: { ...cleanMetadata(template['metadata'], warnings), ...identity },
  };
  const overridden = applyOverrides(base, overrides, member, members, overrideStyle);
  if (!overridden.ok) {
    const { code, field, message } = overridden.failure;
    return { ok: false, failure: { reason: 'ApplyOverridesFailed', code, field, message } };
  }
  return finish(overridden.value, identity, warnings);
}

function finish(
  value: JsonObject,
  identity: { readonly name: string; readonly namespace?: string },
  warnings: readonly string[],
): Rendered {
  const metadata = isJsonObject(value['metadata']) ? value['metadata'] : {};
  const labels = isJsonObject(metadata['labels']) ? metadata['labels'] : {};
  if (typeof value['apiVersion'] !== 'string' || typeof value['kind'] !== 'string') {
    return {
      ok: false,
      failure: {
        reason: 'ApplyOverridesFailed',
        code: 'no-kind',
        field: 'spec.overrides',
        message:
          'after the overrides there is no apiVersion or kind: an override must not replace the whole object',
      },
    };
  }
  return {
    ok: true,
    warnings,
    object: {
      ...value,
      apiVersion: value['apiVersion'],
      kind: value['kind'],
      // Once more after the overrides: one that replaces all of /metadata must not rename the object.
      metadata: { ...metadata, ...identity, labels: { ...labels, [managedLabel]: 'true' } },
    } as unknown as KubeObject,
  };
}

function cleanMetadata(metadata: unknown, warnings: string[]): JsonObject {
  if (!isJsonObject(metadata)) return {};
  const kept: Record<string, JsonObject[string]> = { ...metadata };
  for (const field of serverSet) delete kept[field];
  for (const field of ['finalizers', 'ownerReferences']) {
    if (kept[field] === undefined) continue;
    warnings.push(
      `spec.template.metadata.${field} is left out: it means something only in the cluster it comes from`,
    );
    delete kept[field];
  }
  return kept;
}
