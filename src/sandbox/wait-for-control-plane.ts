import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ApiClient, createApiClient, type KubeObject, type ResourceType } from '../kube/index.ts';
import { type Layout, serverOf } from './component-arguments.ts';
import { endedError, type RunComponent } from './run-component.ts';
import { waitUntil } from './wait-until.ts';

/** A program that others wait for. */
export interface Awaited {
  readonly component: RunComponent;
  readonly ended: AbortSignal;
}

/** Starting takes 4 s alone on 2 cores; several at once on a busy machine a multiple of it. */
const readyLimitMs = 180_000;
const probeLimitMs = 2_000;

const serviceAccounts: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};
const nodes: ResourceType = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };

/** A client with all rights, for the sandbox's own few calls. */
export function adminClient(layout: Layout): ApiClient {
  const file = (name: string) => readFileSync(join(layout.pkiDir, name), 'utf8');
  return createApiClient(
    { server: serverOf(layout), ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key') },
    { name: layout.name, userAgent: 'hansa-sandbox' },
  );
}

/** Waits until the API server says it is ready, with its start-up hooks (the roles of RBAC are among them) done. */
export async function waitForApiServer(
  layout: Layout,
  awaited: readonly Awaited[],
  signal: AbortSignal,
): Promise<void> {
  const client = adminClient(layout);
  try {
    await waitFor(layout, awaited, signal, 'its API server to be ready', async () => {
      await client.raw('/readyz', { signal, deadlineMs: probeLimitMs });
      return true;
    });
  } finally {
    await client.close();
  }
}

/** Waits until pods could be made: the controllers have made the first service account. */
export async function waitForControllers(
  layout: Layout,
  client: ApiClient,
  awaited: readonly Awaited[],
  signal: AbortSignal,
): Promise<void> {
  const options = { signal, deadlineMs: probeLimitMs };
  await waitFor(layout, awaited, signal, 'its controllers to work', async () => {
    await client.get(serviceAccounts, { namespace: 'default', name: 'default' }, options);
    return true;
  });
}

/** Waits until pods could be placed: as many nodes as asked for are Ready and free of taints. */
export async function waitForNodes(
  layout: Layout,
  client: ApiClient,
  { count, awaited, signal }: { count: number; awaited: readonly Awaited[]; signal: AbortSignal },
): Promise<void> {
  await waitFor(layout, awaited, signal, `its ${count} nodes to be Ready`, async () => {
    let usable = 0;
    for await (const page of client.list(nodes, { signal, deadlineMs: probeLimitMs })) {
      usable += page.items.filter(isUsable).length;
    }
    return usable >= count;
  });
}

function isUsable(node: KubeObject): boolean {
  const { status, spec } = node as {
    readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
    readonly spec?: { readonly taints?: readonly unknown[] };
  };
  const isReady =
    status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false;
  return isReady && (spec?.taints ?? []).length === 0;
}

async function waitFor(
  layout: Layout,
  awaited: readonly Awaited[],
  signal: AbortSignal,
  what: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const throwIfEnded = () => {
    const gone = awaited.find(({ ended }) => ended.aborted);
    if (gone) throw endedError(layout, gone.component);
  };
  const ended = AbortSignal.any([signal, ...awaited.map((each) => each.ended)]);
  try {
    await waitUntil(isSo, { signal: ended, limitMs: readyLimitMs, what: `${layout.name}: ${what}` });
  } catch (error) {
    signal.throwIfAborted();
    throwIfEnded();
    throw error;
  }
}
