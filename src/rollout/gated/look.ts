import { type KubeObject, type ListOptions, type ResourceType } from '../../kube/index.ts';
import { type GatedSeen, hashLabels, readSeen, type Selector, selectorText } from '../plan/gated/index.ts';
import { kinds, versionKinds, workloadKinds } from './kinds.ts';
import { orAbsent, type Site } from './site.ts';

/** All that is there of one workload. */
export interface Look {
  readonly workload: KubeObject;
  readonly selector: Selector;
  /** Its ReplicaSets or ControllerRevisions. */
  readonly versions: readonly KubeObject[];
  readonly seen: GatedSeen;
}

/** Reads the workload with its versions and pods; undefined if there is none. Writes nothing. */
export async function lookAt(site: Site): Promise<Look | undefined> {
  const { client, namespace, name, kind, signal } = site;
  const workload = await orAbsent(client.get(workloadKinds[kind], { namespace, name }, { signal }));
  if (!workload) return undefined;
  const { selector = {} } = (workload['spec'] ?? {}) as { readonly selector?: Selector };
  const labelSelector = selectorText(selector);
  // Pods last: a pod that is new since the ReplicaSets were read is one more, never one too few.
  const versions = (await listAll(site, versionKinds[kind], { labelSelector })).filter(({ metadata }) =>
    metadata.ownerReferences?.some(({ uid }) => uid === workload.metadata.uid),
  );
  const pods = (await listAll(site, kinds.pod, { labelSelector })).filter(
    ({ metadata }) => metadata.labels?.[hashLabels[kind]] !== undefined,
  );
  return { workload, selector, versions, seen: readSeen(kind, { workload, versions, pods }) };
}

async function listAll(
  { client, namespace, signal }: Site,
  type: ResourceType,
  options: ListOptions,
): Promise<readonly KubeObject[]> {
  const items: KubeObject[] = [];
  for await (const page of client.list(type, { ...options, namespace, signal })) items.push(...page.items);
  return items;
}
