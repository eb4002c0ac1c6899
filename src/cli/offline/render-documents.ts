import { rspToHub } from '../../api/convert/rsp-to-hub.ts';
import { toHub } from '../../api/convert/to-hub.ts';
import { type FederatedKindRow, findFederatedKind } from '../../api/federated-kinds.ts';
import type { FederatedHub, PreferenceHub } from '../../api/hub.ts';
import { defaultHostNamespace, renderedForAnnotation } from '../../api/names.ts';
import { isJsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { decide, planPreference, renderFor } from '../../propagation/plan/index.ts';
import type { Member } from '../../scheduling/index.ts';
import { type InputDocument, titleOf } from './parse-documents.ts';

export interface RenderInput {
  readonly documents: readonly InputDocument[];
  readonly members: readonly Member[];
  /** For objects that name none. */
  readonly namespace: string;
}

export interface RenderedDocuments {
  /** What members get, each with its cluster in an annotation; by object, then by cluster. */
  readonly objects: readonly KubeObject[];
  /** Worth knowing, but nothing is wrong. */
  readonly notes: readonly string[];
  /** What could not be rendered, with the field and the mend. */
  readonly failures: readonly string[];
}

interface Federated {
  readonly title: string;
  readonly row: FederatedKindRow;
  readonly namespace: string;
  readonly hub: FederatedHub;
}

interface Preference {
  readonly title: string;
  readonly namespace: string;
  readonly hub: PreferenceHub;
}

interface Sorted {
  readonly federated: Federated[];
  readonly preferences: Preference[];
  readonly notes: string[];
  readonly failures: string[];
}

/** What each member would hold of these documents, by the functions that the controller decides with. */
export function renderDocuments(input: RenderInput): RenderedDocuments {
  const { federated, preferences, notes, failures } = sortOut(input);
  const namespaces = new Map(
    federated.filter(({ row }) => !row.target.namespaced).map((each) => [each.namespace, each]),
  );
  const scheduled = applyPreferences({ federated, preferences, namespaces, notes, failures }, input.members);
  const objects = scheduled.flatMap((each) => {
    const rendered = renderOne(each, namespaces.get(each.namespace), input.members);
    notes.push(...rendered.notes);
    failures.push(...rendered.failures);
    return rendered.objects;
  });
  notes.push(...unfederatedNamespaces(federated, namespaces));
  return { objects, notes, failures };
}

function sortOut({ documents, namespace }: RenderInput): Sorted {
  const sorted: Sorted = { federated: [], preferences: [], notes: [], failures: [] };
  for (const document of documents) {
    if (!document.ok) sorted.failures.push(`${document.where}: ${document.message}`);
    else sortOne(sorted, inNamespace(document.value, namespace), titleOf(document.value, document.where));
  }
  return sorted;
}

function sortOne({ federated, preferences, notes, failures }: Sorted, value: unknown, title: string): void {
  const kind = isJsonObject(value) ? value['kind'] : undefined;
  if (kind === 'ReplicaSchedulingPreference') {
    const read = rspToHub(value);
    if (read.ok) preferences.push({ title, namespace: read.hub.metadata.namespace ?? '', hub: read.hub });
    else failures.push(...sentencesOf(title, read.problems));
    return;
  }
  if (typeof kind === 'string' && !kind.startsWith('Federated')) {
    notes.push(`${title}: passed over, only Federated* objects go to clusters`);
    return;
  }
  const read = toHub(value);
  if (!read.ok) {
    failures.push(...sentencesOf(title, read.problems));
    return;
  }
  const { group, version } = read.hub.source;
  const found = findFederatedKind(`${group}/${version}`, read.hub.source.kind);
  if (!found) return;
  const one = { title, row: found.row, namespace: read.hub.metadata.namespace ?? '', hub: read.hub };
  const isTwice = federated.some(
    (each) => each.row === one.row && sameName(each, one) && sameGroup(each, one),
  );
  if (isTwice) failures.push(`${title}: stands in the input twice: leave one out`);
  else federated.push(one);
}

/** Each object is put in a namespace, as kubectl does; a FederatedNamespace that names none in its own. */
function inNamespace(value: unknown, namespace: string): unknown {
  if (!isJsonObject(value) || !isJsonObject(value['metadata'])) return value;
  const { metadata } = value;
  if (metadata['namespace'] !== undefined) return value;
  const own = value['kind'] === 'FederatedNamespace' ? metadata['name'] : namespace;
  return { ...value, metadata: { ...metadata, namespace: own } };
}

/** Puts into each target what its preference makes of it while nothing runs yet. */
function applyPreferences(
  {
    federated,
    preferences,
    namespaces,
    notes,
    failures,
  }: Sorted & { readonly namespaces: ReadonlyMap<string, Federated> },
  members: readonly Member[],
): readonly Federated[] {
  let current: readonly Federated[] = federated;
  for (const { title, namespace, hub } of preferences) {
    const { spec, metadata } = hub;
    const target = current.find(
      ({ row, ...each }) =>
        row.federatedKind === spec.targetKind &&
        row.hasReplicas &&
        each.namespace === namespace &&
        each.hub.metadata.name === metadata.name,
    );
    if (!target) {
      notes.push(
        `${title}: its target, ${spec.targetKind} ${namespace}/${metadata.name}, is not in the input, so it changes nothing here`,
      );
      continue;
    }
    const plan = planPreference({
      spec,
      target: target.hub,
      note: undefined,
      namespacePlacement: namespaces.get(namespace)?.hub.placement,
      members,
      counts: new Map(),
      key: `${namespace}/${metadata.name}`,
    });
    if (plan.kind === 'no-cluster') {
      failures.push(`${title}: ${plan.message}`);
      continue;
    }
    notes.push(...plan.problems.map(({ field, message }) => `${title}: ${field}: ${message}`));
    if (plan.unplaced > 0) notes.push(`${title}: ${plan.unplaced} replicas fit in no cluster`);
    const { placement, overrides } = plan;
    current = current.map((each) =>
      each === target ? { ...each, hub: { ...each.hub, placement, overrides } } : each,
    );
  }
  return current;
}

function renderOne(
  { title, row, namespace, hub }: Federated,
  namespaceOf: Federated | undefined,
  members: readonly Member[],
): RenderedDocuments {
  const place = (each: FederatedHub) => ({
    namespace,
    name: each.metadata.name,
    deleting: false,
    hasFinalizer: true,
    orphan: false,
    spec: { ok: true as const, hub: each },
  });
  const decision = decide({
    record: { ...place(hub), row },
    // Without one in the input nothing is known of the namespace, so it limits nothing.
    namespaceRecord: place(namespaceOf?.hub ?? { ...hub, placement: { clusterSelector: {} } }),
    namespacesAreTrustworthy: true,
    members,
    hansaNamespace: defaultHostNamespace,
  });
  const notes = decision.notes.map(({ name, message }) => `${title}: cluster ${name}: ${message}`);
  if (decision.trouble) {
    const trouble = `${title}: ${decision.trouble.message}`;
    return decision.ignored
      ? { objects: [], notes: [...notes, trouble], failures: [] }
      : { objects: [], notes, failures: [trouble] };
  }
  const chosen = members.filter(({ name }) => decision.selected.has(name));
  if (chosen.length === 0) notes.push(`${title}: its placement selects none of the clusters`);
  const objects: KubeObject[] = [];
  const failures: string[] = [];
  const warnings = new Set<string>();
  for (const member of chosen) {
    const rendered = renderFor({ federated: hub, member, members });
    if (rendered.ok) {
      objects.push(renderedFor(member, rendered.object));
      for (const warning of rendered.warnings) warnings.add(`${title}: ${warning}`);
    } else {
      const { field, message } = rendered.failure;
      failures.push(`${title}: cluster ${member.name}: ${field}: ${message}`);
    }
  }
  return { objects, notes: [...notes, ...warnings], failures };
}

function renderedFor({ name }: Member, object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, ...rest } = object;
  const annotations = { ...metadata.annotations, [renderedForAnnotation]: name };
  // In the order in which people write them.
  return { apiVersion, kind, metadata: { ...namesFirst(metadata), annotations }, ...rest };
}

function namesFirst({ name, namespace, ...rest }: KubeObject['metadata']): KubeObject['metadata'] {
  return { name, ...(namespace === undefined ? {} : { namespace }), ...rest };
}

function unfederatedNamespaces(
  federated: readonly Federated[],
  namespaces: ReadonlyMap<string, Federated>,
): readonly string[] {
  const missing = new Set(
    federated.map(({ namespace }) => namespace).filter((namespace) => !namespaces.has(namespace)),
  );
  return [...missing].map(
    (namespace) =>
      `no FederatedNamespace "${namespace}" is in the input: shown as if it selected every cluster; on the host it must exist`,
  );
}

function sentencesOf(
  title: string,
  problems: readonly { readonly field: string; readonly message: string }[],
): readonly string[] {
  return problems.map(({ field, message }) => `${title}: ${field ? `${field}: ` : ''}${message}`);
}

function sameName(a: Federated, b: Federated): boolean {
  return a.namespace === b.namespace && a.hub.metadata.name === b.hub.metadata.name;
}

function sameGroup(a: Federated, b: Federated): boolean {
  return a.hub.source.group === b.hub.source.group;
}
