import type { JsonObject } from '../../base/index.ts';
import {
  achievedPercent,
  type ConditionBreakdown,
  type ConditionSeen,
  type ContainerSeen,
  replicasForPercent,
  reportCapacity,
  summarizeSadPods,
} from '../../rollout/plan/shipper/index.ts';
import { count, flag, listAt, mapsAt, text, textOrNone } from './case-fields.ts';
import type { RolloutOps } from './rollout-batch-ops.ts';

export const capacityOps: RolloutOps = {
  replicas: (input) => ({
    replicas: replicasForPercent(totalOf(input), count(input['percent'], 'input.percent')),
  }),

  achievedPercent: (input) => {
    const available = count(input['availableReplicas'], 'input.availableReplicas');
    return { achievedPercent: achievedPercent(totalOf(input), available) };
  },

  summarizeSadPods: (input) => {
    const pods = listAt(input['pods'], 'input.pods').map((pod, index) =>
      mapsAt(pod, `input.pods[${index}]`, readContainer),
    );
    return {
      summary: summarizeSadPods(
        pods.map((containers) => ({
          initContainers: containers.filter(({ isInit }) => isInit),
          containers: containers.filter(({ isInit }) => !isInit),
        })),
      ),
    };
  },

  report: (input) => {
    const conditions = mapsAt(input['conditions'], 'input.conditions', readCondition);
    const { owner, breakdown } = reportCapacity(text(input['owner'], 'input.owner'), conditions);
    return { owner: owner.name, breakdown: breakdown.map(showBreakdown) };
  },
};

function totalOf(input: JsonObject): number {
  return count(input['totalReplicaCount'], 'input.totalReplicaCount');
}

function readContainer(fields: JsonObject, field: string): ContainerSeen & { readonly isInit: boolean } {
  const state = textOrNone(fields['state'], `${field}.state`);
  return {
    name: text(fields['name'], `${field}.name`),
    isInit: flag(fields['init'], `${field}.init`),
    isReady: flag(fields['ready'], `${field}.ready`),
    state: state === 'Waiting' || state === 'Terminated' ? state : undefined,
    reason: textOrNone(fields['reason'], `${field}.reason`) ?? '',
  };
}

function readCondition(fields: JsonObject, field: string): ConditionSeen {
  return {
    type: text(fields['type'], `${field}.type`),
    status: text(fields['status'], `${field}.status`),
    reason: textOrNone(fields['reason'], `${field}.reason`) ?? '',
    podCount: count(fields['podCount'], `${field}.podCount`),
    containers: mapsAt(fields['containers'], `${field}.containers`, (container, place) => ({
      name: text(container['name'], `${place}.name`),
      pod: text(container['pod'], `${place}.pod`),
      state: text(container['state'], `${place}.state`),
      reason: textOrNone(container['reason'], `${place}.reason`) ?? '',
      message: textOrNone(container['message'], `${place}.message`) ?? '',
    })),
  };
}

/** As the cases have it: the example flat, and the reason of a state always there. */
function showBreakdown({ containers, ...condition }: ConditionBreakdown): object {
  return {
    ...condition,
    containers: containers.map(({ name, states }) => ({
      name,
      states: states.map(({ count: times, type, reason = '', example }) => ({
        count: times,
        type,
        reason,
        examplePod: example.pod,
        ...(example.message === undefined ? {} : { exampleMessage: example.message }),
      })),
    })),
  };
}
