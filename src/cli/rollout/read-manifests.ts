import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HansaError, isJsonObject, messageOf } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { parseDocuments, titleOf } from '../offline/parse-documents.ts';
import { readText } from '../offline/read-text.ts';

const manifestName = /\.(ya?ml|json)$/i;
const kustomizationName = /^(kustomization\.ya?ml|Kustomization)$/;

/** The objects of files and directories, in the order in which they are named; `-` is standard input. */
export async function readManifests(paths: readonly string[]): Promise<readonly KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const path of paths) {
    for (const file of path === '-' ? [path] : await filesOf(path)) {
      objects.push(...parseManifests(await readText(file), file));
    }
  }
  return checkedManifests(objects);
}

/** As `kubectl apply -f DIR`: the directory's own files, without those below. */
async function filesOf(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).toSorted();
    if (names.some((name) => kustomizationName.test(name))) {
      throw unusable(`${path} has a kustomization: render it with -k ${path}`);
    }
    return names.filter((name) => manifestName.test(name)).map((name) => join(path, name));
  } catch (error) {
    if (error instanceof HansaError) throw error;
    throw unusable(`${path} cannot be read: ${messageOf(error)}`, error);
  }
}

/** The objects of an unpacked archive; undefined where it is to be rendered with kustomize. */
export function manifestsIn(
  files: ReadonlyMap<string, Uint8Array>,
  title: string,
): readonly KubeObject[] | undefined {
  const paths = [...files.keys()].toSorted();
  if (paths.some((path) => kustomizationName.test(path))) return undefined;
  const objects = paths
    .filter((path) => manifestName.test(path))
    .flatMap((path) =>
      parseManifests(Buffer.from(files.get(path) ?? []).toString('utf8'), `${title}: ${path}`),
    );
  return checkedManifests(objects);
}

/** @throws HansaError InvalidInput that names file and document */
export function parseManifests(text: string, where: string): readonly KubeObject[] {
  return parseDocuments(text).map((document) => {
    if (!document.ok) throw unusable(`${where}: ${document.where}: ${document.message}`);
    const { value } = document;
    if (!isJsonObject(value) || !isManifest(value)) {
      throw unusable(
        `${where}: ${titleOf(value, document.where)} is no object: it needs apiVersion, kind and metadata.name`,
      );
    }
    return value as unknown as KubeObject;
  });
}

function isManifest({ apiVersion, kind, metadata }: Readonly<Record<string, unknown>>): boolean {
  return (
    typeof apiVersion === 'string' &&
    typeof kind === 'string' &&
    isJsonObject(metadata) &&
    typeof metadata['name'] === 'string'
  );
}

export function checkedManifests(objects: readonly KubeObject[]): readonly KubeObject[] {
  if (objects.length === 0)
    throw unusable('no objects were found: name files that end in .yaml, .yml or .json');
  const seen = new Set<string>();
  for (const object of objects) {
    const key = JSON.stringify([
      object.apiVersion,
      object.kind,
      object.metadata.namespace,
      object.metadata.name,
    ]);
    if (seen.has(key)) throw unusable(`${titleOf(object, 'an object')} is there twice`);
    seen.add(key);
  }
  return objects;
}

/** Reads what kustomize prints. */
export function parseRendered(text: string, where: string): readonly KubeObject[] {
  return checkedManifests(parseManifests(text, where));
}

function unusable(message: string, cause?: unknown): HansaError {
  return new HansaError(message, {
    reason: 'InvalidInput',
    retry: 'never',
    ...(cause === undefined ? {} : { cause }),
  });
}
