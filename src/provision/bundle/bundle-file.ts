import { z } from 'zod';
import { HansaError } from '../../base/index.ts';

export const bundleSchema = 'hansa.dev/bundle/v1';

/** Names in a bundle. */
export const bundlePaths = {
  description: 'bundle.json',
  sums: 'SHA256SUMS',
  signature: 'SHA256SUMS.sig',
  blob: (sha256: string) => `oci/blobs/sha256/${sha256}`,
} as const;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits');
const sizeBytes = z.int().nonnegative();
const version = z.string().regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 1.36.3');
const architecture = z.string().regex(/^[a-z0-9]{1,16}$/);

/** Goes into scripts on machines as one word: no blanks, no quotes, no wildcards. */
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+:/@-]{0,254}$/, 'has characters that no name has');

/** Where an item is needed. `lb`: only where a load balancer is kept by Hansa. */
const role = z.enum(['all', 'control-plane', 'worker', 'lb']);
export type BundleRole = z.infer<typeof role>;

const common = {
  name,
  role,
  /** Absent: any. */
  arch: z.exactOptional(architecture),
  /** Its own. */
  version: z.exactOptional(z.string().max(128)),
  /** Versions of Kubernetes that need it; absent: all of the bundle. */
  kubernetes: z.exactOptional(z.array(version).min(1)),
  sizeBytes,
  sha256,
  /** Where it was found when the bundle was made. */
  source: z.exactOptional(z.string().max(2048)),
};

const fileItem = z.object({
  ...common,
  kind: z.enum(['binary', 'unit', 'manifest', 'package', 'archive']),
  path: z.string().min(1).max(1024),
  /** As chmod has it: `0755`. */
  mode: z.string().regex(/^0[0-7]{3}$/),
});

const imageItem = z.object({
  ...common,
  kind: z.literal('image'),
  mediaType: z.string().regex(/^[a-z0-9][a-z0-9!#$&^_.+/-]{0,254}$/),
  blobs: z.array(z.object({ sha256, sizeBytes })).min(2),
});

const item = z.discriminatedUnion('kind', [fileItem, imageItem]);
export type FileItem = z.infer<typeof fileItem>;
export type ImageItem = z.infer<typeof imageItem>;
export type StoredItem = z.infer<typeof item>;

const file = z.object({
  schema: z.literal(bundleSchema),
  /** RFC 3339. */
  created: z.string().max(64),
  /** Of Kubernetes, oldest first: several are an upgrade path. */
  kubernetes: z.array(version).min(1),
  architectures: z.array(architecture).min(1),
  items: z.array(item),
});
/** `bundle.json` */
export type BundleFile = z.infer<typeof file>;

/** @throws HansaError BundleBroken, BundleTooNew */
export function parseBundleFile(text: string, bundle: string): BundleFile {
  const value = parseJson(text, bundle);
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (typeof schema === 'string' && schema !== bundleSchema && schema.startsWith('hansa.dev/bundle/')) {
    throw new HansaError(
      `the bundle ${bundle} is of the kind ${schema}, and this Hansa reads ${bundleSchema}: use the Hansa that made it, or make it anew`,
      { reason: 'BundleTooNew', retry: 'never' },
    );
  }
  const parsed = file.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw broken(
    bundle,
    `its bundle.json is wrong at ${issue?.path.join('.') || 'the top'}: ${issue?.message}`,
  );
}

export function formatBundleFile(content: BundleFile): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** A bundle that must not be used. `why` ends without a full stop. */
export function broken(bundle: string, why: string): HansaError {
  return new HansaError(
    `the bundle ${bundle} can't be used: ${why}; nothing was changed: copy it again from where it was made`,
    { reason: 'BundleBroken', retry: 'never' },
  );
}

function parseJson(text: string, bundle: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw broken(bundle, 'its bundle.json is not JSON');
  }
}
