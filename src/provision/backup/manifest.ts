import { z } from 'zod';
import { HansaError } from '../../base/index.ts';

/** First entry of a backup: what it holds and of what it was made. */
const manifestSchema = z.object({
  schemaVersion: z.literal(1),
  cluster: z.object({ namespace: z.string(), name: z.string(), uid: z.string().optional() }),
  /** RFC 3339. */
  takenAt: z.string(),
  takenOn: z.string(),
  purpose: z.string(),
  kubernetesVersion: z.string(),
  snapshot: z.object({
    revision: z.string().optional(),
    totalKeys: z.number().optional(),
    etcdVersion: z.string().optional(),
  }),
  /** Members of etcd when it was taken. */
  members: z.array(z.object({ name: z.string(), peerUrls: z.array(z.string()) })),
  items: z.array(
    z.object({
      path: z.string(),
      sizeBytes: z.number().int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});
export type BackupManifest = z.infer<typeof manifestSchema>;
export type BackupItem = BackupManifest['items'][number];

export const manifestPath = 'manifest.json';
export const snapshotPath = 'etcd/snapshot.db';

/** @throws HansaError BackupCorrupt */
export function parseManifest(text: string): BackupManifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new HansaError(
      'the backup has no manifest that this Hansa understands: was it made by a newer one?',
      {
        reason: 'BackupCorrupt',
        retry: 'never',
        cause: error,
      },
    );
  }
}
