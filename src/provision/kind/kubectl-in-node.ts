import { HansaError } from '../../base/index.ts';
import type { KindNode } from './plan/ownership.ts';
import type { KindTools, ToolEnd, ToolOptions } from './tools.ts';

/** Every node image has kubectl, so none is needed on this machine. */
export function kubectlInNode(
  { id }: Pick<KindNode, 'id'>,
  args: readonly string[],
  tools: KindTools,
  options: ToolOptions,
): Promise<ToolEnd> {
  const own = ['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', '--request-timeout=20s'];
  return tools.docker(['exec', '--interactive', id, ...own, ...args], options);
}

/** The last lines of what a program said: kind's are long and end with what matters. */
export function failed(what: string, { stdout, stderr }: ToolEnd, reason = 'KindFailed'): HansaError {
  const said = (stderr.trim() || stdout.trim()).split('\n').slice(-12).join('\n');
  return new HansaError(`${what} failed: ${said}`, { reason });
}
