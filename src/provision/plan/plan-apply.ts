import type { Json } from '../../base/index.ts';
import { hashOf } from '../../base/index.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from './cluster-spec.ts';
import type { ClusterSight, MachineFacts, NodeSight, Observed } from './facts.ts';
import { type JournalRecord, lastWordOn } from './journal.ts';
import type { ControlPlaneAddress } from './render/haproxy.ts';
import { preflight } from './preflight.ts';
import { type StampedKind, stampOf } from './render/stamps.ts';
import type { Plan, Refusal, Step, StepKind } from './steps.ts';

export interface ApplyOptions {
  /** Machines that were in the cluster and are no more in its spec. */
  readonly leaving: readonly MachineSpec[];
}

/**
 * Brings machines and cluster to the spec: makes it, adds machines, takes machines out, mends what drifted. Another
 * version is refused: an upgrade is a plan of its own.
 *
 * *Guarantees*: control planes join and leave one at a time; what is as it should be gets no step; nothing is planned on
 * what could not be seen.
 */
export function planApply(
  spec: ClusterSpec,
  observed: Observed,
  journal: readonly JournalRecord[],
  { leaving }: ApplyOptions,
): Plan {
  const seats = spec.machines.map((machine) => seatOf(machine, observed));
  const looked = preflight(spec, observed, (machine) => seatOf(machine, observed).isIn);
  const refusals = [
    ...refusalsOfWhole(spec, observed, journal),
    ...looked.refusals,
    ...seats.flatMap((seat) => otherVersion(seat, spec)),
    ...seats.flatMap((seat) => refusalsOfSeat(seat, observed)),
  ];
  if (refusals.length > 0) return { steps: [], refusals, warnings: [] };
  const warnings = [...evenWarning(spec), ...looked.warnings];
  const draft = new Draft();
  const proxies = addressesOf(spec, observed);
  for (const seat of seats) prepare(draft, { seat, spec, proxies });
  form(draft, { spec, seats, journal, cluster: observed.cluster });
  const gone = leavingRefusals(leaving, observed);
  if (gone.length > 0) return { steps: [], refusals: gone, warnings };
  for (const machine of leaving) takeOut(draft, machine, observed);
  if (draft.steps.length > 0) finish(draft, spec);
  return { steps: draft.steps, refusals: [], warnings };
}

/** Takes a whole cluster apart: workers first, the machine that was made first last. */
export function planDelete(spec: ClusterSpec, observed: Observed): Plan {
  const draft = new Draft();
  if (spec.register)
    draft.add({ kind: 'unregister-member', title: 'leave the federation', reason: 'the cluster goes' });
  if (spec.deletionPolicy === 'Orphan') return { steps: draft.steps, refusals: [], warnings: [] };
  const refusals = spec.machines.flatMap((machine): Refusal[] => {
    const sight = observed.machines[machine.name];
    return sight?.kind === 'seen'
      ? []
      : [
          refusal(
            'Unreachable',
            `${sight?.message ?? 'it was not asked'}: power it on, or leave it out of the cluster first`,
            {
              machine: machine.name,
            },
          ),
        ];
  });
  if (refusals.length > 0) return { steps: [], refusals, warnings: [] };
  const order = [
    ...spec.machines.filter(({ role }) => role === 'worker'),
    ...controlPlanes(spec).toReversed(),
  ];
  let before: string | undefined;
  for (const machine of order) {
    const { facts } = seatOf(machine, observed);
    if (!facts || !hasTraces(facts)) continue;
    before = draft.add({
      kind: 'reset-machine',
      machine: machine.name,
      title: 'reset',
      reason: 'the cluster is deleted',
      // Workers side by side; control planes one after the other.
      needs: machine.role === 'control-plane' && before ? [before] : [],
      inputs: { etcdData: 'delete' },
      isDestructive: true,
    });
  }
  return { steps: draft.steps, refusals: [], warnings: [] };
}

/** A machine with what is known of it. */
interface Seat {
  readonly machine: MachineSpec;
  readonly facts: MachineFacts | undefined;
  readonly complaint: string | undefined;
  readonly node: NodeSight | undefined;
  /** A join that broke off may leave a Node of a control plane that etcd does not know. */
  readonly isIn: boolean;
}

function seatOf(machine: MachineSpec, { machines, cluster }: Observed): Seat {
  const sight = machines[machine.name];
  const node = nodeOf(machine, cluster);
  return {
    isIn: node !== undefined && (machine.role === 'worker' || isControlPlane(node, cluster)),
    machine,
    facts: sight?.kind === 'seen' ? sight.facts : undefined,
    complaint: sight?.kind === 'unreachable' ? sight.message : sight ? undefined : 'it was not asked',
    node,
  };
}

function nodeOf({ nodeName }: MachineSpec, cluster: ClusterSight): NodeSight | undefined {
  return cluster.kind === 'up' ? cluster.nodes.find(({ name }) => name === nodeName) : undefined;
}

function isControlPlane({ name, isControlPlane: isMarked }: NodeSight, cluster: ClusterSight): boolean {
  if (cluster.kind !== 'up' || !isMarked) return false;
  // With etcd elsewhere there are no members to look at.
  return (
    cluster.members.length === 0 || cluster.members.some((each) => each.name === name && !each.isLearner)
  );
}

function refusal(
  reason: string,
  message: string,
  { machine, field }: { readonly machine?: string; readonly field?: string } = {},
): Refusal {
  return { reason, message, machine, field };
}

function refusalsOfWhole(
  spec: ClusterSpec,
  { cluster }: Observed,
  journal: readonly JournalRecord[],
): readonly Refusal[] {
  if (spec.paused) {
    return [
      refusal('Paused', 'the cluster is paused: take spec.paused back to go on', { field: 'spec.paused' }),
    ];
  }
  // A control plane that was being made when the engine died has files and no API server: the step goes on there.
  if (cluster.kind === 'down' && !isBeingMade(spec, journal)) {
    return [
      refusal('ClusterDown', `the cluster has control planes, and none of them answers: ${cluster.message}`),
    ];
  }
  return [];
}

function isBeingMade(spec: ClusterSpec, journal: readonly JournalRecord[]): boolean {
  return controlPlanes(spec).some(({ name }) => {
    const last = lastWordOn(journal, `${name}/init-control-plane`);
    return last !== undefined && last.event !== 'done';
  });
}

function refusalsOfSeat(
  { machine, facts, complaint, node }: Seat,
  { cluster }: Observed,
): readonly Refusal[] {
  const { name } = machine;
  if (!facts) {
    // A machine that is in the cluster may be away for a while; one that is to come may not.
    return node ? [] : [refusal('Unreachable', `${complaint}`, { machine: name })];
  }
  const { server, nodeName } = facts.kubernetes;
  if (node || !facts.kubernetes.hasKubeletConfig || cluster.kind !== 'absent') return [];
  if (facts.kubernetes.etcdData !== 'present' && !server) return [];
  return facts.kubernetes.pki.length === 0 && !server
    ? []
    : [
        refusal(
          'BelongsToAnother',
          `is node ${nodeName ?? '(unknown)'} of a cluster at ${server ?? '(unknown)'} that this file does not know: ` +
            'run "kubeadm reset" there if nobody needs it',
          { machine: name },
        ),
      ];
}

function leavingRefusals(leaving: readonly MachineSpec[], observed: Observed): readonly Refusal[] {
  const { cluster, machines } = observed;
  if (leaving.length === 0) return [];
  return leaving.flatMap((machine): Refusal[] => {
    const sight = machines[machine.name];
    if (sight?.kind !== 'seen') {
      return [
        refusal(
          'Unreachable',
          `${sight?.message ?? 'it was not asked'}: a machine that leaves is reset, so it must be there`,
          { machine: machine.name },
        ),
      ];
    }
    if (machine.role === 'worker' || cluster.kind !== 'up') return [];
    const member = cluster.members.find(({ name }) => name === machine.nodeName);
    const voters = cluster.members.filter(({ isLearner }) => !isLearner);
    if (!member || member.isLearner) return [];
    const healthyLeft = voters.filter(({ id, isHealthy }) => id !== member.id && isHealthy === true).length;
    const needed = Math.floor((voters.length - 1) / 2) + 1;
    if (voters.length > 1 && healthyLeft >= needed) return [];
    return [
      refusal(
        'QuorumAtRisk',
        `can't leave: of ${voters.length} members of etcd ${healthyLeft} others are well, and the ${voters.length - 1} that would be left need ${needed}`,
        { machine: machine.name },
      ),
    ];
  });
}

function evenWarning(spec: ClusterSpec): readonly Refusal[] {
  const count = controlPlanes(spec).length;
  if (count % 2 === 1 || spec.etcd.kind === 'external') return [];
  return [
    refusal(
      'EvenControlPlanes',
      `${count} control planes bear the loss of ${Math.ceil(count / 2) - 1}, no more than ${count - 1} would: add one, or take one out`,
    ),
  ];
}

/** A running cluster changes its version step by step, with a snapshot first: nothing that happens by the way. */
function otherVersion({ machine, node }: Seat, { version }: ClusterSpec): readonly Refusal[] {
  const running = node?.kubeletVersion.replace(/^v/, '');
  if (running === undefined || running === version) return [];
  return [
    refusal(
      'UpgradeNeeded',
      `runs Kubernetes ${running}; upgrades are not offered yet: set spec.version to ${running}`,
      {
        machine: machine.name,
        field: 'spec.version',
      },
    ),
  ];
}

function hasTraces({ kubernetes }: MachineFacts): boolean {
  return (
    kubernetes.hasKubeletConfig ||
    kubernetes.manifests.length > 0 ||
    kubernetes.pki.length > 0 ||
    kubernetes.etcdData === 'present'
  );
}

/** Addresses of the control planes in the spec, those that can be told. */
function addressesOf(spec: ClusterSpec, observed: Observed): readonly ControlPlaneAddress[] {
  return controlPlanes(spec).flatMap((machine) => {
    const { node } = seatOf(machine, observed);
    const address = machine.internalAddress ?? node?.internalAddress;
    return address === undefined ? [] : [{ name: machine.name, address }];
  });
}

/** Makes a machine fit for kubeadm, or mends what drifted on one that is a node. */
function prepare(
  draft: Draft,
  {
    seat: { machine, facts, isIn },
    spec,
    proxies,
  }: { readonly seat: Seat; readonly spec: ClusterSpec; readonly proxies: readonly ControlPlaneAddress[] },
): void {
  if (!facts) return;
  const isNew = !isIn;
  const input = { cluster: spec, machine, controlPlanes: proxies };
  const differs = (kind: StampedKind) => facts.stamps[kind] !== stampOf(kind, input);
  const reasonFor = (kind: StampedKind) =>
    facts.stamps[kind] === undefined
      ? 'it is not there yet'
      : 'the spec asks for something else than was done';
  let before: string | undefined;
  const add = (kind: StepKind, title: string, reason: string, inputs: Step['inputs'] = {}) => {
    before = draft.add({ kind, machine: machine.name, title, reason, needs: before ? [before] : [], inputs });
  };
  const stamped = (kind: StampedKind, title: string, inputs: Step['inputs'] = {}) => {
    if (differs(kind)) add(kind, title, reasonFor(kind), { ...inputs, stamp: stampOf(kind, input) });
  };
  stamped('prepare-host', 'prepare the host');
  if (isNew) add('load-bundle', 'send programs and images', 'it needs what the bundle has');
  stamped('install-runtime', 'install the container runtime');
  stamped('install-kubernetes', 'install kubelet and kubeadm');
  if (isNew) add('import-images', 'import images', 'nothing is pulled from anywhere');
  stamped('set-endpoint', 'lead to the API server', { controlPlanes: proxies });
}

interface Formation {
  readonly spec: ClusterSpec;
  readonly seats: readonly Seat[];
  readonly journal: readonly JournalRecord[];
  readonly cluster: ClusterSight;
}

/** Makes the first control plane, and lets all others join. */
function form(draft: Draft, { spec, seats, journal, cluster }: Formation): void {
  const planes = seats.filter(({ machine }) => machine.role === 'control-plane');
  const first = firstOf(planes, journal);
  let init: string | undefined;
  if (cluster.kind !== 'up' && first) {
    init = draft.add({
      kind: 'init-control-plane',
      machine: first.machine.name,
      title: 'make the control plane',
      reason: 'the cluster does not exist',
      needs: draft.lastOf(first.machine.name),
      exclusive: 'etcd',
    });
    draft.add({
      kind: 'store-kubeconfig',
      title: 'keep the kubeconfig',
      reason: 'it is needed from now on',
      needs: [init],
    });
  }
  const hasNetwork = cluster.kind === 'up' && cluster.hasCni;
  const network =
    hasNetwork || spec.cni.kind === 'none'
      ? undefined
      : draft.add({
          kind: 'apply-cni',
          title: 'apply the pod network',
          reason: 'pods have no network yet',
          needs: init ? [init] : [],
        });
  let before = init;
  for (const { machine, node, isIn } of planes) {
    if (machine.name === first?.machine.name && init) continue;
    if (isIn) continue;
    const own = draft.lastOf(machine.name);
    const reason = node
      ? `Node ${machine.nodeName} is there, and no control plane yet`
      : `Node ${machine.nodeName} does not exist`;
    const common = { machine: machine.name, reason };
    const pki = draft.add({
      ...common,
      kind: 'copy-pki',
      title: 'bring the CAs',
      needs: [...own, ...(init ? [init] : [])],
    });
    const cleared = draft.add({
      ...common,
      kind: 'clear-stale-member',
      title: 'look for leftovers in etcd',
      needs: [pki, ...(before ? [before] : [])],
      exclusive: 'etcd',
    });
    before = draft.add({
      ...common,
      kind: 'join-control-plane',
      title: 'join as control plane',
      needs: [cleared],
      exclusive: 'etcd',
    });
  }
  for (const { machine, node } of seats) {
    if (machine.role === 'worker' && !node) {
      draft.add({
        kind: 'join-worker',
        machine: machine.name,
        title: 'join as worker',
        reason: `Node ${machine.nodeName} does not exist`,
        needs: [...draft.lastOf(machine.name), ...(init ? [init] : [])],
      });
    }
    settle(draft, { machine, node }, network);
  }
}

/** Labels and taints, then a look at the whole node. */
function settle(
  draft: Draft,
  { machine, node }: Pick<Seat, 'machine' | 'node'>,
  network: string | undefined,
): void {
  const changed = draft.lastOf(machine.name);
  const isNamed = node !== undefined && isLabelled(node, machine);
  if (isNamed && changed.length === 0) return;
  const named = isNamed
    ? changed
    : [
        draft.add({
          kind: 'set-node',
          machine: machine.name,
          title: 'set labels and taints',
          reason: node ? 'they differ from the spec' : 'the node is new',
          needs: changed,
          inputs: { labels: machine.labels, taints: machine.taints ?? null },
        }),
      ];
  draft.add({
    kind: 'verify-node',
    machine: machine.name,
    title: 'see that the node is well',
    reason: 'something was changed there',
    needs: [...named, ...(network ? [network] : [])],
  });
}

function isLabelled({ labels, taints }: NodeSight, machine: MachineSpec): boolean {
  const hasLabels = Object.entries(machine.labels).every(([key, value]) => labels[key] === value);
  if (machine.taints === undefined) return hasLabels;
  // Those of Kubernetes come and go by themselves.
  const own = taints.filter(({ key }) => !key.startsWith('node.kubernetes.io/'));
  const texts = (
    list: readonly { readonly key: string; readonly value?: string | undefined; readonly effect: string }[],
  ) => hashOf(list.map(({ key, value, effect }) => `${key}=${value ?? ''}:${effect}`).toSorted() as Json);
  return hasLabels && texts(own) === texts(machine.taints);
}

/** The one that was begun with, else the first of the spec. */
function firstOf(planes: readonly Seat[], journal: readonly JournalRecord[]): Seat | undefined {
  return (
    planes.find(({ machine }) => lastWordOn(journal, `${machine.name}/init-control-plane`) !== undefined) ??
    planes[0]
  );
}

/** Takes a machine out of the cluster, and gives it back as it was. */
function takeOut(draft: Draft, machine: MachineSpec, observed: Observed): void {
  const { node, facts } = seatOf(machine, observed);
  const { cluster } = observed;
  const isMember = cluster.kind === 'up' && cluster.members.some(({ name }) => name === machine.nodeName);
  if (!node && !isMember && !(facts && hasTraces(facts))) return;
  const common = { machine: machine.name, reason: 'the spec has it no more' };
  let before = draft.joins();
  const add = (part: Pick<Step, 'kind' | 'title'> & Partial<Step>) => {
    before = [draft.add({ ...common, needs: before, ...part })];
  };
  if (node) add({ kind: 'cordon-and-drain', title: 'move its pods away' });
  if (isMember) add({ kind: 'leave-etcd', title: 'leave etcd', exclusive: 'etcd' });
  if (node)
    add({ kind: 'delete-node', title: 'delete its Node', inputs: { node: node.name, uid: node.uid } });
  add({ kind: 'reset-machine', title: 'reset', inputs: { etcdData: 'delete' }, isDestructive: true });
}

function finish(draft: Draft, spec: ClusterSpec): void {
  const needs = draft.steps.map(({ id }) => id);
  const verified = draft.add({
    kind: 'verify-cluster',
    title: 'see that the cluster is one',
    reason: 'something was changed',
    needs,
  });
  if (spec.register) {
    draft.add({
      kind: 'register-member',
      title: 'join the federation',
      reason: 'spec.register asks for it',
      needs: [verified],
      inputs: { labels: spec.register.labels },
    });
  }
}

/** Steps so far. */
class Draft {
  readonly steps: Step[] = [];

  /** Gives the id of the step. */
  add(part: Pick<Step, 'kind' | 'title' | 'reason'> & Partial<Step>): string {
    const id = `${part.machine ?? 'cluster'}/${part.kind}`;
    this.steps.push({
      id,
      machine: undefined,
      needs: [],
      inputs: {},
      exclusive: undefined,
      isPointOfNoReturn: false,
      isDestructive: false,
      ...part,
    });
    return id;
  }

  /** The last step of a machine, if it has one. */
  lastOf(machine: string): readonly string[] {
    const last = this.steps.findLast((step) => step.machine === machine);
    return last ? [last.id] : [];
  }

  /** All that brings machines in: they come before others go. */
  joins(): readonly string[] {
    return this.steps
      .filter(({ kind }) => ['join-control-plane', 'join-worker', 'verify-node'].includes(kind))
      .map(({ id }) => id);
  }
}
