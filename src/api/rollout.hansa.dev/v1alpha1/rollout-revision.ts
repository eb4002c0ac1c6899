import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';

const spec = z
  .object({
    revision: z.string().min(1).max(64).meta({ description: 'Hash of the content.' }),
    rollout: z.string().min(1).max(253).meta({ description: 'Name of the Rollout it belongs to.' }),
    content: z.record(z.string(), z.unknown()).meta({
      description:
        'What was rolled out: `template` and `overrides` of a federated object, or `objects`, or `archive` (gzip of their JSON, in base64).',
    }),
    number: z.int().min(1).meta({ description: 'Order of the revisions of one Rollout, from 1.' }),
  })
  .meta({ description: 'A revision of what a Rollout rolls out; written by Hansa alone.' });

export const rolloutRevisionSchema = z.object({ spec });
export type RolloutRevisionSpec = z.infer<typeof spec>;

export const rolloutRevisionAddress = {
  group: 'rollout.hansa.dev',
  version: 'v1alpha1',
  kind: 'RolloutRevision',
  plural: 'rolloutrevisions',
  namespaced: true,
} as const;

export const rolloutRevision: ServedKind = {
  address: rolloutRevisionAddress,
  shortNames: ['hrr'],
  categories: ['hansa'],
  description:
    'A revision that clusters hold or may go back to. It may contain Secrets: whoever reads it reads them.',
  schema: rolloutRevisionSchema,
  columns: [
    { name: 'Rollout', type: 'string', jsonPath: '.spec.rollout', description: 'Its Rollout' },
    { name: 'Number', type: 'integer', jsonPath: '.spec.number', description: 'Order of the revisions' },
    { name: 'Revision', type: 'string', jsonPath: '.spec.revision', description: 'Hash of the content' },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it exists',
    },
  ],
  example: `apiVersion: rollout.hansa.dev/v1alpha1
kind: RolloutRevision
metadata:
  name: web-5d1f3c7a
  namespace: shop
spec:
  rollout: web
  number: 1
  revision: 5d1f3c7a
  content:
    template:
      data: {colour: blue}
`,
};
