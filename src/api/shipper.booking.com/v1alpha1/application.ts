import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { int32 } from '../../shared/numbers.ts';
import { shipperConditions } from './conditions.ts';
import {
  applicationConditions,
  applicationReasons,
  shipperAnnotations,
  shipperApiVersion,
  shipperGroup,
  shipperLabels,
  shipperVersion,
} from './names.ts';
import { releaseEnvironment } from './release-environment.ts';

const spec = z
  .looseObject({
    revisionHistoryLimit: z.exactOptional(
      int32('How many old Releases are kept. Default 20; less than 1 means 1, more than 1000 means 1000.'),
    ),
    template: releaseEnvironment(
      'What is to run. An edit makes a new Release, which goes through the steps of the strategy.',
    ),
  })
  .meta({ description: 'What is to run, where, and how a change gets there.' });

const status = z
  .object({
    conditions: z.exactOptional(shipperConditions(applicationConditions, applicationReasons)),
    history: z.exactOptional(
      z.array(z.string()).meta({
        description: 'Names of the Releases, oldest first.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
  })
  .meta({ description: 'How far it is; written by Hansa alone.' });

export const applicationSchema = z.object({ spec, status: z.exactOptional(status) });
export type ApplicationSpec = z.infer<typeof spec>;
export type ApplicationStatus = z.infer<typeof status>;

export const applicationAddress = {
  group: shipperGroup,
  version: shipperVersion,
  kind: 'Application',
  plural: 'applications',
  namespaced: true,
} as const;

export const application: ServedKind = {
  address: applicationAddress,
  shortNames: ['app'],
  categories: ['all', 'shipper'],
  description:
    "Shipper's Application: a Helm chart that is rolled out in steps of capacity and traffic, in all chosen clusters at once. An edit of `spec.template` starts a rollout; its Release waits after each step until `spec.targetStep` of the Release is raised. To abort, delete the newest Release.",
  schema: applicationSchema,
  columns: [
    {
      name: 'Latest Release',
      type: 'string',
      jsonPath: '.status.history[-1]',
      description: 'The newest Release',
    },
    {
      name: 'Rolling Out',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="RollingOut")].status',
      description: 'Whether a rollout is under way',
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it exists',
    },
  ],
  annotations: {
    [shipperAnnotations.blockOverride]:
      'RolloutBlocks that do not hold this Application up, as `namespace/name` with commas between them. A name that does not exist holds it up itself.',
    [shipperLabels.helmReleaseWorkaround]:
      'A label: `"true"` takes the label `release` out of the selector of the production Service, without which a chart that selects by it is refused.',
  },
  example: `apiVersion: ${shipperApiVersion}
kind: Application
metadata:
  name: super-server
  namespace: default
spec:
  revisionHistoryLimit: 3
  template:
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
