import { z } from 'zod';
import { rules } from '../../shared/rules.ts';
import { secretRef } from './fields.ts';

const directory = z
  .object({
    path: z
      .string()
      .min(1)
      .max(4096)
      .regex(/^\//, 'must be an absolute path')
      .meta({ description: 'Absolute path where Hansa runs; not on one of the machines.' }),
  })
  .meta({ description: 'A directory.' });

const s3 = z
  .object({
    bucket: z.string().min(3).max(63).meta({ description: 'Name of the bucket.' }),
    prefix: z.exactOptional(z.string().max(512).meta({ description: 'Before the name of each object.' })),
    endpoint: z.exactOptional(
      z
        .string()
        .max(2048)
        .regex(/^https?:\/\/.+/, 'must be a URL that starts with http:// or https://')
        .meta({ description: 'Address of an S3-compatible store. Absent: that of AWS for the region.' }),
    ),
    region: z.exactOptional(z.string().min(1).max(64).meta({ description: 'Region. Default us-east-1.' })),
    secretRef: secretRef('Secret with `access-key-id` and `secret-access-key`.'),
  })
  .meta({ description: 'A bucket of an S3-compatible store.' });

/** Where backups go. */
export const backupTarget = z
  .object({ directory: z.exactOptional(directory), s3: z.exactOptional(s3) })
  .meta({
    description: 'Where backups go: away from the machines.',
    ...rules({
      rule: 'has(self.directory) != has(self.s3)',
      message: 'set exactly one of directory, s3',
    }),
  });
