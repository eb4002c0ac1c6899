import { isJsonObject } from '../../base/index.ts';
import type { CallOptions } from '../../kube/index.ts';
import type { Host } from '../host-options.ts';

/**
 * The name under which the host knows the person, for the record of who let something go on. A host that does not
 * tell (before Kubernetes 1.28, or without the right) leaves the name of the kubeconfig's context.
 */
export async function whoAmI({ client, context }: Host, call: CallOptions): Promise<string> {
  try {
    const text = await client.raw('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      ...call,
      method: 'POST',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });
    const name = usernameIn(JSON.parse(text));
    if (name) return name.slice(0, maxNameLength);
  } catch {
    call.signal?.throwIfAborted();
  }
  return `context ${context}`.slice(0, maxNameLength);
}

/** Of `spec.command.promotions[].by`. */
const maxNameLength = 256;

function usernameIn(review: unknown): string | undefined {
  const status = isJsonObject(review) ? review['status'] : undefined;
  const userInfo = isJsonObject(status) ? status['userInfo'] : undefined;
  const username = isJsonObject(userInfo) ? userInfo['username'] : undefined;
  return typeof username === 'string' ? username : undefined;
}
