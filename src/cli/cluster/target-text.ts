import type { ClusterSpec } from '../../provision/index.ts';

/** Where backups go: `/srv/backups`, `s3://bucket/prefix`. */
export function targetText({ target }: NonNullable<ClusterSpec['backup']>): string {
  return target.kind === 'directory'
    ? target.path
    : `s3://${[target.bucket, target.prefix].filter(Boolean).join('/')}`;
}
