import { createHash, X509Certificate } from 'node:crypto';
import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import type { JoinTicket } from '../plan/render/kubeadm-config.ts';
import { pki } from './pki-files.ts';

/** A join takes a minute; who finds the token later can't use it. */
const lifetime = '20m';

/** Lets one machine join: a token of its own, and the CA it has to meet. @throws HansaError TokenNotMade */
export async function createTicket(
  { signal }: Pick<StepContext, 'signal'>,
  post: Machine,
): Promise<JoinTicket> {
  const result = await post.transport.exec({
    // kubeadm makes the token itself, so it is in nobody's arguments.
    script:
      'exec kubeadm token create --ttl "$1" --description "one join, by Hansa" --kubeconfig /etc/kubernetes/admin.conf',
    args: [lifetime],
    root: true,
    signal,
  });
  const token = /^[a-z0-9]{6}\.[a-z0-9]{16}$/m.exec(result.stdout)?.[0];
  if (result.code !== 0 || token === undefined) {
    throw new HansaError(`${post.spec.name} made no token for a join: ${result.stderr.trim()}`, {
      reason: 'TokenNotMade',
    });
  }
  return { token, caHash: await caHashOf(post, signal), apiServerAddress: post.internalAddress };
}

/** A token's first part is its name, and no secret. */
export function idOf({ token }: JoinTicket): string {
  return token.split('.')[0] ?? '';
}

/** Ends a token before its time. It would end by itself, so a failure is no more than a note. */
export async function deleteToken(context: StepContext, post: Machine, id: string): Promise<void> {
  try {
    const { code, stderr } = await post.transport.exec({
      script: 'exec kubeadm token delete "$1" --kubeconfig /etc/kubernetes/admin.conf >/dev/null',
      args: [id],
      root: true,
      signal: context.signal,
    });
    if (code !== 0)
      context.logger.info('a join token is left to expire', { machine: post.spec.name, stderr });
  } catch (error) {
    context.logger.info('a join token is left to expire', { machine: post.spec.name, error: String(error) });
  }
}

/** As kubeadm pins a CA: the hash of its public key. */
async function caHashOf(post: Machine, signal: AbortSignal): Promise<string> {
  const content = await post.transport.readFile(`${pki}/ca.crt`, { signal });
  if (!content) {
    throw new HansaError(`${post.spec.name} has no ${pki}/ca.crt: is it a control plane made by kubeadm?`, {
      reason: 'PkiIncomplete',
    });
  }
  const key = new X509Certificate(content).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}
