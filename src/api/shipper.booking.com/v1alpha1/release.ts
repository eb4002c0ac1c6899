import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { count, int32 } from '../../shared/numbers.ts';
import { conditionFields, shipperConditions } from './conditions.ts';
import {
  releaseConditions,
  releaseReasons,
  shipperAnnotations,
  shipperApiVersion,
  shipperGroup,
  shipperVersion,
  strategyConditions,
  strategyReasons,
} from './names.ts';
import { releaseEnvironment } from './release-environment.ts';

const spec = z
  .looseObject({
    targetStep: count(
      'The step to go to, counted from 0: the one field that people change. It may leave out steps, and go back.',
    ),
    environment: releaseEnvironment('What runs, as it was in the Application when the Release was made.', {
      rule: 'self == oldSelf',
      message:
        'cannot be changed: edit spec.template of the Application instead, which makes a new Release; to move this one, change spec.targetStep',
    }),
  })
  .meta({ description: 'What runs, and the step it shall be at.' });

// Shipper's Go code writes an empty text where it has not looked yet.
const waiting = (what: string) =>
  z.enum(['True', 'False', 'Unknown', '']).meta({ description: `Whether it waits for ${what}.` });

const status = z
  .object({
    achievedStep: z.exactOptional(
      z
        .object({
          step: int32('Number of the step, counted from 0.'),
          name: z.string().meta({ description: 'Name of the step.' }),
        })
        .meta({ description: 'The step that was last reached in all clusters.' }),
    ),
    strategy: z.exactOptional(
      z
        .object({
          state: z.exactOptional(
            z
              .object({
                waitingForInstallation: z.exactOptional(waiting('its objects to be in all clusters')),
                waitingForCapacity: z.exactOptional(waiting('pods')),
                waitingForTraffic: z.exactOptional(waiting('traffic')),
                waitingForCommand: z.exactOptional(waiting('a higher targetStep')),
              })
              .meta({ description: 'What it waits for.' }),
          ),
          conditions: z.exactOptional(
            z
              .array(
                z.object({
                  ...conditionFields(strategyConditions, strategyReasons),
                  step: z.exactOptional(int32('The step that the condition is about, counted from 0.')),
                }),
              )
              .meta({
                description: 'How far the stages of the step are, one entry a type.',
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['type'],
              }),
          ),
        })
        .meta({ description: 'The step under way.' }),
    ),
    conditions: z.exactOptional(shipperConditions(releaseConditions, releaseReasons)),
  })
  .meta({ description: 'How far it is; written by Hansa alone.' });

export const releaseSchema = z.object({ spec, status: z.exactOptional(status) });
export type ReleaseSpec = z.infer<typeof spec>;
export type ReleaseStatus = z.infer<typeof status>;

export const releaseAddress = {
  group: shipperGroup,
  version: shipperVersion,
  kind: 'Release',
  plural: 'releases',
  namespaced: true,
} as const;

export const release: ServedKind = {
  address: releaseAddress,
  shortNames: ['rel'],
  categories: ['all', 'shipper'],
  description:
    "Shipper's Release: one version of an Application on its way through the steps. Hansa makes it; people change `spec.targetStep` and nothing else. Deleting the newest one aborts the rollout.",
  schema: releaseSchema,
  columns: [
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it exists',
    },
    {
      name: 'Achieved Step',
      type: 'string',
      jsonPath: '.status.achievedStep.name',
      description: 'The step it has reached',
    },
    {
      name: 'Clusters',
      type: 'string',
      jsonPath: `.metadata.annotations['${shipperAnnotations.releaseClusters.replaceAll('.', '\\.')}']`,
      description: 'The clusters chosen for it',
    },
    {
      name: 'Waiting',
      type: 'string',
      jsonPath: '.status.strategy.conditions[?(@.status=="False")].type',
      description: 'The stage of the step that it waits for',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.strategy.conditions[?(@.status=="False")].message',
      description: 'Why it waits',
    },
  ],
  annotations: {
    [shipperAnnotations.releaseClusters]:
      'The chosen clusters with commas between them. Present means that the choice is made; it is not made again.',
    [shipperAnnotations.releaseGeneration]: "Its place in the Application's history, counted from 0.",
    [shipperAnnotations.blockOverride]:
      'RolloutBlocks that do not hold this Release up, as `namespace/name` with commas between them.',
  },
  example: `apiVersion: ${shipperApiVersion}
kind: Release
metadata:
  name: super-server-83e4eedd-1
  namespace: default
spec:
  targetStep: 1
  environment:
    chart:
      name: nginx
      version: 0.0.1
      repoUrl: https://charts.example.com
    clusterRequirements:
      regions:
        - name: local
    strategy:
      steps:
        - name: staging
          capacity: {incumbent: 100, contender: 1}
          traffic: {incumbent: 100, contender: 0}
        - name: full on
          capacity: {incumbent: 0, contender: 100}
          traffic: {incumbent: 0, contender: 100}
    values:
      replicaCount: 3
`,
};
