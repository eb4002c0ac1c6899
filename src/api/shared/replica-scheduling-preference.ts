import { z } from 'zod';
import { scheduledCondition, scheduledReasons } from '../names.ts';
import type { PrinterColumn } from '../served-kind.ts';
import { clusterNamePattern } from './cluster-name.ts';
import { conditions } from './condition.ts';
import { count, int64 } from './numbers.ts';
import { rules } from './rules.ts';

const clustersMax = 5000;

const clusterPreference = z
  .object({
    weight: z.exactOptional(
      z.int().min(0).meta({
        description: 'Share of the replicas, in relation to the other weights. Absent means 0.',
        format: 'int64',
      }),
    ),
    minReplicas: z.exactOptional(
      z.int().min(0).meta({
        description: 'Replicas the cluster gets first, before any weight counts. Absent means 0.',
        format: 'int64',
      }),
    ),
    maxReplicas: z.exactOptional(
      z.int().min(0).meta({
        description: 'Replicas the cluster gets at most. Absent means no limit.',
        format: 'int64',
      }),
    ),
  })
  .meta({ description: 'What one cluster shall get.' });

/** The fields that the preference has had in both groups. */
export const preferenceSpecFields = {
  targetKind: z.enum(['FederatedDeployment', 'FederatedReplicaSet']).meta({
    description: 'Kind of the federated object to spread; it has the name and namespace of this object.',
  }),
  totalReplicas: count('Replicas over all clusters together.'),
  rebalance: z.exactOptional(
    z.boolean().meta({
      description:
        'Whether running replicas may be moved to come closer to the weights. Absent means they stay.',
    }),
  ),
  clusters: z.exactOptional(
    z.record(z.string(), clusterPreference).meta({
      description:
        'Preferences by cluster name or alias; `*` stands for every cluster that is not named. Absent or empty: all alike.',
      maxProperties: clustersMax,
      ...rules({
        rule: `self.all(key, key == '*' || key.matches('${clusterNamePattern}'))`,
        message: 'every key must be the name or alias of a cluster, or "*" for all others',
      }),
    }),
  ),
};

export const preferenceStatus = z
  .object({
    observedGeneration: z.exactOptional(int64('The generation of this object that the status is about.')),
    conditions: z.exactOptional(
      conditions({ [scheduledCondition]: 'every replica has a cluster' }, scheduledReasons),
    ),
    clusters: z.exactOptional(
      z
        .array(
          z.object({
            name: z.string().meta({ description: 'Name of the KubeFedCluster.' }),
            replicas: count('Replicas the cluster was given.'),
            because: z.exactOptional(z.string().meta({ description: 'Which rule led to the number.' })),
          }),
        )
        .meta({ description: 'The division, sorted by name.', 'x-kubernetes-list-type': 'atomic' }),
    ),
    overflow: z.exactOptional(
      z.record(z.string(), count('Replicas beyond what fits.')).meta({
        description:
          'Replicas given to a cluster beyond what it can run now, by cluster; other clusters run them meanwhile.',
      }),
    ),
    unplaced: z.exactOptional(count('Replicas for which there is no cluster.')),
  })
  .meta({ description: 'What Hansa decided; written by Hansa alone.' });

const condition = `.status.conditions[?(@.type=="${scheduledCondition}")]`;

export const preferenceColumns: readonly PrinterColumn[] = [
  {
    name: 'Target',
    type: 'string',
    jsonPath: '.spec.targetKind',
    description: 'Kind of the object that is spread',
  },
  {
    name: 'Replicas',
    type: 'integer',
    jsonPath: '.spec.totalReplicas',
    description: 'Replicas over all clusters',
  },
  {
    name: 'Unplaced',
    type: 'integer',
    jsonPath: '.status.unplaced',
    description: 'Replicas without a cluster',
  },
  {
    name: 'Scheduled',
    type: 'string',
    jsonPath: `${condition}.status`,
    description: 'Whether all have a cluster',
  },
  { name: 'Reason', type: 'string', jsonPath: `${condition}.reason`, description: 'Why, in one word' },
  {
    name: 'Age',
    type: 'date',
    jsonPath: '.metadata.creationTimestamp',
    description: 'Since when the object exists',
  },
];
