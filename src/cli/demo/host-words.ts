import { addressOf, federatedKinds, findFederatedKind } from '../../api/federated-kinds.ts';
import { propagationCondition } from '../../api/names.ts';
import { HansaError } from '../../base/index.ts';
import type { ApiClient, CallOptions, KubeObject } from '../../kube/index.ts';
import { federatedStatusOf, pendingReason } from '../federated-row.ts';
import type { DemoRow } from './demo-rows.ts';
import type { HostWord } from './shortfalls.ts';

/** Asks the host about the rows that are not as they should be. */
export async function readHostWords(
  client: ApiClient,
  rows: readonly DemoRow[],
  call: CallOptions,
): Promise<ReadonlyMap<DemoRow, HostWord>> {
  const words = new Map<DemoRow, HostWord>();
  for (const row of rows.filter(({ state }) => state !== 'ready')) {
    const object = await readFederated(client, row, call);
    if (object) words.set(row, hostWordOf(object));
  }
  return words;
}

async function readFederated(
  client: ApiClient,
  { expectation: { apiVersion, kind, namespace, name } }: DemoRow,
  call: CallOptions,
): Promise<KubeObject | undefined> {
  const row = federatedKinds.find(({ target }) => target.kind === kind);
  const found = row && findFederatedKind(apiVersion, row.federatedKind);
  if (!found) return undefined;
  try {
    return await client.get(addressOf(found.row, found.group), { namespace, name }, call);
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

/** Reads the status of a federated object. */
export function hostWordOf(object: KubeObject): HostWord {
  const status = federatedStatusOf(object);
  const condition = status?.conditions?.find(({ type }) => type === propagationCondition);
  return {
    message:
      pendingReason(object, status)?.message ??
      (condition?.status === 'True' ? undefined : condition?.message),
    clusters: new Map(
      (status?.clusters ?? []).map((cluster): [string, string | undefined] => [
        cluster.name,
        cluster.status && [cluster.status, cluster.message].filter(Boolean).join(': '),
      ]),
    ),
  };
}
