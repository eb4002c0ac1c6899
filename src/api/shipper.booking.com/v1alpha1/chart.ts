import { z } from 'zod';
import { rules } from '../../shared/rules.ts';

/** Where the chart comes from. Loose, as everything that Shipper's users wrote is kept. */
export const chartSchema = z
  .looseObject({
    name: z.string().min(1).max(253).meta({ description: 'Name of the chart in its repository.' }),
    version: z.string().min(1).max(253).meta({
      description:
        'Version of the chart, such as `0.0.1`, or a constraint such as `~0.1`, which is replaced by the highest version that fits.',
    }),
    repoUrl: z
      .string()
      .min(1)
      .max(2048)
      .meta({
        description:
          'Address of the repository: `https://` or `http://` of a directory with an index.yaml, or `oci://` of a registry.',
        ...rules({
          rule: "self.startsWith('https://') || self.startsWith('http://') || self.startsWith('oci://')",
          message:
            'must be the address of a chart repository, such as https://charts.example.com or oci://registry.example.com/charts',
        }),
      }),
  })
  .meta({ description: 'The Helm chart that is rolled out.' });

export type Chart = z.infer<typeof chartSchema>;
