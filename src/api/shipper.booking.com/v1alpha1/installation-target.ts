import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { anyObject } from '../../shared/any-object.ts';
import { chartSchema } from './chart.ts';
import { shipperApiVersion, shipperGroup, shipperVersion } from './names.ts';
import { byCluster, targetClusterName, targetColumns, targetConditionList } from './target.ts';

const spec = z
  .looseObject({
    clusters: z.array(z.string()).meta({
      description: 'Names of the Clusters that get the objects.',
      'x-kubernetes-list-type': 'atomic',
    }),
    canOverride: z.boolean().meta({
      description:
        'Whether objects of an older Release may be taken over; false once everything is installed.',
    }),
    // Absent in objects from before Shipper moved the chart here.
    chart: z.exactOptional(chartSchema),
    values: z.exactOptional(anyObject("The chart's values.")),
  })
  .meta({ description: 'What is installed where.' });

const status = z
  .object({
    clusters: z.exactOptional(
      byCluster(
        z.object({ name: targetClusterName, conditions: z.exactOptional(targetConditionList) }),
        'The state in each cluster.',
      ),
    ),
    conditions: z.exactOptional(targetConditionList),
  })
  .meta({ description: 'How far it is; written by Hansa alone.' });

export const installationTargetSchema = z.object({ spec, status: z.exactOptional(status) });
export type InstallationTargetSpec = z.infer<typeof spec>;
export type InstallationTargetStatus = z.infer<typeof status>;

export const installationTargetAddress = {
  group: shipperGroup,
  version: shipperVersion,
  kind: 'InstallationTarget',
  plural: 'installationtargets',
  namespaced: true,
} as const;

export const installationTarget: ServedKind = {
  address: installationTargetAddress,
  shortNames: ['it'],
  categories: ['shipper'],
  description:
    "Shipper's InstallationTarget: the chart of a Release and the clusters that have its objects. Hansa makes one for each Release, with its name; nobody else changes it.",
  schema: installationTargetSchema,
  columns: targetColumns,
  example: `apiVersion: ${shipperApiVersion}
kind: InstallationTarget
metadata:
  name: super-server-83e4eedd-1
  namespace: default
spec:
  canOverride: true
  clusters: [eu-ams-a]
  chart:
    name: nginx
    version: 0.0.1
    repoUrl: https://charts.example.com
  values:
    replicaCount: 3
`,
};
