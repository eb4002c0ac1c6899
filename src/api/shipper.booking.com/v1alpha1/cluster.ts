import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { int32 } from '../../shared/numbers.ts';
import { rules } from '../../shared/rules.ts';
import { shipperApiVersion, shipperGroup, shipperVersion } from './names.ts';

const spec = z
  .looseObject({
    apiMaster: z
      .string()
      .max(2048)
      .meta({
        description:
          'Address of the API server. Hansa reaches the cluster through the KubeFedCluster of the same name and does not use it.',
        ...rules({
          rule: "self == '' || !self.contains('://') || self.startsWith('https://') || self.startsWith('http://')",
          message: 'must be a host, host:port or a URL that starts with https:// or http://',
        }),
      }),
    region: z.string().min(1).max(253).meta({ description: 'The region that Applications name.' }),
    capabilities: z.exactOptional(
      z.array(z.string()).meta({
        description: 'What the cluster is capable of, in words that Applications ask for.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    scheduler: z.exactOptional(
      z
        .looseObject({
          unschedulable: z.exactOptional(
            z.boolean().meta({ description: 'True keeps new Releases away; those there stay.' }),
          ),
          weight: z.exactOptional(int32('How readily the cluster is chosen within its region. Default 100.')),
          identity: z.exactOptional(
            z.string().max(253).meta({
              description:
                "The name under which the cluster is chosen. Default its own; that of a cluster it replaces gives it that one's place.",
            }),
          ),
        })
        .meta({ description: 'How the cluster is chosen.' }),
    ),
  })
  .meta({ description: 'Where the cluster is and how it is chosen.' });

const status = z
  .looseObject({
    inService: z.exactOptional(
      z.boolean().meta({ description: 'Never set; kept for objects that have it.' }),
    ),
  })
  .meta({ description: 'Kept as Shipper left it.' });

export const clusterSchema = z.object({ spec, status: z.exactOptional(status) });
export type ClusterSpec = z.infer<typeof spec>;

export const clusterAddress = {
  group: shipperGroup,
  version: shipperVersion,
  kind: 'Cluster',
  plural: 'clusters',
  namespaced: false,
} as const;

export const cluster: ServedKind = {
  address: clusterAddress,
  shortNames: ['cl'],
  categories: ['shipper'],
  description:
    "Shipper's Cluster: region, capabilities and weight of a cluster for the choice that Applications make. It goes with the KubeFedCluster of the same name, through which Hansa reaches the cluster.",
  schema: clusterSchema,
  columns: [
    { name: 'Region', type: 'string', jsonPath: '.spec.region', description: 'The region it is in' },
    {
      name: 'Unschedulable',
      type: 'boolean',
      jsonPath: '.spec.scheduler.unschedulable',
      description: 'Whether new Releases are kept away',
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it exists',
    },
  ],
  example: `apiVersion: ${shipperApiVersion}
kind: Cluster
metadata:
  name: eu-ams-a
spec:
  apiMaster: https://eu-ams-a.example.com:6443
  region: eu-west
  capabilities: [gpu]
  scheduler:
    unschedulable: false
    weight: 100
`,
};
