import type { FederatedContent } from '../api/rollout.hansa.dev/v1alpha1/pins.ts';
import { rolloutRevisionAddress } from '../api/rollout.hansa.dev/v1alpha1/rollout-revision.ts';
import { HansaError, isJsonObject, type JsonObject } from '../base/index.ts';
import type { ApiClient, KubeObject } from '../kube/index.ts';

/** Contents that are kept; those of thousands of objects are needed only while these are under way. */
const kept = 500;

/**
 * Contents of old revisions, read from the host when a pinned member needs them.
 *
 * A RolloutRevision is never changed (its name tells its content), so what was read once holds, and no watch of all of
 * them is needed.
 */
export class Revisions {
  readonly #host: ApiClient;
  readonly #contents = new Map<string, Promise<FederatedContent | undefined>>();

  constructor(host: ApiClient) {
    this.#host = host;
  }

  /** Undefined for a revision that is not there, or that is not of a federated object. */
  async contentOf(
    { namespace, rollout, revision }: { namespace: string; rollout: string; revision: string },
    signal: AbortSignal,
  ): Promise<FederatedContent | undefined> {
    const key = `${namespace}/${rollout}-${revision}`;
    const known = this.#contents.get(key);
    if (known) return known;
    const reading = this.#read({ namespace, name: `${rollout}-${revision}` }, signal);
    this.#contents.set(key, reading);
    if (this.#contents.size > kept) this.#contents.delete(this.#contents.keys().next().value ?? key);
    try {
      const content = await reading;
      if (!content) this.#contents.delete(key);
      return content;
    } catch (error) {
      this.#contents.delete(key);
      throw error;
    }
  }

  async #read(
    ref: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<FederatedContent | undefined> {
    try {
      return contentOf(await this.#host.get(rolloutRevisionAddress, ref, { signal }));
    } catch (error) {
      if (error instanceof HansaError && ['NotFound', 'KindNotServed'].includes(error.reason)) {
        return undefined;
      }
      throw error;
    }
  }
}

function contentOf(object: KubeObject): FederatedContent | undefined {
  const { content } = (object['spec'] ?? {}) as { readonly content?: JsonObject };
  const template = content?.['template'];
  if (!isJsonObject(template)) return undefined;
  const overrides = content?.['overrides'];
  return {
    template,
    overrides: (Array.isArray(overrides) ? overrides : []) as FederatedContent['overrides'],
  };
}
