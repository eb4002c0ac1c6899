import { isJsonObject, type Json } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';

/** Keys that, somewhere above a name, say what the name is of: `secretName`, `imagePullSecrets`, `configMapRef` … */
const hints: Readonly<Record<string, RegExp>> = {
  Secret: /secret|credential|certificateRef/i,
  ConfigMap: /configmap/i,
};

/**
 * Whether other objects mean a ConfigMap or Secret by its plain name: an Ingress with its certificate, a CronJob with its
 * settings. Any kind may do that, custom ones too, so the keys on the way to a name are looked at.
 */
export function isNamedElsewhere(config: KubeObject, others: readonly KubeObject[]): boolean {
  const hint = hints[config.kind];
  if (!hint) return false;
  return others.some(({ apiVersion: _, kind: __, metadata: ___, status: ____, ...rest }) =>
    names(rest as Json, config.metadata.name, hint, false),
  );
}

function names(value: Json | undefined, name: string, hint: RegExp, isHinted: boolean): boolean {
  if (typeof value === 'string') return isHinted && value === name;
  if (Array.isArray(value)) return value.some((item) => names(item, name, hint, isHinted));
  if (!isJsonObject(value)) return false;
  return Object.entries(value).some(([key, inner]) => names(inner, name, hint, isHinted || hint.test(key)));
}
