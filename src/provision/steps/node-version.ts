import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import { readVersion } from '../plan/version.ts';
import { getObject } from './kubectl.ts';

export interface NodeVersion {
  readonly kubelet: string | undefined;
  readonly isReady: boolean;
}

/** What the cluster knows of a node's kubelet. */
export async function readNodeVersion(
  context: StepContext,
  post: Machine,
  node: string,
): Promise<NodeVersion> {
  const object = await getObject(post, ['node', node], { signal: context.signal });
  const status = object?.status as
    | {
        readonly nodeInfo?: { readonly kubeletVersion?: string };
        readonly conditions?: readonly { readonly type: string; readonly status: string }[];
      }
    | undefined;
  return {
    kubelet: readVersion(status?.nodeInfo?.kubeletVersion ?? '')?.text,
    isReady: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
  };
}

const patienceMs = 3 * 60_000;

/** Waits until the node is Ready with this version of kubelet. @throws HansaError NodeNotReady */
export async function awaitNodeVersion(
  context: StepContext,
  post: Machine,
  node: string,
  version: string,
): Promise<void> {
  const { clock, signal } = context;
  const end = clock.monotonic() + patienceMs;
  for (;;) {
    const seen = await readNodeVersion(context, post, node);
    if (seen.isReady && seen.kubelet === version) return;
    if (clock.monotonic() > end) {
      throw new HansaError(
        `node ${node} has kubelet ${seen.kubelet ?? 'unknown'} and is ${seen.isReady ? '' : 'not '}Ready; ${version} and Ready were expected: see "kubectl describe node ${node}"`,
        { reason: 'NodeNotReady' },
      );
    }
    await clock.sleep(2000, signal);
  }
}
