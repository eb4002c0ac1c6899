import { movedToAnnotation, provisionGroup } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { hashOf, isJsonObject, type Json, type JsonObject } from '../../base/index.ts';
import { type JournalRecord, openIntents } from '../plan/journal.ts';
import type { WholeCluster } from '../store/state-file.ts';

/** What belongs to one home alone, or says what is said here anew. */
const homeAnnotations = [movedToAnnotation, 'kubectl.kubernetes.io/last-applied-configuration'];

/** The kinds that move, in the order in which they are written. */
export const movedKinds = ['KubeCluster', 'KubeMachine', 'EtcdBackup'] as const;
export type MovedKind = (typeof movedKinds)[number];

/** An object as a person would write it: without its status, and without what an API server adds. */
export function portableObject(object: JsonObject, namespace: string): JsonObject {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  const labels = isJsonObject(metadata['labels']) ? metadata['labels'] : {};
  const given = isJsonObject(metadata['annotations']) ? metadata['annotations'] : {};
  const annotations = Object.fromEntries(
    Object.entries(given).filter(([key]) => !homeAnnotations.includes(key)),
  );
  return {
    apiVersion: `${provisionGroup}/v1alpha1`,
    kind: object['kind'] ?? '',
    metadata: {
      name: metadata['name'] ?? '',
      namespace,
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: object['spec'] ?? {},
  };
}

/** A cluster as both homes have it, so that two of them can be compared. */
export function portable(cluster: WholeCluster): WholeCluster {
  const { namespace } = cluster;
  const isMoved = (object: JsonObject) => movedKinds.some((kind) => kind === object['kind']);
  const objects = cluster.objects
    .filter(isMoved)
    .map((object) => portableObject(object, namespace))
    .toSorted((a, b) => rankOf(a) - rankOf(b));
  const journal = operationsOf(cluster.journal).flatMap(({ records }) => records);
  return { namespace, name: cluster.name, objects, journal, secrets: cluster.secrets };
}

export interface MovedOperation {
  readonly operation: string;
  readonly records: readonly JournalRecord[];
}

/** The journal by its operations, in the order in which they began: a host keeps a KubeOperation for each. */
export function operationsOf(journal: readonly JournalRecord[]): readonly MovedOperation[] {
  const names = [...new Set(journal.map(({ operation }) => operation))];
  return names.map((operation) => ({
    operation,
    records: journal.filter((record) => record.operation === operation).map(plain),
  }));
}

/** What the second is not as the first has it, in words for people; empty: nothing. */
export function differences(wanted: WholeCluster, found: WholeCluster): readonly string[] {
  const [a, b] = [portable(wanted), portable(found)];
  const objects = a.objects.flatMap((object) => {
    const other = b.objects.find((each) => titleOf(each) === titleOf(object));
    return other && same(object, other) ? [] : [titleOf(object)];
  });
  const extra = b.objects
    .map(titleOf)
    .filter((title) => !a.objects.some((object) => titleOf(object) === title))
    .map((title) => `${title} (too much)`);
  const secrets = Object.entries(a.secrets).flatMap(([name, values]) =>
    same(values, b.secrets[name] ?? null) ? [] : [`Secret ${name}`],
  );
  const isJournalSame = same(a.journal as unknown as Json, b.journal as unknown as Json);
  return [...objects, ...extra, ...secrets, ...(isJournalSame ? [] : ['the journal'])];
}

/** Why a cluster can't change hands just now: somebody's half-done work, which only who began it knows well. */
export function openWorkIn(journal: readonly JournalRecord[]): string | undefined {
  const intent = openIntents(journal).at(-1);
  if (intent) return `step ${intent.step} of ${intent.operation} was begun and not ended`;
  for (const step of new Set(journal.map((record) => record.step))) {
    const last = journal.findLast((record) => record.step === step && record.event !== 'intent');
    if (last?.event === 'started') return `step ${step} of ${last.operation} was begun and not ended`;
  }
  return undefined;
}

/** Its own authority, by which it is known. */
export function caOf({ name, secrets }: Pick<WholeCluster, 'name' | 'secrets'>): string | undefined {
  return secrets[`${name}-ca`]?.['tls.crt'];
}

export function titleOf(object: JsonObject): string {
  const { kind } = object;
  return `${typeof kind === 'string' ? kind : 'object'} ${nameOf(object)}`;
}

export function nameOf({ metadata }: JsonObject): string {
  return isJsonObject(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
}

export function same(a: Json, b: Json): boolean {
  return hashOf(a) === hashOf(b);
}

function rankOf({ kind }: JsonObject): number {
  return movedKinds.findIndex((each) => each === kind);
}

/** Fields that are undefined don't survive any home. */
function plain(record: JournalRecord): JournalRecord {
  return JSON.parse(JSON.stringify(record)) as JournalRecord;
}
