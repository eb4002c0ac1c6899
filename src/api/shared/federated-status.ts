import { z } from 'zod';
import type { FederatedKind } from '../federated-kinds.ts';
import { memberStates, propagationCondition, propagationReasons } from '../names.ts';
import { anyObject } from './any-object.ts';
import { conditions } from './condition.ts';
import { count, int64 } from './numbers.ts';

const states = Object.entries(memberStates)
  .map(([state, meaning]) => `\`${state}\`: ${meaning}`)
  .join('; ');

const replicas = {
  replicas: z.exactOptional(count('Pods that exist.')),
  readyReplicas: z.exactOptional(count('Pods that are ready.')),
};

/** What Hansa tells about a federated object; the same in both groups. */
export function federatedStatus(row: FederatedKind) {
  return row.hasReplicas ? statusWithReplicas : statusWith({});
}

function statusWith<T extends Partial<typeof replicas>>(numbers: T) {
  return z
    .object({
      observedGeneration: z.exactOptional(int64('The generation of this object that the status is about.')),
      conditions: z.exactOptional(
        conditions(
          { [propagationCondition]: 'every selected cluster holds what it should' },
          propagationReasons,
        ),
      ),
      summary: z.exactOptional(
        z
          .object({
            text: z.string().meta({ description: 'Clusters in sync of clusters selected, such as `2/3`.' }),
            selected: count('Clusters that shall hold the object.'),
            inSync: count('Clusters of these that hold it as it should be.'),
            failing: count('Clusters with an error; they are tried again.'),
            ...numbers,
          })
          .meta({ description: 'The clusters in numbers.' }),
      ),
      clusters: z.exactOptional(
        z
          .array(
            z.object({
              name: z.string().meta({ description: 'Name of the KubeFedCluster.' }),
              status: z.exactOptional(
                z.string().meta({
                  description: `Absent when the cluster holds what it should. Otherwise ${states}.`,
                }),
              ),
              message: z.exactOptional(
                z.string().meta({ description: 'What happened, and what to do next.' }),
              ),
              lastTransitionTime: z.exactOptional(
                z.string().meta({
                  description: 'Since when the cluster has been in this state.',
                  format: 'date-time',
                }),
              ),
              version: z.exactOptional(
                z.string().meta({
                  description:
                    'What was last written there and what came of it. Compared for equality, never read.',
                }),
              ),
              ...numbers,
              remoteStatus: z.exactOptional(anyObject("The status of the member's object, as it is.")),
            }),
          )
          .meta({
            description: 'The clusters one by one, sorted by name.',
            // Atomic: the API server would else keep a record of who owns each field of each entry, which
            // takes more room in every copy of the object than the entries themselves.
            'x-kubernetes-list-type': 'atomic',
          }),
      ),
    })
    .meta({ description: 'What Hansa found; written by Hansa alone.' });
}

/** For reading, too: what may stand in the status of any kind. */
export const statusWithReplicas = statusWith(replicas);

export type FederatedStatus = z.infer<typeof statusWithReplicas>;
