import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { shipperApiVersion, shipperGroup, shipperVersion } from './names.ts';
import {
  byCluster,
  observedGeneration,
  targetClusterName,
  targetColumns,
  targetConditionList,
} from './target.ts';

/** Go's uint32, which is wider than OpenAPI's int32. */
const weight = (description: string) =>
  z.int().min(0).max(4_294_967_295).meta({ description, format: 'int64' });

const spec = z
  .looseObject({
    clusters: byCluster(
      z.looseObject({
        name: targetClusterName,
        weight: weight('Its share, set against the weights of the other Releases of the Application.'),
      }),
      'The weight of the Release in each cluster.',
    ),
  })
  .meta({ description: 'How much traffic shall go to the Release.' });

const status = z
  .object({
    observedGeneration: z.exactOptional(observedGeneration),
    clusters: z.exactOptional(
      byCluster(
        z.object({
          name: targetClusterName,
          achievedTraffic: weight('The weight that its pods with traffic amount to.'),
          conditions: z.exactOptional(targetConditionList),
        }),
        'The state in each cluster.',
      ),
    ),
    conditions: z.exactOptional(targetConditionList),
  })
  .meta({ description: 'How far it is; written by Hansa alone.' });

export const trafficTargetSchema = z.object({ spec, status: z.exactOptional(status) });
export type TrafficTargetSpec = z.infer<typeof spec>;
export type TrafficTargetStatus = z.infer<typeof status>;

export const trafficTargetAddress = {
  group: shipperGroup,
  version: shipperVersion,
  kind: 'TrafficTarget',
  plural: 'traffictargets',
  namespaced: true,
} as const;

export const trafficTarget: ServedKind = {
  address: trafficTargetAddress,
  shortNames: ['tt'],
  categories: ['shipper'],
  description:
    "Shipper's TrafficTarget: the weight of a Release's traffic in each cluster. Hansa makes one for each Release, with its name; nobody else changes it.",
  schema: trafficTargetSchema,
  columns: targetColumns,
  example: `apiVersion: ${shipperApiVersion}
kind: TrafficTarget
metadata:
  name: super-server-83e4eedd-1
  namespace: default
spec:
  clusters:
    - name: eu-ams-a
      weight: 50
`,
};
