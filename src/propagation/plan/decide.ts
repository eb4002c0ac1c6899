import { type MemberState, neverFederatedNamespaces, type PropagationReason } from '../../api/names.ts';
import type { FederatedHub } from '../../api/hub.ts';
import { hashOf, isJsonObject } from '../../base/index.ts';
import { type Member, type MemberName, type PlacementProblem, placementOf } from '../../scheduling/index.ts';
import type { Intent } from './intent.ts';
import { type Pin, renderPinned } from './pinned.ts';
import { type Rendered, renderFor } from './render.ts';

/** The parts of a federated object that decide where it goes. */
export interface Placeable {
  readonly namespace: string;
  readonly name: string;
  readonly deleting: boolean;
  readonly hasFinalizer: boolean;
  readonly orphan: boolean;
  readonly spec:
    | { readonly ok: true; readonly hub: FederatedHub }
    | {
        readonly ok: false;
        readonly problems: readonly { readonly field: string; readonly message: string }[];
      };
}

export interface DecideInput {
  readonly record: Placeable & { readonly row: { readonly target: { readonly namespaced: boolean } } };
  /** The FederatedNamespace of the object's namespace. */
  readonly namespaceRecord: Placeable | undefined;
  /** False while the host's FederatedNamespaces may not be seen in full: their absence then means nothing. */
  readonly namespacesAreTrustworthy: boolean;
  readonly members: readonly Member[];
  /** Hansa's own namespace on the host. */
  readonly hansaNamespace: string;
  /** A rollout decides which revision members hold and has not spoken yet: a sentence on whom that waits for. */
  readonly awaits?: string | undefined;
}

/** Where one federated object goes. */
export interface Decision {
  readonly selected: ReadonlySet<MemberName>;
  /** What members hold now stays, selected or not: the placement can't be told. */
  readonly held: boolean;
  /** Hansa has nothing to do with this object, as KubeFed had not. */
  readonly ignored: boolean;
  readonly trouble: { readonly reason: PropagationReason; readonly message: string } | undefined;
  /** Nothing is written to selected members; what is left out is still taken away. */
  readonly awaits: string | undefined;
  readonly notes: readonly {
    readonly name: string;
    readonly status: MemberState;
    readonly message: string;
  }[];
}

/** Tells which members shall hold the object, and what is wrong with what was asked for. */
export function decide(input: DecideInput): Decision {
  const { record, hansaNamespace } = input;
  const isNamespace = !record.row.target.namespaced;
  if (isNamespace && record.name !== record.namespace) {
    return nothing('InvalidName', {
      ignored: true,
      message: `metadata.name is "${record.name}" but it is in namespace "${record.namespace}": a FederatedNamespace must have the name of the namespace it is in`,
    });
  }
  if (isNamespace && [...neverFederatedNamespaces, hansaNamespace].includes(record.name)) {
    return nothing('InvalidName', {
      ignored: true,
      message: `the namespace "${record.name}" belongs to each cluster itself and is never propagated; objects in it follow this placement all the same`,
    });
  }
  if (!record.spec.ok) return held('InvalidSpec', sentenceOf(record.spec.problems));
  const placed = placementOf(record.spec.hub.placement, input.members);
  if (placed.kind === 'invalid') return held('ComputePlacementFailed', sentenceOf(placed.problems));
  const isLegacy = record.spec.hub.overrideStyle === 'dotted';
  const ownNotes = placed.problems.map((problem) => noteOf(problem, isLegacy));
  if (isNamespace) return { ...settled(placed.selected), notes: ownNotes };
  return withinNamespace(input, placed.selected, ownNotes);
}

function withinNamespace(
  { record, namespaceRecord, namespacesAreTrustworthy, members, awaits }: DecideInput,
  wanted: ReadonlySet<MemberName>,
  ownNotes: Decision['notes'],
): Decision {
  // While the namespace is being deleted in members, nothing may be made anew in it there.
  if (!namespaceRecord || (namespaceRecord.deleting && !namespaceRecord.orphan)) {
    const message = namespaceRecord
      ? `FederatedNamespace "${record.namespace}" is being deleted, and what is in it goes with it`
      : `namespace "${record.namespace}" is not federated: create a FederatedNamespace "${record.namespace}" in it`;
    if (!namespaceRecord && !namespacesAreTrustworthy) return held('NamespaceNotFederated', message);
    return { ...nothing('NamespaceNotFederated', { ignored: false, message }), notes: ownNotes };
  }
  if (!namespaceRecord.spec.ok) {
    return held(
      'ComputePlacementFailed',
      `FederatedNamespace "${record.namespace}": ${sentenceOf(namespaceRecord.spec.problems)}`,
    );
  }
  const allowed = placementOf(namespaceRecord.spec.hub.placement, members);
  if (allowed.kind === 'invalid') {
    return held(
      'ComputePlacementFailed',
      `FederatedNamespace "${record.namespace}": ${sentenceOf(allowed.problems)}`,
    );
  }
  const selected = new Set([...wanted].filter((name) => allowed.selected.has(name)));
  const excluded = [...wanted].filter((name) => !selected.has(name));
  return {
    ...settled(selected),
    awaits,
    trouble: awaits === undefined ? undefined : { reason: 'WaitingForRollout', message: awaits },
    notes: [
      ...ownNotes,
      ...excluded.map((name) => ({
        name,
        status: 'ExcludedByFederatedNamespace' as const,
        message: `the FederatedNamespace "${record.namespace}" does not select this cluster: add it there, or take it out here`,
      })),
    ],
  };
}

export interface IntentInput {
  readonly record: Placeable | undefined;
  readonly decision: Decision | undefined;
  readonly member: Member;
  readonly members: readonly Member[];
  readonly observed:
    | {
        readonly replicas?: number;
        readonly replicasOwnedByOthers?: boolean;
        /** A rollout steers traffic by it. */
        readonly steered?: boolean;
      }
    | undefined;
  /** True when the absence of a federated object means that there is none. */
  readonly isTrustworthy: boolean;
  /** Which revision a rollout has pinned the member to; undefined where none does. */
  readonly pin?: Pin | undefined;
}

/** What one member shall hold. */
export function intentFor({
  record,
  decision,
  member,
  members,
  observed,
  isTrustworthy,
  pin,
}: IntentInput): Intent {
  if (!record || !decision) {
    return isTrustworthy
      ? { kind: 'released', because: 'no-federated-object' }
      : { kind: 'held', because: 'the host was not read in full, so nothing is taken for deleted' };
  }
  if (record.deleting) {
    if (!record.hasFinalizer) return { kind: 'held', because: 'the object is gone already' };
    return record.orphan ? { kind: 'released', because: 'orphaned' } : { kind: 'absent', because: 'deleted' };
  }
  if (decision.ignored) return { kind: 'held', because: 'the object is ignored' };
  if (decision.held || !record.spec.ok)
    return { kind: 'held', because: decision.trouble?.message ?? 'the spec is wrong' };
  if (!decision.selected.has(member.name)) return { kind: 'absent', because: 'left-out' };
  // The finalizer comes first: without it a deletion on the host would leave this object behind.
  if (!record.hasFinalizer) return { kind: 'held', because: 'the finalizer is not in place yet' };
  if (pin?.content === 'missing') return missing(pin);
  const federated = record.spec.hub;
  const waits = decision.awaits ?? (pin?.content === 'none-yet' ? notYet(pin) : undefined);
  const rendered =
    pin && waits === undefined
      ? renderPinned({ federated, pin, member, members })
      : renderFor({ federated, member, members });
  if (!rendered.ok) {
    const { reason, field, message } = rendered.failure;
    return { kind: 'refused', status: reason, message: field ? `${field}: ${message}` : message };
  }
  const retained = record.spec.hub.retainReplicas
    ? retainReplicas(rendered.object, observed)
    : rendered.object;
  const desired = observed?.steered ? withoutSelector(retained) : retained;
  return {
    kind: 'present',
    desired,
    hash: hashOf(desired),
    warnings: rendered.warnings,
    ...(waits === undefined ? {} : { waits }),
  };
}

function notYet({ rollout }: Pin): string {
  return `the rollout "${rollout}" has not come to this cluster yet; what the cluster has stays`;
}

function missing({ rollout, revision }: Pin): Intent {
  return {
    kind: 'refused',
    status: 'RevisionNotFound',
    message: `the rollout "${rollout}" pins this cluster to revision ${revision}, but there is no RolloutRevision "${rollout}-${revision}": what the cluster has stays; restore it, or let the rollout go on`,
  };
}

type Desired = Extract<Rendered, { ok: true }>['object'];

/**
 * Replicas belong to the member once the object exists there. A field that only Hansa owns must be sent again, or
 * server-side apply would remove it and the workload would fall to one pod.
 */
function retainReplicas(desired: Desired, observed: IntentInput['observed']): Desired {
  if (observed?.replicas === undefined) return desired;
  const { replicas: _, ...spec } = (desired['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  return {
    ...desired,
    spec: observed.replicasOwnedByOthers ? spec : { ...spec, replicas: observed.replicas },
  };
}

/**
 * Which pods a Service leads to is the rollout's word while it steers traffic: its label would be lost otherwise, as the
 * server has no parts of a selector.
 */
function withoutSelector(desired: Desired): Desired {
  const spec = desired['spec'];
  if (desired.kind !== 'Service' || !isJsonObject(spec)) return desired;
  const { selector: _, ...rest } = spec;
  return { ...desired, spec: rest };
}

function settled(selected: ReadonlySet<MemberName>): Omit<Decision, 'notes'> {
  return { selected, held: false, ignored: false, trouble: undefined, awaits: undefined };
}

function held(reason: PropagationReason, message: string): Decision {
  return {
    selected: new Set(),
    held: true,
    ignored: false,
    trouble: { reason, message },
    awaits: undefined,
    notes: [],
  };
}

function nothing(
  reason: PropagationReason,
  { ignored, message }: { readonly ignored: boolean; readonly message: string },
): Decision {
  return {
    selected: new Set(),
    held: false,
    ignored,
    trouble: { reason, message },
    awaits: undefined,
    notes: [],
  };
}

function noteOf(
  { name, kind, message, index }: PlacementProblem,
  isLegacy: boolean,
): Decision['notes'][number] {
  // The field as the user of either group wrote it.
  const field = isLegacy ? `spec.placement.clusterNames[${index}]` : `spec.placement.clusters[${index}].name`;
  return {
    name,
    status: kind === 'ambiguous' ? 'AmbiguousAlias' : 'UnknownCluster',
    message: `${field}: ${message}`,
  };
}

function sentenceOf(problems: readonly { readonly field: string; readonly message: string }[]): string {
  return problems.map(({ field, message }) => `${field}: ${message}`).join('; ');
}
