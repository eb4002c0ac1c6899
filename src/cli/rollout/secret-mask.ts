import { createHmac } from 'node:crypto';
import { isJsonObject } from '../../base/index.ts';

/** Shows that two values are equal or not, and nothing else about them. */
export type Mask = (value: unknown) => string;

/**
 * A keyed hash: a plain one of a short password could be found by trying. With a key that nobody keeps, masked values
 * can be compared within one output only.
 */
export function maskWith(key: Uint8Array): Mask {
  return (value) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `(hidden ${createHmac('sha256', key).update(text).digest('hex').slice(0, 12)})`;
  };
}

/** The values of a Secret's data, or of what becomes one, replaced. */
export function maskSecret(secret: unknown, mask: Mask): unknown {
  if (!isJsonObject(secret)) return secret;
  const result: Record<string, unknown> = { ...secret };
  for (const field of ['data', 'stringData']) {
    const data = result[field];
    if (!isJsonObject(data)) continue;
    result[field] = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, mask(value)]));
  }
  const { metadata } = secret;
  return isJsonObject(metadata) ? { ...result, metadata: maskLastApplied(metadata, mask) } : result;
}

/** kubectl keeps the whole object there, data included. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

function maskLastApplied(metadata: Readonly<Record<string, unknown>>, mask: Mask): unknown {
  const { annotations } = metadata;
  if (!isJsonObject(annotations) || annotations[lastApplied] === undefined) return metadata;
  return { ...metadata, annotations: { ...annotations, [lastApplied]: mask(annotations[lastApplied]) } };
}

const secretPath = /^\/(data|stringData)(\/|$)/;

/** Overrides of a FederatedSecret that carry data. */
export function maskOverrides(overrides: unknown, mask: Mask): unknown {
  if (!Array.isArray(overrides)) return overrides;
  return overrides.map((entry: unknown) => {
    if (!isJsonObject(entry) || !Array.isArray(entry['clusterOverrides'])) return entry;
    return {
      ...entry,
      clusterOverrides: entry['clusterOverrides'].map((operation: unknown) =>
        isJsonObject(operation) && secretPath.test(slashed(operation['path'])) && 'value' in operation
          ? { ...operation, value: mask(operation['value']) }
          : operation,
      ),
    };
  });
}

/** Paths of 2019 are written with dots. */
function slashed(path: unknown): string {
  const text = typeof path === 'string' ? path : '';
  return text.startsWith('/') ? text : `/${text.replaceAll('.', '/')}`;
}
