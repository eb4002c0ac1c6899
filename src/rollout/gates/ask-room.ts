import { HansaError, messageOf } from '../../base/index.ts';
import type { ApiClient, KubeObject, ResourceType } from '../../kube/index.ts';
import { isReady } from '../../members/index.ts';
import type { GateAnswer } from '../gates.ts';
import type { RolloutView } from '../mode.ts';
import {
  addedPods,
  answerFromRoom,
  joinAnswers,
  needsOf,
  nextMove,
  type NodeObject,
  type PodSpec,
  type RoomNode,
  type RoomPod,
  roomNode,
  type Workload,
  workloadOf,
} from '../plan/gates/index.ts';
import type { GateQuestion } from '../plan/steps/types.ts';
import type { ProbeDeps } from './probe-deps.ts';

const nodeType: ResourceType = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
const podType: ResourceType = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };

/** Workloads with pods that a rollout may refer to; other kinds add none. */
const workloadTypes: Readonly<Record<string, ResourceType>> = Object.fromEntries(
  [
    ['Deployment', 'deployments'],
    ['StatefulSet', 'statefulsets'],
    ['DaemonSet', 'daemonsets'],
  ].map(([kind = '', plural = '']) => [
    kind,
    { group: 'apps', version: 'v1', kind, plural, namespaced: true },
  ]),
);

interface Call {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** Whether the nodes of each cluster that the next step changes have room for the pods it adds. */
export async function askRoom(
  deps: ProbeDeps,
  question: GateQuestion,
  rollout: RolloutView,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const move = nextMove(rollout.plan, question);
  if (!move.to) return { kind: 'good', message: 'no step follows that adds pods' };
  return joinAnswers(
    await Promise.all(move.members.map((name) => askIn(name, move, deps, question, rollout, signal))),
  );
}

async function askIn(
  name: string,
  move: ReturnType<typeof nextMove>,
  deps: ProbeDeps,
  question: GateQuestion,
  rollout: RolloutView,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const client = clientOf(deps, name);
  if (!client) {
    return {
      kind: 'inconclusive',
      message: `${name}: the cluster does not answer, so its room is not known`,
    };
  }
  const call: Call = { signal, deadlineMs: deps.timeouts.apiMs };
  try {
    const workloads = await findWorkloads(client, deps, question, rollout, call);
    if (!workloads) {
      return {
        kind: 'inconclusive',
        message: `${name}: ${rollout.target?.kind} ${rollout.target?.name} is not there`,
      };
    }
    const added = addedPods(rollout.plan, move, workloads);
    // Lists of all pods are dear; where nothing is added they would tell nothing.
    const adds = added.some(({ count }) => count > 0);
    const [nodes, pods] = adds
      ? await Promise.all([listNodes(client, call), listPods(client, call)])
      : [[], []];
    const answer = answerFromRoom(nodes, pods, added);
    return { kind: answer.kind, message: `${name}: ${answer.message}` };
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'inconclusive', message: `${name}: its room is not known: ${messageOf(error)}` };
  }
}

function clientOf({ members }: ProbeDeps, name: string): ApiClient | undefined {
  const member = members.get(name);
  return member && isReady(member) ? member.client : undefined;
}

/** The workloads with their shape: as rendered, or as they are in the member, or in one that has them already. */
async function findWorkloads(
  client: ApiClient,
  deps: ProbeDeps,
  question: GateQuestion,
  { contender, target, namespace }: RolloutView,
  call: Call,
): Promise<readonly Workload[] | undefined> {
  if (contender.content.kind === 'objects') return workloadsIn(contender.content.objects);
  const type = target && workloadTypes[target.kind];
  if (!type) return [];
  const others = question.rolled.map((name) => clientOf(deps, name)).filter((each) => each !== undefined);
  for (const each of [client, ...others]) {
    const found = await find(each, type, { namespace, name: target.name }, call);
    if (found) return workloadsIn([found]);
  }
  return undefined;
}

function workloadsIn(objects: readonly KubeObject[]): readonly Workload[] {
  return objects.map(workloadOf).filter((workload) => workload !== undefined);
}

async function find(
  client: ApiClient,
  type: ResourceType,
  ref: { readonly namespace: string; readonly name: string },
  call: Call,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(type, ref, call);
  } catch (error) {
    if (error instanceof HansaError && ['NotFound', 'NamespaceNotFound'].includes(error.reason))
      return undefined;
    throw error;
  }
}

async function listNodes(client: ApiClient, call: Call): Promise<readonly RoomNode[]> {
  const nodes: RoomNode[] = [];
  for await (const page of client.list<KubeObject & NodeObject>(nodeType, call)) {
    nodes.push(...page.items.map(roomNode));
  }
  return nodes;
}

/** Pods that hold room, and those that wait for a node; one behind a scheduling gate waits for us. */
async function listPods(client: ApiClient, call: Call): Promise<readonly RoomPod[]> {
  const pods: RoomPod[] = [];
  const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed';
  for await (const page of client.list(podType, { fieldSelector, ...call })) {
    for (const { spec } of page.items) {
      const podSpec = (spec ?? {}) as PodSpec;
      if (!podSpec.nodeName && podSpec.schedulingGates?.length) continue;
      pods.push({ ...needsOf(podSpec), node: podSpec.nodeName || undefined });
    }
  }
  return pods;
}
