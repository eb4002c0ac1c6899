import type { Machine, StepContext } from '../engine/executor.ts';
import { askKubectl, getObject } from './kubectl.ts';
import { commandPost } from './step-machine.ts';

/** On a node that Hansa closed: who was closed by a person stays closed. */
const mark = 'provision.hansa.dev/cordoned';

export interface NodeState {
  readonly exists: boolean;
  readonly isCordoned: boolean;
  readonly isCordonedByUs: boolean;
}

export async function readNode(context: StepContext, post: Machine, node: string): Promise<NodeState> {
  const object = await getObject(post, ['node', node], { signal: context.signal });
  const spec = object?.spec as { readonly unschedulable?: boolean } | undefined;
  const metadata = object?.metadata as
    | { readonly annotations?: Readonly<Record<string, string>> }
    | undefined;
  const isCordoned = spec?.unschedulable === true;
  return {
    exists: object !== undefined,
    isCordoned,
    isCordonedByUs: isCordoned && metadata?.annotations?.[mark] !== undefined,
  };
}

/** Marks first, so that a node we closed is never left closed as if a person had done it. */
export async function cordon(context: StepContext, post: Machine, node: string): Promise<void> {
  const { signal } = context;
  await askKubectl(post, ['annotate', '--overwrite', 'node', node, `${mark}=by-hansa`], { signal });
  await askKubectl(post, ['cordon', node], { signal });
}

export async function uncordonNode(context: StepContext, post: Machine, node: string): Promise<void> {
  const { signal } = context;
  await askKubectl(post, ['uncordon', node], { signal });
  await askKubectl(post, ['annotate', 'node', node, `${mark}-`], { signal });
}

/** Takes back a cordon of Hansa's; that of a person stays. */
export async function uncordonIfOurs(context: StepContext, { spec }: Machine): Promise<void> {
  const post = await commandPost(context, spec.name);
  const { isCordonedByUs } = await readNode(context, post, spec.nodeName);
  if (isCordonedByUs) await uncordonNode(context, post, spec.nodeName);
}
