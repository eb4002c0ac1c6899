import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { HansaError, messageOf } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';

/** What a revision renders to, and what it was made from. */
export interface Rendering {
  readonly source: RenderingSource;
  readonly objects: readonly KubeObject[];
}

/** For people and for `hansa rollout diff`; says nothing secret. */
export interface RenderingSource {
  readonly chart: string;
  readonly version: string;
  /** Without a user. */
  readonly repository: string;
  /** sha256 of the chart's archive in hex. */
  readonly digest: string;
}

/** A rendering as it is stored: packed and cut into parts. */
export interface PackedRendering {
  /** sha256 of all parts together, in hex: its address, and what proves that it is whole. */
  readonly digest: string;
  readonly parts: readonly Uint8Array[];
}

/** A Secret takes 1 MiB, and so does etcd with all that stands around it. */
const maxPartBytes = 900_000;
/** Some 18 MB packed are 200 MB of YAML: no cluster takes that in one rollout. */
const maxParts = 20;
/** Keeps a bomb of a few kB from filling the memory. */
const maxUnpackedBytes = 256 * 1024 * 1024;

/** @throws HansaError RenderingTooLarge */
export async function packRendering(
  rendering: Rendering,
  partBytes: number = maxPartBytes,
): Promise<PackedRendering> {
  const packed = await promisify(gzip)(JSON.stringify({ format: 1, ...rendering }));
  const count = Math.ceil(packed.length / partBytes);
  if (count > maxParts) {
    throw new HansaError(
      `the chart renders to ${packed.length} bytes packed, more than ${maxParts} Secrets hold: split the chart`,
      { reason: 'RenderingTooLarge', retry: 'never' },
    );
  }
  return {
    digest: digestOf([packed]),
    parts: Array.from({ length: count }, (_, at) => packed.subarray(at * partBytes, (at + 1) * partBytes)),
  };
}

/** @throws HansaError RenderingDamaged, if it is not to the bit what was packed */
export async function unpackRendering({ digest, parts }: PackedRendering): Promise<Rendering> {
  if (digestOf(parts) !== digest) throw renderingDamaged(digest, 'its parts do not give its sha256');
  try {
    const text = await promisify(gunzip)(Buffer.concat(parts), { maxOutputLength: maxUnpackedBytes });
    const { format, source, objects } = JSON.parse(text.toString('utf8')) as Rendering & {
      readonly format: number;
    };
    // A newer Hansa may have written it, before it was taken back to this version.
    if (format !== 1) throw new Error(`it has format ${format}, which this version does not know`);
    return { source, objects };
  } catch (error) {
    throw renderingDamaged(digest, messageOf(error), error);
  }
}

export function renderingDamaged(digest: string, why: string, cause?: unknown): HansaError {
  return new HansaError(
    `the stored rendering ${digest.slice(0, 12)} cannot be used (${why}): delete its Secrets, and it is rendered again from the chart`,
    { reason: 'RenderingDamaged', retry: { afterMs: 60_000 }, cause },
  );
}

function digestOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
