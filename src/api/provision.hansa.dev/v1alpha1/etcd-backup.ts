import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { int64 } from '../../shared/numbers.ts';
import { rules } from '../../shared/rules.ts';
import { backupTarget } from './backup-target.ts';
import { clusterName, secretRef, time } from './fields.ts';

const spec = z
  .object({
    clusterName,
    trigger: z
      .enum(['Scheduled', 'Manual', 'BeforeUpgrade', 'Found'])
      .meta({ description: 'Why it was taken. Found: it was in the target already.' }),
    takenAt: time('When it was taken.'),
    target: backupTarget,
    file: z.string().min(1).max(1024).meta({ description: 'Name of the archive in the target.' }),
    sizeBytes: int64('Size of the archive.'),
    sha256: z.exactOptional(
      z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
        .meta({ description: 'Hash of the snapshot in it.' }),
    ),
    encryptionSecretRef: z.exactOptional(secretRef('Secret with the `passphrase` that opens it.')),
    etcd: z.exactOptional(
      z
        .object({
          revision: z
            .string()
            .regex(/^[0-9]{1,20}$/, 'must be a number')
            .meta({ description: 'Revision; as text, because it may have 64 bits.' }),
          totalKeys: z.exactOptional(int64('Keys in it.')),
        })
        .meta({ description: 'The snapshot in it.' }),
    ),
    kubernetesVersion: z.exactOptional(
      z.string().max(32).meta({ description: 'Version of Kubernetes it was taken under.' }),
    ),
  })
  .meta({
    description:
      'A backup that was taken. All that a restore needs to find it is here, and none of it changes.',
    ...rules({ rule: 'self == oldSelf', message: 'can’t be changed: it tells what was stored' }),
  });

const status = z
  .object({
    phase: z.exactOptional(
      z.enum(['Verified', 'Unverified', 'Missing']).meta({
        description: 'Verified: it was read back when it was taken. Missing: the target has it no more.',
      }),
    ),
    verifiedAt: z.exactOptional(time('When it was last read back and found good.')),
    message: z.exactOptional(z.string().meta({ description: 'What is wrong, and what to do next.' })),
  })
  .meta({ description: 'How the backup stands; written by Hansa alone.' });

export const etcdBackupSchema = z.object({ spec, status: z.exactOptional(status) });
export type EtcdBackupSpec = z.infer<typeof spec>;
export type EtcdBackupStatus = z.infer<typeof status>;

export const etcdBackupAddress = {
  group: 'provision.hansa.dev',
  version: 'v1alpha1',
  kind: 'EtcdBackup',
  plural: 'etcdbackups',
  namespaced: true,
} as const;

export const etcdBackup: ServedKind = {
  address: etcdBackupAddress,
  shortNames: ['ebk'],
  categories: ['hansa', 'provision'],
  description:
    'A snapshot of etcd that was taken of a KubeCluster, with PKI and configuration. Hansa writes it; a KubeOperation of type Backup or the schedule of the cluster makes one. Deleting it leaves the archive where it is.',
  schema: etcdBackupSchema,
  columns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterName', description: 'Its KubeCluster' },
    { name: 'Trigger', type: 'string', jsonPath: '.spec.trigger', description: 'Why it was taken' },
    {
      name: 'Phase',
      type: 'string',
      jsonPath: '.status.phase',
      description: 'What the last look at it said',
    },
    { name: 'Revision', type: 'string', jsonPath: '.spec.etcd.revision', description: 'Revision of etcd' },
    { name: 'Bytes', type: 'integer', jsonPath: '.spec.sizeBytes', description: 'Size of the archive' },
    { name: 'File', type: 'string', jsonPath: '.spec.file', description: 'Name of the archive', wide: true },
    { name: 'Taken', type: 'date', jsonPath: '.spec.takenAt', description: 'When it was taken' },
  ],
  example: `apiVersion: provision.hansa.dev/v1alpha1
kind: EtcdBackup
metadata:
  name: shop-20260901t061500z
  namespace: clusters
spec:
  clusterName: shop
  trigger: Scheduled
  takenAt: "2026-09-01T06:15:00Z"
  target:
    directory: {path: /var/backups/hansa}
  file: clusters.shop-20260901T061500Z.hansa-backup
  sizeBytes: 48234496
  sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  encryptionSecretRef: {name: shop-backup}
  etcd: {revision: "181273", totalKeys: 5120}
  kubernetesVersion: 1.36.3
`,
};
