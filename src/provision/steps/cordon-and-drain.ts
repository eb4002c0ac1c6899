import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import type { DrainSpec } from '../plan/cluster-spec.ts';
import type { Step } from '../plan/steps.ts';
import { cordon, readNode, uncordonNode } from './cordon.ts';
import { obstaclesTo, type PodOnNode, podsToMove, readBudgets } from './drain-obstacles.ts';
import { askKubectl, runKubectl } from './kubectl.ts';
import { lastWords } from './run-to-end.ts';
import { commandPost, machineOf } from './step-machine.ts';

/**
 * Closes a node to new pods and moves its pods away, within a time limit. Pods of daemon sets stay; pods with data in an
 * emptyDir, and pods nothing would make again, stop the drain unless the spec allows their loss.
 */
export const cordonAndDrain: Executor = {
  async observe(context, step) {
    const { post, node } = await seats(context, step);
    const { exists, isCordoned } = await readNode(context, post, node);
    if (!exists) return { kind: 'done' };
    if (!isCordoned) return { kind: 'todo', why: `${node} takes pods` };
    const pods = await remaining(context, post, node);
    return pods.length === 0 ? { kind: 'done' } : { kind: 'todo', why: `${pods.length} pods are on ${node}` };
  },

  async apply(context, step) {
    const { post, node } = await seats(context, step);
    const { exists, isCordoned } = await readNode(context, post, node);
    if (!exists) return;
    if (!isCordoned) {
      await context.intent({ cordoned: 'by-hansa', node });
      await cordon(context, post, node);
    }
    const drain = drainOf(context, step);
    refuseLosses(node, await remaining(context, post, node), drain);
    await moveAway(context, post, node, drain);
  },

  async verify(context, step) {
    const { post, node } = await seats(context, step);
    const pods = await remaining(context, post, node);
    if (pods.length === 0) return;
    throw new HansaError(`${pods.length} pods came back to ${node} after it was drained: ${namesOf(pods)}`, {
      reason: 'NotDrained',
    });
  },

  async undo(context, step) {
    const { post, node } = await seats(context, step);
    if ((await readNode(context, post, node)).isCordonedByUs) await uncordonNode(context, post, node);
  },
};

async function seats(
  context: StepContext,
  step: Step,
): Promise<{ readonly post: Machine; readonly node: string }> {
  const { spec } = machineOf(context, step);
  return { post: await commandPost(context, spec.name), node: spec.nodeName };
}

async function remaining(context: StepContext, post: Machine, node: string): Promise<readonly PodOnNode[]> {
  const text = await askKubectl(
    post,
    ['get', 'pods', '--all-namespaces', '--field-selector', `spec.nodeName=${node}`, '-o', 'json'],
    { signal: context.signal },
  );
  return podsToMove(JSON.parse(text));
}

/** The step's own wishes go before the spec's. */
function drainOf({ cluster }: StepContext, { inputs }: Step): DrainSpec {
  return { ...cluster.rollout.drain, ...(inputs as Partial<DrainSpec>) };
}

/** kubectl would refuse too, after its first evictions. */
function refuseLosses(node: string, pods: readonly PodOnNode[], drain: DrainSpec): void {
  const withData = drain.deleteEmptyDirData ? [] : pods.filter(({ hasEmptyDir }) => hasEmptyDir);
  const alone = drain.force ? [] : pods.filter(({ hasController }) => !hasController);
  if (withData.length > 0) {
    throw new HansaError(
      `${node} was not drained: ${namesOf(withData)} would lose what they keep in emptyDir volumes; ` +
        'set spec.rollout.drain.deleteEmptyDirData: true if that may go',
      { reason: 'DrainWouldLoseData', retry: 'never' },
    );
  }
  if (alone.length > 0) {
    throw new HansaError(
      `${node} was not drained: nothing would start ${namesOf(alone)} again elsewhere; ` +
        'delete them, or set spec.rollout.drain.force: true',
      { reason: 'DrainWouldLosePods', retry: 'never' },
    );
  }
}

async function moveAway(context: StepContext, post: Machine, node: string, drain: DrainSpec): Promise<void> {
  const seconds = Math.max(1, Math.round(drain.timeoutMs / 1000));
  context.update(`draining ${node}, for ${seconds} s at most`);
  const result = await runKubectl(
    post,
    [
      'drain',
      node,
      '--ignore-daemonsets',
      `--timeout=${seconds}s`,
      ...(drain.deleteEmptyDirData ? ['--delete-emptydir-data'] : []),
      ...(drain.force ? ['--force'] : []),
      ...(drain.gracePeriodSeconds === undefined ? [] : [`--grace-period=${drain.gracePeriodSeconds}`]),
    ],
    { signal: context.signal, deadlineMs: drain.timeoutMs + 60_000, onLine: (line) => context.update(line) },
  );
  if (result.code === 0) return;
  const pods = await remaining(context, post, node);
  if (pods.length === 0) {
    throw new HansaError(`${node} was not drained: ${lastWords(result)}`, { reason: 'DrainFailed' });
  }
  const budgets = readBudgets(
    JSON.parse(
      await askKubectl(post, ['get', 'pdb', '--all-namespaces', '-o', 'json'], { signal: context.signal }),
    ),
  );
  throw new HansaError(
    `${node} was not drained within ${seconds} s: ${obstaclesTo(pods, budgets).join('; ')}. ` +
      'Give those workloads another replica, loosen the budget, or raise spec.rollout.drain.timeout',
    { reason: 'DrainTimedOut' },
  );
}

function namesOf(pods: readonly PodOnNode[]): string {
  const shown = pods.slice(0, 5).map(({ namespace, name }) => `${namespace}/${name}`);
  return `${shown.join(', ')}${pods.length > shown.length ? ` and ${pods.length - shown.length} more` : ''}`;
}
