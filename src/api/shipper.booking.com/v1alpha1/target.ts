import { z } from 'zod';
import type { PrinterColumn } from '../../served-kind.ts';
import { int64 } from '../../shared/numbers.ts';
import { shipperConditions } from './conditions.ts';
import { targetConditions, targetReasons } from './names.ts';

/** What the three targets of a Release have in common. */

export const targetConditionList = shipperConditions(targetConditions, targetReasons);

export const targetClusterName = z.string().min(1).max(253).meta({ description: 'Name of the Cluster.' });

export const observedGeneration = int64('The generation of this object that the status is about.');

/** A list with one entry a cluster. */
export function byCluster<T extends z.ZodType>(entry: T, description: string) {
  return z.array(entry).meta({
    description,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  });
}

export const targetColumns: readonly PrinterColumn[] = [
  {
    name: 'Operational',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Operational")].status',
    description: 'Whether all clusters can be asked and answer sensibly',
  },
  {
    name: 'Ready',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
    description: 'Whether what spec says is so in all clusters',
  },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: '.status.conditions[?(@.status=="False")].message',
    description: 'Why not',
  },
  {
    name: 'Age',
    type: 'date',
    jsonPath: '.metadata.creationTimestamp',
    description: 'Since when it exists',
  },
];
