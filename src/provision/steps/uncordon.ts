import { HansaError } from '../../base/index.ts';
import type { Executor } from '../engine/executor.ts';
import { isCordonedByUs } from '../plan/cordon.ts';
import { readNode, uncordonNode } from './cordon.ts';
import { commandPost, machineOf } from './step-machine.ts';

/** Lets a node take pods again, if it was Hansa that closed it. */
export const uncordon: Executor = {
  async observe(context, step) {
    const { spec } = machineOf(context, step);
    const node = await readNode(context, await commandPost(context, spec.name), spec.nodeName);
    if (!node.isCordoned) return { kind: 'done' };
    if (!node.isCordonedByUs && !isCordonedByUs(context.journal, spec.name)) {
      context.note({ kept: `${spec.nodeName} was cordoned by someone else and stays so` });
      return { kind: 'done' };
    }
    return { kind: 'todo', why: `${spec.nodeName} is cordoned` };
  },

  async apply(context, step) {
    const { spec } = machineOf(context, step);
    await uncordonNode(context, await commandPost(context, spec.name), spec.nodeName);
  },

  async verify(context, step) {
    const { spec } = machineOf(context, step);
    const node = await readNode(context, await commandPost(context, spec.name), spec.nodeName);
    if (!node.isCordonedByUs) return;
    throw new HansaError(`${spec.nodeName} is still cordoned: run "kubectl uncordon ${spec.nodeName}"`, {
      reason: 'StillCordoned',
    });
  },
};
