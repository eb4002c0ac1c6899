import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { count, int32 } from '../../shared/numbers.ts';
import { anyObject } from '../../shared/any-object.ts';
import { shipperApiVersion, shipperGroup, shipperVersion } from './names.ts';
import {
  byCluster,
  observedGeneration,
  targetClusterName,
  targetColumns,
  targetConditionList,
} from './target.ts';

const spec = z
  .looseObject({
    clusters: byCluster(
      z.looseObject({
        name: targetClusterName,
        percent: z.int().min(0).max(100).meta({
          description: 'Percent of totalReplicaCount that shall run there, rounded up.',
          format: 'int32',
        }),
        totalReplicaCount: z.exactOptional(count('Replicas in this cluster when whole.')),
      }),
      'How much shall run in each cluster.',
    ),
  })
  .meta({ description: 'How much shall run where.' });

const containerStatuses = (description: string) =>
  z.array(anyObject('The status of a container, as the kubelet wrote it.')).meta({
    description,
    'x-kubernetes-list-type': 'atomic',
  });

const sadPod = z.looseObject({
  name: z.string().meta({ description: 'Name of the pod.' }),
  containers: z.exactOptional(containerStatuses('Statuses of its containers.')),
  initContainers: z.exactOptional(containerStatuses('Statuses of its init containers.')),
  condition: z.exactOptional(anyObject('The condition of the pod that is not good.')),
});

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const stateBreakdown = z.object({
  count: count('How many containers are in it.'),
  type: z.string().meta({ description: '`Waiting`, `Running` or `Terminated`.' }),
  reason: z.exactOptional(z.string().meta({ description: 'Why, as the kubelet says.' })),
  example: z.exactOptional(
    z
      .object({
        pod: z.string().meta({ description: 'Name of the pod.' }),
        message: z.exactOptional(z.string().meta({ description: 'What its container says.' })),
      })
      .meta({ description: 'One of them.' }),
  ),
});

const podBreakdown = z.object({
  type: z.string().meta({ description: 'Type of the condition.' }),
  status: z.string().meta({ description: 'Its status.' }),
  reason: z.exactOptional(z.string().meta({ description: 'Its reason.' })),
  count: count('How many pods have it.'),
  containers: z.exactOptional(
    z
      .array(
        z.object({
          name: z.string().meta({ description: 'Name of the container.' }),
          states: z.array(stateBreakdown).meta({ description: 'Its states.', ...atomic }),
        }),
      )
      .meta({ description: 'The states of their containers.', ...atomic }),
  ),
});

const report = z.object({
  owner: z
    .object({ name: z.string().meta({ description: 'Name of the ReplicaSet.' }) })
    .meta({ description: 'Whose pods they are.' }),
  breakdown: z.exactOptional(
    z.array(podBreakdown).meta({ description: 'Conditions of the pods and how many have each.', ...atomic }),
  ),
});

const status = z
  .object({
    observedGeneration: z.exactOptional(observedGeneration),
    clusters: z.exactOptional(
      byCluster(
        z.object({
          name: targetClusterName,
          availableReplicas: int32('Replicas that are available there.'),
          achievedPercent: int32('Percent of totalReplicaCount that is available there, rounded up.'),
          sadPods: z.exactOptional(
            z
              .array(sadPod)
              .meta({ description: 'Pods with a condition that is False, five at most.', ...atomic }),
          ),
          reports: z.exactOptional(
            z.array(report).meta({ description: 'What state the pods are in.', ...atomic }),
          ),
          conditions: z.exactOptional(targetConditionList),
        }),
        'The state in each cluster.',
      ),
    ),
    conditions: z.exactOptional(targetConditionList),
  })
  .meta({ description: 'How far it is; written by Hansa alone.' });

export const capacityTargetSchema = z.object({ spec, status: z.exactOptional(status) });
export type CapacityTargetSpec = z.infer<typeof spec>;
export type CapacityTargetStatus = z.infer<typeof status>;
export type CapacityReport = z.infer<typeof report>;
export type SadPod = z.infer<typeof sadPod>;

export const capacityTargetAddress = {
  group: shipperGroup,
  version: shipperVersion,
  kind: 'CapacityTarget',
  plural: 'capacitytargets',
  namespaced: true,
} as const;

export const capacityTarget: ServedKind = {
  address: capacityTargetAddress,
  shortNames: ['ct'],
  categories: ['shipper'],
  description:
    "Shipper's CapacityTarget: how many pods of a Release run in each cluster, and what ails them. Hansa makes one for each Release, with its name; nobody else changes it.",
  schema: capacityTargetSchema,
  columns: targetColumns,
  example: `apiVersion: ${shipperApiVersion}
kind: CapacityTarget
metadata:
  name: super-server-83e4eedd-1
  namespace: default
spec:
  clusters:
    - name: eu-ams-a
      percent: 50
      totalReplicaCount: 3
`,
};
