import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { getObject, kubectlFailed, runKubectl } from './kubectl.ts';
import { commandPost } from './step-machine.ts';

/**
 * Takes a Node out of the cluster. `inputs.node` names it (default: that of the step's machine, which may be gone for good);
 * with `inputs.uid` only that very Node goes, not one that has joined under its name since.
 */
export const deleteNode: Executor = {
  async observe(context, step) {
    const { node } = await find(context, step);
    return node === undefined
      ? { kind: 'done' }
      : { kind: 'todo', why: `Node ${nodeNameOf(context, step)} is there` };
  },

  async apply(context, step) {
    const { post, node } = await find(context, step);
    if (node === undefined) return;
    const name = nodeNameOf(context, step);
    await context.intent({ node: name, uid: uidOf(node) });
    await deleteNodeObject(post, { name, uid: uidOf(node) }, context.signal);
  },

  async verify(context, step) {
    const { node } = await find(context, step);
    if (node === undefined) return;
    throw new HansaError(
      `Node ${nodeNameOf(context, step)} is there again: does a kubelet still run on its machine?`,
      { reason: 'NodeNotDeleted' },
    );
  },
};

/** By its UID: the precondition holds back a Node that was made anew between our look and our word. */
export async function deleteNodeObject(
  post: Machine,
  { name, uid }: { readonly name: string; readonly uid: string },
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    preconditions: { uid },
  });
  const args = ['delete', '--raw', `/api/v1/nodes/${name}`, '-f', '-'];
  const result = await runKubectl(post, args, { stdin: body, signal });
  if (result.code !== 0 && !/not ?found/i.test(result.stderr)) throw kubectlFailed(post, args, result);
}

export function uidOf(node: Readonly<Record<string, unknown>>): string {
  return ((node.metadata ?? {}) as { readonly uid?: string }).uid ?? '';
}

function nodeNameOf({ cluster }: StepContext, { inputs, machine }: Step): string {
  if (typeof inputs.node === 'string' && inputs.node !== '') return inputs.node;
  return cluster.machines.find(({ name }) => name === machine)?.nodeName ?? machine ?? '';
}

async function find(
  context: StepContext,
  step: Step,
): Promise<{ readonly post: Machine; readonly node: Readonly<Record<string, unknown>> | undefined }> {
  const post = await commandPost(context, step.machine ?? '');
  const node = await getObject(post, ['node', nodeNameOf(context, step)], { signal: context.signal });
  const { uid } = step.inputs;
  const isAnother = typeof uid === 'string' && node !== undefined && uidOf(node) !== uid;
  return { post, node: isAnother ? undefined : node };
}
