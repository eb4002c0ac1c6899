import { formatBytes, formatCpu, parseQuantity } from '../../../base/index.ts';
import type { GateAnswer } from '../../gates.ts';
import { type PodNeeds, type Resources, resourcesOf, type Toleration } from './pod-needs.ts';

interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

/** A node as the room gate sees it. */
export interface RoomNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Ready, and not cordoned. */
  readonly takesPods: boolean;
  readonly allocatable: Resources;
  readonly maxPods: number;
}

/** A pod that takes room, or is about to. */
export interface RoomPod extends PodNeeds {
  /** Undefined while it waits for a node. */
  readonly node: string | undefined;
}

/** Pods of one shape that the next step adds. */
export interface AddedPods {
  readonly workload: string;
  readonly count: number;
  readonly needs: PodNeeds;
}

export interface NodeObject {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly Taint[] };
  readonly status?: {
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export function roomNode({ metadata, spec, status }: NodeObject): RoomNode {
  const isReady = status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True');
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    taints: spec?.taints ?? [],
    takesPods: isReady === true && spec?.unschedulable !== true,
    allocatable: resourcesOf(status?.allocatable),
    maxPods: podsOf(status?.allocatable?.pods),
  };
}

/** A quantity like the others: 1000 pods come back from the API server as `1k`. */
function podsOf(quantity = '0'): number {
  const parsed = parseQuantity(quantity);
  return parsed.ok ? Number(parsed.milli / 1000n) : 0;
}

interface Bin {
  readonly node: RoomNode;
  cpu: bigint;
  memory: bigint;
  pods: number;
}

/**
 * Whether the pods that the next step adds fit into what is left of the nodes: each pod goes to the first node that
 * takes it.
 *
 * Caveats: requests of cpu and memory, the number of pods, nodeSelector and taints are looked at; affinity, spread,
 * volumes, ports and further resources are not. Good therefore means "probably"; the scheduler has the last word.
 */
export function answerFromRoom(
  nodes: readonly RoomNode[],
  pods: readonly RoomPod[],
  added: readonly AddedPods[],
): GateAnswer {
  const count = added.reduce((sum, each) => sum + each.count, 0);
  if (count === 0) return { kind: 'good', message: 'the next step adds no pods' };
  const bins = binsOf(nodes, pods);
  // Pods that wait for a node already are served before ours.
  for (const pod of pods) if (pod.node === undefined) place(bins, pod);
  const left = bins.reduce((sum, { cpu, memory }) => ({ cpu: sum.cpu + cpu, memory: sum.memory + memory }), {
    cpu: 0n,
    memory: 0n,
  });
  let fitting = 0;
  for (const { count: wanted, needs } of added) {
    for (let i = 0; i < wanted && place(bins, needs); i++) fitting += 1;
  }
  const room = `${bins.length} nodes have ${formatCpu(left.cpu)} cpu and ${formatBytes(left.memory)} memory left`;
  if (fitting === count)
    return { kind: 'good', message: `room for the ${count} pods of the next step: ${room}` };
  return {
    kind: 'bad',
    message: `room for ${fitting} of the ${count} pods of the next step (${shapesOf(added)}): ${room}; add nodes or free some`,
  };
}

function binsOf(nodes: readonly RoomNode[], pods: readonly RoomPod[]): readonly Bin[] {
  const bins = new Map<string, Bin>();
  for (const node of nodes) {
    if (node.takesPods) bins.set(node.name, { node, ...node.allocatable, pods: node.maxPods });
  }
  for (const pod of pods) {
    const bin = pod.node === undefined ? undefined : bins.get(pod.node);
    if (bin) take(bin, pod);
  }
  return [...bins.values()];
}

function place(bins: readonly Bin[], needs: PodNeeds): boolean {
  const bin = bins.find((each) => fits(each, needs));
  if (bin) take(bin, needs);
  return bin !== undefined;
}

function fits({ node, cpu, memory, pods }: Bin, needs: PodNeeds): boolean {
  return (
    pods >= 1 &&
    // A pod that asks for nothing goes even onto a node that is overcommitted.
    (needs.cpu === 0n || needs.cpu <= cpu) &&
    (needs.memory === 0n || needs.memory <= memory) &&
    Object.entries(needs.nodeSelector).every(([key, value]) => node.labels[key] === value) &&
    node.taints.every((taint) => taint.effect === 'PreferNoSchedule' || isTolerated(taint, needs.tolerations))
  );
}

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(
    ({ key = '', operator = 'Equal', value = '', effect = '' }) =>
      (effect === '' || effect === taint.effect) &&
      (key === taint.key || (key === '' && operator === 'Exists')) &&
      (operator === 'Exists' || value === (taint.value ?? '')),
  );
}

function take(bin: Bin, { cpu, memory }: Resources): void {
  bin.cpu -= cpu;
  bin.memory -= memory;
  bin.pods -= 1;
}

function shapesOf(added: readonly AddedPods[]): string {
  return added
    .filter(({ count }) => count > 0)
    .map(
      ({ workload, count, needs }) =>
        `${count} × ${workload} with ${formatCpu(needs.cpu)} cpu and ${formatBytes(needs.memory)} memory`,
    )
    .join(', ');
}
