import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { globalBlockNamespace, shipperApiVersion, shipperGroup, shipperVersion } from './names.ts';

const spec = z
  .looseObject({
    message: z.string().meta({ description: 'Why nothing may be rolled out, for those who meet the block.' }),
    author: z
      .looseObject({
        type: z.string().meta({ description: 'What the author is, such as `user` or `application`.' }),
        name: z.string().meta({ description: 'Whom to ask.' }),
      })
      .meta({ description: 'Who made the block.' }),
  })
  .meta({ description: 'Why, and by whom.' });

const names = (what: string) =>
  z.string().meta({ description: `${what} that pass the block, as \`namespace/name\` with commas.` });

const status = z
  .object({
    overrides: z.exactOptional(
      z
        .object({
          application: z.exactOptional(names('Applications')),
          release: z.exactOptional(names('Releases')),
        })
        .meta({ description: 'Who passes the block.' }),
    ),
  })
  .meta({ description: 'Who passes the block; written by Hansa alone.' });

export const rolloutBlockSchema = z.object({ spec, status: z.exactOptional(status) });
export type RolloutBlockSpec = z.infer<typeof spec>;
export type RolloutBlockStatus = z.infer<typeof status>;

export const rolloutBlockAddress = {
  group: shipperGroup,
  version: shipperVersion,
  kind: 'RolloutBlock',
  plural: 'rolloutblocks',
  namespaced: true,
} as const;

export const rolloutBlock: ServedKind = {
  address: rolloutBlockAddress,
  shortNames: ['rb'],
  categories: ['all', 'shipper'],
  description: `Shipper's RolloutBlock: while it exists, no rollout starts, goes on or is taken away in its namespace; in namespace \`${globalBlockNamespace}\` it holds for all. What runs is kept in order all the same.`,
  schema: rolloutBlockSchema,
  columns: [
    { name: 'Message', type: 'string', jsonPath: '.spec.message', description: 'Why' },
    {
      name: 'Author Type',
      type: 'string',
      jsonPath: '.spec.author.type',
      description: 'What its author is',
      wide: true,
    },
    {
      name: 'Author Name',
      type: 'string',
      jsonPath: '.spec.author.name',
      description: 'Whom to ask',
      wide: true,
    },
    {
      name: 'Overriding Applications',
      type: 'string',
      jsonPath: '.status.overrides.application',
      description: 'Applications that pass it',
      wide: true,
    },
    {
      name: 'Overriding Releases',
      type: 'string',
      jsonPath: '.status.overrides.release',
      description: 'Releases that pass it',
      wide: true,
    },
  ],
  example: `apiVersion: ${shipperApiVersion}
kind: RolloutBlock
metadata:
  name: dns-outage
  namespace: ${globalBlockNamespace}
spec:
  message: name resolution fails in eu-west; no rollouts until it is mended
  author:
    type: user
    name: jdoe
`,
};
