import { HansaError } from '../../base/index.ts';
import type { ApiClient, ResourceType } from '../../kube/index.ts';

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

/** A kind that a chart brings along as a CRD is not served at once. */
const againMs = 5_000;

/** Where a member serves kinds, as it says itself; asked once for each group and version. */
export class ResourceTypes {
  readonly #client: ApiClient;
  readonly #known = new Map<string, readonly ResourceType[]>();

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** @throws HansaError KindNotServed, and those of the API */
  async find(
    { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
    signal: AbortSignal,
  ): Promise<ResourceType> {
    const known = this.#known.get(apiVersion)?.find((each) => each.kind === kind);
    if (known) return known;
    const asked = await this.#ask(apiVersion, signal);
    this.#known.set(apiVersion, asked);
    const found = asked.find((each) => each.kind === kind);
    if (found) return found;
    throw notServed(apiVersion, kind);
  }

  async #ask(apiVersion: string, signal: AbortSignal): Promise<readonly ResourceType[]> {
    const [group, version] = apiVersion.includes('/')
      ? (apiVersion.split('/', 2) as [string, string])
      : ['', apiVersion];
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    let text: string;
    try {
      text = await this.#client.raw(path, { signal });
    } catch (error) {
      if (error instanceof HansaError && ['NotFound', 'KindNotServed'].includes(error.reason)) return [];
      throw error;
    }
    const { resources = [] } = JSON.parse(text) as ResourceList;
    return resources
      .filter(({ name }) => !name.includes('/'))
      .map(({ name: plural, kind, namespaced }) => ({ group, version, kind, plural, namespaced }));
  }
}

function notServed(apiVersion: string, kind: string): HansaError {
  return new HansaError(
    `the cluster does not serve ${kind} of ${apiVersion}: install what brings it there, or take it out of the chart`,
    { reason: 'KindNotServed', retry: { afterMs: againMs } },
  );
}
