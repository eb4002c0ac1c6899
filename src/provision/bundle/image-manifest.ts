import { isJsonObject, type JsonObject } from '../../base/index.ts';
import type { Refuse } from './tar-tree.ts';

export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  gzipLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  manifests: [
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ] as readonly string[],
  indexes: [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
  ] as readonly string[],
} as const;

/** Configuration first, then the layers, as the manifest has them: objects with digest and size. */
export function manifestBlobs(
  manifest: JsonObject,
  refuse: Refuse,
): readonly (JsonObject & { readonly digest: string; readonly size: number })[] {
  const { config, layers } = manifest;
  if (!isJsonObject(config) || !Array.isArray(layers)) {
    throw refuse('its manifest has no configuration and layers');
  }
  return [config, ...(layers as readonly unknown[])].map((part) => {
    const { digest, size } = isJsonObject(part) ? part : {};
    if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest)) {
      throw refuse('its manifest names a part otherwise than by sha256');
    }
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      throw refuse('its manifest has a part without a size');
    }
    return { ...(part as JsonObject), digest, size };
  });
}

export function parseObject(bytes: Buffer, refuse: Refuse): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw refuse('a manifest or configuration in it is not JSON');
  }
  if (isJsonObject(value)) return value;
  throw refuse('a manifest or configuration in it is not an object');
}
