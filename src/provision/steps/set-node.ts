import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import type { MachineSpec, Taint } from '../plan/cluster-spec.ts';
import { getObject, kubectlFailed, runKubectl } from './kubectl.ts';
import { commandPost, machineOf } from './step-machine.ts';

/** Makes labels and taints of a node those of its machine. Labels of others stay; ours that the spec has no more go. */
export const setNode: Executor = {
  async observe(context, step) {
    const { spec } = machineOf(context, step);
    const node = await readNode(context, await commandPost(context, spec.name), spec.nodeName);
    if (!node) return { kind: 'todo', why: `there is no Node ${spec.nodeName}` };
    const patch = patchFor(node, spec);
    return patch === undefined ? { kind: 'done' } : { kind: 'todo', why: 'its labels or taints differ' };
  },

  async apply(context, step) {
    const { spec } = machineOf(context, step);
    const post = await commandPost(context, spec.name);
    // Controllers set taints too; who was faster is seen by the version, and the whole is worked out again.
    for (let attempt = 1; ; attempt += 1) {
      const node = await mustReadNode(context, post, spec.nodeName);
      const patch = patchFor(node, spec);
      if (patch === undefined) return;
      const args = [
        'patch',
        'node',
        spec.nodeName,
        '--type=merge',
        '--field-manager=hansa',
        '-p',
        JSON.stringify(patch),
      ];
      const result = await runKubectl(post, args, { signal: context.signal });
      if (result.code === 0) return;
      if (attempt === 5 || !/conflict|modified/i.test(result.stderr)) throw kubectlFailed(post, args, result);
    }
  },

  async verify(context, step) {
    const { spec } = machineOf(context, step);
    const post = await commandPost(context, spec.name);
    const node = await mustReadNode(context, post, spec.nodeName);
    if (patchFor(node, spec) === undefined) return;
    throw new HansaError(
      `labels or taints of node ${spec.nodeName} were changed again by somebody else: see "kubectl get node ${spec.nodeName} --show-managed-fields -o yaml"`,
      { reason: 'NodeDiffers' },
    );
  },
};

export interface NodeObject {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly taints?: readonly NodeTaint[] };
}

interface NodeTaint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
}

/** Names of labels that came from the spec, so that they go when they are taken out of it. */
const labelsMark = 'provision.hansa.dev/labels';

/** What to change on a node; undefined: nothing. */
export function patchFor(
  { metadata, spec: nodeSpec }: NodeObject,
  machine: Pick<MachineSpec, 'labels' | 'taints' | 'role'>,
): Readonly<Record<string, unknown>> | undefined {
  const is = metadata.labels ?? {};
  const { labels, taints } = withRole(machine, is);
  const before = (metadata.annotations?.[labelsMark] ?? '').split(',').filter((name) => name !== '');
  const names = Object.keys(labels).toSorted();
  const set = Object.fromEntries(
    names.filter((name) => is[name] !== labels[name]).map((name) => [name, labels[name]]),
  );
  const gone = before.filter((name) => labels[name] === undefined && is[name] !== undefined);
  const changed = { ...set, ...Object.fromEntries(gone.map((name) => [name, null])) };
  const mark = Object.keys(machine.labels).toSorted().join(',');
  const marked = (metadata.annotations?.[labelsMark] ?? '') === mark;
  const wanted = taints && wantedTaints(nodeSpec?.taints ?? [], taints);
  const taintsDiffer = wanted !== undefined && !sameTaints(wanted, nodeSpec?.taints ?? []);
  if (Object.keys(changed).length === 0 && marked && !taintsDiffer) return undefined;
  return {
    metadata: {
      resourceVersion: metadata.resourceVersion,
      ...(Object.keys(changed).length > 0 && { labels: changed }),
      ...(!marked && { annotations: { [labelsMark]: mark === '' ? null : mark } }),
    },
    ...(taintsDiffer && { spec: { taints: wanted } }),
  };
}

const roleLabels = {
  'node-role.kubernetes.io/control-plane': '',
  'node.kubernetes.io/exclude-from-external-load-balancers': '',
} as const;
const roleTaint: Taint = {
  key: 'node-role.kubernetes.io/control-plane',
  value: undefined,
  effect: 'NoSchedule',
};

/**
 * kubeadm marks a control plane in its last phase. One whose machine was restarted just before has all but the marks, and a
 * missing label tells that the taint was not set either, rather than taken away by somebody.
 */
function withRole(
  { labels, taints, role }: Pick<MachineSpec, 'labels' | 'taints' | 'role'>,
  is: Readonly<Record<string, string>>,
): Pick<MachineSpec, 'labels' | 'taints'> {
  if (role === 'worker') return { labels, taints };
  const isMarked = is['node-role.kubernetes.io/control-plane'] !== undefined;
  return { labels: { ...roleLabels, ...labels }, taints: taints ?? (isMarked ? undefined : [roleTaint]) };
}

/** Kubernetes' own (not ready, out of memory, closed) come and go with the state of the node. */
function wantedTaints(is: readonly NodeTaint[], taints: readonly Taint[]): readonly NodeTaint[] {
  const states = is.filter(
    ({ key }) => key.startsWith('node.kubernetes.io/') || key.startsWith('node.cloudprovider.kubernetes.io/'),
  );
  return [
    ...states,
    ...taints.map(({ key, value, effect }) => ({ key, effect, ...(value !== undefined && { value }) })),
  ];
}

function sameTaints(one: readonly NodeTaint[], other: readonly NodeTaint[]): boolean {
  const texts = (list: readonly NodeTaint[]) =>
    list.map(({ key, value = '', effect }) => `${key}=${value}:${effect}`).toSorted();
  return JSON.stringify(texts(one)) === JSON.stringify(texts(other));
}

async function readNode(
  { signal }: StepContext,
  post: Machine,
  name: string,
): Promise<NodeObject | undefined> {
  return (await getObject(post, ['node', name], { signal })) as NodeObject | undefined;
}

async function mustReadNode(context: StepContext, post: Machine, name: string): Promise<NodeObject> {
  const node = await readNode(context, post, name);
  if (node) return node;
  throw new HansaError(`there is no Node ${name}: has its machine joined?`, { reason: 'NodeMissing' });
}
