import {
  kubeOperationAddress,
  type KubeOperationStatus,
} from '../../api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { automaticLabel, clusterLabel } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { hashOf, type Json } from '../../base/index.ts';
import type { ApiClient, KubeObject } from '../../kube/index.ts';
import type { JournalRecord } from '../plan/journal.ts';
import type { ClusterKey } from '../store/index.ts';
import { type MovedOperation, same } from './portable.ts';

export type Operation = KubeObject & { readonly status?: KubeOperationStatus };

export interface JournalPlace {
  readonly client: ApiClient;
  readonly key: ClusterKey;
  readonly signal: AbortSignal;
  /** KubeOperations of the cluster that are there. */
  readonly found: readonly Operation[];
  remove(operation: Operation): Promise<void>;
}

const fieldManager = 'hansa-pivot';

/** Brings the KubeOperations of an inactive copy to this journal, and to no more than that. */
export async function putJournal(place: JournalPlace, operations: readonly MovedOperation[]): Promise<void> {
  const kept = new Set<string>();
  for (const [index, { operation, records }] of operations.entries()) {
    const own = operationName(place.key.name, operation);
    // A run that a person asked for has its journal in the object that the person made.
    const found = place.found.find(({ metadata }) => metadata.name === operation || metadata.name === own);
    const { metadata, status } = found ?? (await createOperation(place, own));
    kept.add(metadata.name);
    const wanted = movedStatus(records, index + 1);
    if (same(journalIn(status), journalIn(wanted))) continue;
    await writeStatus(place, metadata.name, wanted as unknown as Json);
  }
  for (const operation of place.found) {
    const { metadata, status } = operation;
    if (kept.has(metadata.name)) continue;
    if (metadata.labels?.[automaticLabel] === 'true') await place.remove(operation);
    else if (status?.journal) await writeStatus(place, metadata.name, { journal: null });
  }
}

/** Names of those that people asked for and that have not come to their end. */
export function waitingIn(operations: readonly Operation[]): readonly string[] {
  const ended = ['Completed', 'Failed', 'RolledBack', 'Refused'];
  return operations
    .filter(
      ({ metadata, status }) =>
        metadata.labels?.[automaticLabel] !== 'true' && !ended.includes(status?.phase ?? ''),
    )
    .map(({ metadata }) => metadata.name);
}

function createOperation({ client, key, signal }: JournalPlace, name: string): Promise<Operation> {
  const operation: KubeObject = {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: kubeOperationAddress.kind,
    metadata: {
      name,
      namespace: key.namespace,
      labels: { [clusterLabel]: key.name, [automaticLabel]: 'true' },
    },
    spec: { clusterName: key.name, type: 'Apply', note: 'done before the cluster was moved here' },
  };
  return client.create<Operation>(kubeOperationAddress, operation, { signal, fieldManager });
}

async function writeStatus({ client, key, signal }: JournalPlace, name: string, status: Json): Promise<void> {
  const ref = { namespace: key.namespace, name };
  const options = { type: 'merge', subresource: 'status', fieldManager, signal } as const;
  await client.patch(kubeOperationAddress, ref, { status }, options);
}

function movedStatus(records: readonly JournalRecord[], sequence: number): KubeOperationStatus {
  const events = new Map(
    records.filter(({ event }) => event !== 'intent').map(({ step, event }) => [step, event]),
  );
  const ends = [...events.values()];
  const phase = ends.includes('failed')
    ? 'Failed'
    : ends.includes('interrupted')
      ? 'Interrupted'
      : 'Completed';
  const [first, last] = [records[0], records.at(-1)];
  return {
    phase,
    sequence,
    ...(first && last ? { startedAt: first.at, completedAt: last.at } : {}),
    journal: records as NonNullable<KubeOperationStatus['journal']>,
  };
}

function journalIn({ journal, sequence }: KubeOperationStatus = {}): Json {
  return { journal: journal ?? null, sequence: sequence ?? null } as unknown as Json;
}

/** As the store of the host names them. */
function operationName(cluster: string, operation: string): string {
  const name = `${cluster}-${operation}`;
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)
    ? name
    : `${cluster}-${hashOf(operation)}`;
}
