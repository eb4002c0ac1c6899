import { HansaError } from '../../base/index.ts';
import { type ApiClient, type CallOptions, type KubeObject, secretType } from '../../kube/index.ts';
import { clusterRecord, clusterType } from '../../members/index.ts';
import { clusterUidAnnotation, joinedAsLabel } from '../../members/join/index.ts';
import { registeredLabelsAnnotation } from './words.ts';

/** What the host says of a name. */
export type Membership =
  | { readonly kind: 'absent' }
  /** An unjoin was begun: the object is being deleted, or only its Secret is left. */
  | { readonly kind: 'leaving' }
  | ({ readonly kind: 'member' } & MemberRecord);

export interface MemberRecord {
  readonly labels: Readonly<Record<string, string>>;
  /** Keys of the labels that a registration gave it; undefined: none did, or it broke off before it noted them. */
  readonly registeredLabels: readonly string[] | undefined;
  /** UID of its namespace kube-system; undefined where something else than `hansa join` made the object. */
  readonly clusterUid: string | undefined;
  readonly apiEndpoint: string;
}

/** @throws HansaError whatever keeps it from being read: that says nothing of the membership */
export async function readMembership(
  host: ApiClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  call: CallOptions,
): Promise<Membership> {
  const found = await unlessNotFound(host.get(clusterType, { namespace, name }, call));
  if (found) {
    return found.metadata.deletionTimestamp
      ? { kind: 'leaving' }
      : { kind: 'member', ...memberRecord(found) };
  }
  const labelSelector = `${joinedAsLabel}=${name}`;
  for await (const { items } of host.list(secretType, {
    ...call,
    namespace,
    labelSelector,
    metadataOnly: true,
  })) {
    if (items.length > 0) return { kind: 'leaving' };
  }
  return { kind: 'absent' };
}

export function memberRecord(object: KubeObject): MemberRecord {
  const { labels = {}, annotations = {} } = object.metadata;
  return {
    labels,
    registeredLabels: parseKeys(annotations[registeredLabelsAnnotation]),
    clusterUid: annotations[clusterUidAnnotation],
    apiEndpoint: clusterRecord(object).apiEndpoint,
  };
}

/** Whether it has these labels, and none that an earlier registration gave it and this one doesn't. */
export function hasLabels(
  { labels, registeredLabels }: Pick<MemberRecord, 'labels' | 'registeredLabels'>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(wanted).every(([key, value]) => labels[key] === value) &&
    registeredLabels !== undefined &&
    registeredLabels.every((key) => key in wanted)
  );
}

function parseKeys(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const keys: unknown = JSON.parse(text);
    return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : undefined;
  } catch {
    return undefined;
  }
}

async function unlessNotFound<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}
