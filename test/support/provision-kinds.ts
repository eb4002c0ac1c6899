import { vi } from 'vitest';
import { toCrd } from '../../src/api/crd/to-crd.ts';
import { provisionKinds } from '../../src/api/served-kinds.ts';
import type { ApiClient, KubeObject, ResourceType } from '../../src/kube/index.ts';

export const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/** Resolves once the API server serves them. */
export async function installProvisionKinds(host: ApiClient): Promise<void> {
  for (const served of provisionKinds) {
    await host.apply(crdType, toCrd(served) as unknown as KubeObject, { fieldManager: 'test' });
  }
  for (const { address } of provisionKinds) {
    await vi.waitFor(
      async () => {
        for await (const _ of host.list(address)) break;
      },
      { timeout: 20_000, interval: 50 },
    );
  }
}
