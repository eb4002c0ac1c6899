import type { FederatedKind } from '../federated-kinds.ts';
import { propagationCondition } from '../names.ts';
import type { PrinterColumn } from '../served-kind.ts';

/** What `kubectl get` shows of a federated object. */
export function federatedColumns(row: FederatedKind): readonly PrinterColumn[] {
  const condition = `.status.conditions[?(@.type=="${propagationCondition}")]`;
  return [
    {
      name: 'Clusters',
      type: 'string',
      jsonPath: '.status.summary.text',
      description: 'Clusters in sync of clusters selected',
    },
    ...(row.hasReplicas
      ? ([
          {
            name: 'Replicas',
            type: 'integer',
            jsonPath: '.status.summary.replicas',
            description: 'Pods in all clusters',
          },
          {
            name: 'Ready',
            type: 'integer',
            jsonPath: '.status.summary.readyReplicas',
            description: 'Ready pods in all clusters',
          },
        ] as const)
      : []),
    {
      name: 'Propagated',
      type: 'string',
      jsonPath: `${condition}.status`,
      description: 'Whether every selected cluster holds what it should',
    },
    { name: 'Reason', type: 'string', jsonPath: `${condition}.reason`, description: 'Why not' },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when the object exists',
    },
    {
      name: 'Message',
      type: 'string',
      jsonPath: `${condition}.message`,
      description: 'Why not, in a sentence',
      wide: true,
    },
  ];
}
