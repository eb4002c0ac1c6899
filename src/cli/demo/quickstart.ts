import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { servedKinds } from '../../api/served-kinds.ts';
import { HansaError } from '../../base/index.ts';
import {
  type ApiClient,
  apiVersionOf,
  type KubeObject,
  namespaceType,
  type ResourceType,
} from '../../kube/index.ts';

export interface QuickstartFile {
  readonly name: string;
  readonly documents: readonly KubeObject[];
}

/** The documents of `examples/quickstart/`, in the order of their files. */
export async function readQuickstart(): Promise<readonly QuickstartFile[]> {
  const { parseAllDocuments } = await import('yaml');
  // Beside `src/` in a checkout, beside the bundle in a release.
  for (const path of ['../../../examples/quickstart/', '../examples/quickstart/']) {
    const directory = fileURLToPath(new URL(path, import.meta.url));
    const found = await readdir(directory).catch(() => []);
    const names = found.filter((file) => file.endsWith('.yaml')).sort();
    if (names.length === 0) continue;
    return Promise.all(
      names.map(async (name) => ({
        name,
        documents: parseAllDocuments(await readFile(`${directory}${name}`, 'utf8')).map(
          (document) => document.toJS() as KubeObject,
        ),
      })),
    );
  }
  throw new HansaError('the directory examples/quickstart/ is missing from this installation of Hansa', {
    reason: 'ExamplesMissing',
    retry: 'never',
  });
}

/** As kubectl would do it, so that a later `kubectl apply --server-side` of the same files finds no other owner. */
const fieldManager = 'kubectl';

/** Applies the files one after the other, each with its documents in their order. */
export async function applyQuickstart(
  client: ApiClient,
  files: readonly QuickstartFile[],
  { signal, onFile }: { readonly signal: AbortSignal; readonly onFile: (name: string) => void },
): Promise<void> {
  for (const { name, documents } of files) {
    onFile(name);
    for (const document of documents) {
      await client.apply(typeOf(document), document, { fieldManager, force: true, signal });
    }
  }
}

const types: readonly ResourceType[] = [namespaceType, ...servedKinds.map(({ address }) => address)];

export function typeOf({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): ResourceType {
  const found = types.find((type) => type.kind === kind && apiVersionOf(type) === apiVersion);
  if (found) return found;
  throw new HansaError(`the quickstart has a ${kind} of ${apiVersion}, which no CRD of Hansa's serves`, {
    reason: 'KindNotServed',
    retry: 'never',
  });
}
