import { hashOf } from '../../../base/index.ts';
import { Draft, refuse } from '../../plan/apply/draft.ts';
import { isRegistered, registerMember } from '../../plan/apply/register-member.ts';
import type { ClusterSpec } from '../../plan/cluster-spec.ts';
import type { ClusterSight } from '../../plan/facts.ts';
import type { JournalRecord } from '../../plan/journal.ts';
import type { Plan, Refusal } from '../../plan/steps.ts';
import { type KindNode, type Ownership, ownershipOf } from './ownership.ts';
import type { KindSettings } from './kind-settings.ts';
import { fixedFields } from './render-config.ts';

/** All that a plan for a kind cluster is made from. */
export interface KindSight {
  /** Containers of the cluster, by the labels that kind gives them. */
  readonly nodes: readonly KindNode[];
  readonly cluster: ClusterSight;
  /** Its kubeconfig is among the secrets. */
  readonly hasKubeconfig: boolean;
  /** Why kind can't be run; undefined: it can. */
  readonly kindLack: string | undefined;
}

export interface KindPlanInput {
  readonly spec: ClusterSpec;
  readonly kind: KindSettings;
  readonly sight: KindSight;
  readonly journal: readonly JournalRecord[];
  /** A federation is at hand. */
  readonly hasHost: boolean;
}

/** Made, or kept as it is: kind changes nothing about a cluster that exists, so neither do we. */
export function planKindApply(input: KindPlanInput): Plan {
  const { spec, kind, sight, journal } = input;
  if (spec.paused) {
    const message = `cluster ${spec.name} is paused: take spec.paused back to go on`;
    return refused(refuse('Paused', message, { field: 'spec.paused' }));
  }
  const ownership = ownershipOf(sight.nodes, journal);
  const changed = ownership.kind === 'ours' ? changes(ownership, spec, kind) : [];
  const refusals = [
    ...foreign(spec, ownership),
    ...changed.map(({ field, was, wanted }) =>
      refuse(
        'KindCantChange',
        `was ${was || 'not set'} when cluster ${spec.name} was made and is ${wanted || 'not set'} now, and kind can't change a cluster that exists: put it back, or "hansa cluster delete ${spec.name}" and apply again, which loses what is in it`,
        { field },
      ),
    ),
    ...(ownership.kind !== 'ours' ? lacksKind(sight) : []),
  ];
  if (refusals.length > 0) return refused(...refusals);
  return withoutHost(input, {
    steps: applySteps(input, ownership),
    refusals: [],
    warnings:
      ownership.kind === 'gone'
        ? [
            refuse(
              'ContainersGone',
              `the containers of cluster ${spec.name} were removed, and what was in it with them: it is made anew, empty`,
            ),
          ]
        : [],
  });
}

export function planKindDelete(input: KindPlanInput): Plan {
  const { spec, sight, journal } = input;
  const draft = new Draft();
  const unregistered = isRegistered(spec, journal)
    ? draft.add({ kind: 'unregister-member', title: 'leave the federation', reason: 'the cluster goes' })
    : undefined;
  const ownership = ownershipOf(sight.nodes, journal);
  if (spec.deletionPolicy === 'Reset' && (ownership.kind === 'ours' || ownership.kind === 'half-made')) {
    if (sight.kindLack !== undefined) return refused(...lacksKind(sight));
    draft.add({
      kind: 'reset-machine',
      title: 'delete its containers',
      reason: 'the cluster is deleted',
      needs: [unregistered],
      isDestructive: true,
    });
  }
  const left =
    spec.deletionPolicy === 'Reset' && ownership.kind === 'foreign'
      ? [refuse('ContainersLeft', `${tellForeign(spec.name, sight.nodes)}, so they are left as they are`)]
      : [];
  return withoutHost(input, { steps: draft.steps, refusals: [], warnings: left });
}

function applySteps({ spec, kind, sight, journal }: KindPlanInput, ownership: Ownership): Plan['steps'] {
  const draft = new Draft();
  const isThere = ownership.kind === 'ours';
  const made = isThere
    ? undefined
    : draft.add({
        kind: 'init-control-plane',
        title: 'create it with kind',
        reason: creationReason(ownership),
        inputs: fixedFields(spec, kind),
      });
  const cni = addCni(draft, spec, journal, made);
  const complaint = isThere ? complaintAbout(sight, kind) : 'it is new';
  const verified =
    complaint === undefined && cni === undefined
      ? undefined
      : draft.add({
          kind: 'verify-cluster',
          title: 'see that its nodes are ready',
          reason: complaint ?? 'its network changes',
          needs: [made, cni],
        });
  const stored =
    isThere && sight.hasKubeconfig
      ? undefined
      : draft.add({
          kind: 'store-kubeconfig',
          title: 'keep the kubeconfig',
          reason: isThere ? 'it is not kept yet' : 'the cluster is new',
          needs: [made],
        });
  const before = [made, cni, verified, stored].filter((id) => id !== undefined);
  registerMember(draft, spec, journal, before);
  return draft.steps;
}

function creationReason(ownership: Exclude<Ownership, { kind: 'ours' | 'foreign' }> | Ownership): string {
  switch (ownership.kind) {
    case 'absent':
      return 'there is no such cluster';
    case 'gone':
      return 'its containers are gone';
    case 'half-made':
      return 'an earlier try broke off; what it left is taken away first';
    case 'ours':
    case 'foreign':
      return '';
  }
}

const cniStep = 'cluster/apply-cni';

/** Again whenever the manifest is another one than was applied last to this very cluster. */
function addCni(
  draft: Draft,
  { cni }: ClusterSpec,
  journal: readonly JournalRecord[],
  made: string | undefined,
): string | undefined {
  if (cni.kind !== 'manifest') return undefined;
  const inputs = { manifest: hashOf(cni.manifest) };
  const last = journal.findLast(({ step, event }) => step === cniStep && event === 'done');
  if (made === undefined && last?.inputs === hashOf(inputs)) return undefined;
  return draft.add({
    kind: 'apply-cni',
    title: 'apply the pod network',
    reason: made === undefined ? 'spec.cni.manifest differs' : 'spec.cni.manifest asks for it',
    needs: [made],
    inputs,
  });
}

function complaintAbout({ nodes, cluster }: KindSight, { cni }: KindSettings): string | undefined {
  const stopped = nodes.filter(({ isRunning }) => !isRunning).map(({ name }) => name);
  if (stopped.length > 0) return `${stopped.join(', ')} ${stopped.length === 1 ? 'is' : 'are'} stopped`;
  if (cluster.kind !== 'up') return cluster.kind === 'down' ? cluster.message : 'its API does not answer';
  if (cni === 'none') return undefined;
  const late = cluster.nodes.filter(({ isReady }) => !isReady).map(({ name }) => name);
  if (late.length > 0) return `${late.join(', ')} ${late.length === 1 ? 'is' : 'are'} not ready`;
  return cluster.dnsReady ? undefined : 'CoreDNS is not ready';
}

interface Change {
  readonly field: string;
  readonly was: string;
  readonly wanted: string;
}

function changes(
  { made }: Extract<Ownership, { kind: 'ours' }>,
  spec: ClusterSpec,
  kind: KindSettings,
): readonly Change[] {
  return Object.entries(fixedFields(spec, kind)).flatMap(([field, wanted]) => {
    const was = made.evidence[field];
    return was === undefined || was === wanted ? [] : [{ field, was, wanted }];
  });
}

function foreign({ name }: ClusterSpec, ownership: Ownership): readonly Refusal[] {
  if (ownership.kind !== 'foreign') return [];
  return [
    refuse(
      'KindClusterOfOthers',
      `${tellForeign(name, ownership.nodes)}: give this cluster another name, or "kind delete cluster --name ${name}" if nobody needs it`,
      { field: 'metadata.name' },
    ),
  ];
}

function tellForeign(name: string, nodes: readonly KindNode[]): string {
  return `Docker has a kind cluster ${name} (${nodes.map((node) => node.name).join(', ')}) that was not made here`;
}

function lacksKind({ kindLack }: KindSight): readonly Refusal[] {
  return kindLack === undefined ? [] : [refuse('KindMissing', kindLack)];
}

function refused(...refusals: readonly Refusal[]): Plan {
  return { steps: [], refusals, warnings: [] };
}

function withoutHost({ spec, hasHost }: KindPlanInput, plan: Plan): Plan {
  const isForHost = (kind: string) => kind === 'register-member' || kind === 'unregister-member';
  if (hasHost || !plan.steps.some(({ kind }) => isForHost(kind))) return plan;
  return {
    ...plan,
    steps: plan.steps.filter(({ kind }) => !isForHost(kind)),
    warnings: [
      ...plan.warnings,
      refuse(
        'NoHost',
        `cluster ${spec.name} is to ${spec.register ? 'join' : 'leave'} the federation, and no host was named: say --host-kubeconfig or --host-context`,
        { field: 'spec.register' },
      ),
    ],
  };
}
