import { HansaError, isJsonObject, type JsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';

/**
 * An object as somebody wrote it: without status, and without what only servers write. A Secret's stringData becomes
 * data, which is what a server gives back.
 * @throws HansaError InvalidSpec where it can't belong to this rollout
 */
export function tidyObject(object: KubeObject, namespace: string): KubeObject {
  const { status: _, metadata, stringData, ...rest } = object;
  const { name, labels, annotations, namespace: own } = metadata;
  const what = `${object.kind} ${name ?? '(without a name)'}`;
  if (!name) throw refusal(`${what}: give it a metadata.name, so that it can be found again`);
  if (object.kind === 'Namespace') {
    if (name !== namespace) {
      throw refusal(
        `${what}: a rollout writes to its own namespace ${namespace} only; make others by themselves`,
      );
    }
  } else if (own !== undefined && own !== namespace) {
    throw refusal(
      `${what} is for namespace ${own}: a rollout writes to its own namespace ${namespace} only; leave the namespace out, or roll it out from there`,
    );
  }
  return {
    ...rest,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name,
      ...(object.kind === 'Namespace' ? {} : { namespace }),
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
    },
    ...(isJsonObject(stringData) ? { data: withStrings(rest['data'], stringData) } : {}),
  };
}

export function refusal(message: string): HansaError {
  return new HansaError(message, { reason: 'InvalidSpec', retry: 'never' });
}

function withStrings(data: unknown, strings: JsonObject): JsonObject {
  const encoded = Object.entries(strings).map(([key, value]) => [
    key,
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64'),
  ]);
  return { ...(isJsonObject(data) ? data : {}), ...(Object.fromEntries(encoded) as JsonObject) };
}
