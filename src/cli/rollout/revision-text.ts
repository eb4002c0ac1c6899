import { gunzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { HansaError, isJsonObject, messageOf } from '../../base/index.ts';
import type { RevisionObject } from './rollout-object.ts';
import { type Mask, maskOverrides, maskSecret } from './secret-mask.ts';

/** An archive that unfolds to more than this is not one of Hansa's: its objects have passed the host's API server. */
const maxUnfoldedBytes = 64 * 1024 * 1024;

/** What a revision holds, as lines of YAML that can be compared: in a fixed order, without data of Secrets. */
export function revisionLines(
  { metadata, spec }: RevisionObject,
  { isSecret, mask }: { readonly isSecret: boolean; readonly mask: Mask },
): readonly string[] {
  const { content } = spec;
  const objects = objectsOf(content, metadata.name);
  const documents = objects
    ? objects
        .toSorted(byTitle)
        .map((object) => (object['kind'] === 'Secret' ? maskSecret(object, mask) : object))
    : [isSecret ? maskFederatedSecret(content, mask) : content];
  return documents.flatMap((document, index) => [
    ...(index > 0 ? ['---'] : []),
    ...stringify(document, { sortMapEntries: true, lineWidth: 0 }).trimEnd().split('\n'),
  ]);
}

type Manifest = Readonly<Record<string, unknown>>;

function objectsOf(content: Manifest, name: string): readonly Manifest[] | undefined {
  const { objects, archive } = content;
  if (Array.isArray(objects)) return objects.filter(isJsonObject);
  if (typeof archive !== 'string') return undefined;
  try {
    const json = gunzipSync(Buffer.from(archive, 'base64'), { maxOutputLength: maxUnfoldedBytes });
    const unfolded: unknown = JSON.parse(json.toString('utf8'));
    const list = isJsonObject(unfolded) ? unfolded['objects'] : unfolded;
    if (Array.isArray(list)) return list.filter(isJsonObject);
    return isJsonObject(unfolded) ? [unfolded] : [];
  } catch (error) {
    throw new HansaError(`the archive of RolloutRevision ${name} cannot be read: ${messageOf(error)}`, {
      reason: 'ArchiveUnreadable',
      retry: 'never',
      cause: error,
    });
  }
}

function maskFederatedSecret(content: Manifest, mask: Mask): unknown {
  return {
    ...content,
    ...('template' in content ? { template: maskSecret(content['template'], mask) } : {}),
    ...('overrides' in content ? { overrides: maskOverrides(content['overrides'], mask) } : {}),
  };
}

function byTitle(a: Manifest, b: Manifest): number {
  return titleOf(a) < titleOf(b) ? -1 : 1;
}

function titleOf({ apiVersion, kind, metadata }: Manifest): string {
  const { namespace, name } = isJsonObject(metadata) ? metadata : {};
  return [kind, namespace, name, apiVersion].map((part) => (typeof part === 'string' ? part : '')).join('\0');
}
