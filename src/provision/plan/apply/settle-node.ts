import { hashOf, type Json } from '../../../base/index.ts';
import type { MachineSpec } from '../cluster-spec.ts';
import { isCordonedByUs } from '../cordon.ts';
import type { NodeSight } from '../facts.ts';
import { type JournalRecord, lastWordOn } from '../journal.ts';
import type { Draft } from './draft.ts';
import type { Seat } from './seats.ts';

/** Labels and taints of a machine that has just joined, then a look at the whole node. Gives the id of the last step. */
export function settleNewNode(
  draft: Draft,
  { machine }: Seat,
  { joined, network }: { readonly joined: string; readonly network: string | undefined },
): string {
  const named = addSetNode(draft, machine, 'the node is new', [joined]);
  return draft.add({
    kind: 'verify-node',
    machine: machine.name,
    title: 'see that the node is well',
    reason: 'the node is new',
    needs: [named, network],
  });
}

/** Labels, taints and a forgotten cordon of a machine that is a node already. */
export function keepNode(
  draft: Draft,
  { machine, node }: Seat,
  journal: readonly JournalRecord[],
): readonly string[] {
  if (!node) return [];
  const added: string[] = [];
  const drift = nodeDrift(machine, node, journal);
  if (drift !== undefined) added.push(addSetNode(draft, machine, drift, []));
  if (node.isCordoned && isCordonedByUs(journal, machine.name)) {
    added.push(
      draft.add({
        kind: 'uncordon',
        machine: machine.name,
        title: 'take pods again',
        reason: 'it was cordoned by Hansa for something that is over',
      }),
    );
  }
  return added;
}

function addSetNode(draft: Draft, machine: MachineSpec, reason: string, needs: readonly string[]): string {
  return draft.add({
    kind: 'set-node',
    machine: machine.name,
    title: 'set labels and taints',
    reason,
    needs,
    inputs: inputsFor(machine),
  });
}

/** The executor reads the spec; these only tell one wish from another. */
function inputsFor({ labels, taints }: MachineSpec): Readonly<Record<string, unknown>> {
  return { labels, taints: taints ?? null };
}

const roleLabel = 'node-role.kubernetes.io/control-plane';

function nodeDrift(
  machine: MachineSpec,
  node: NodeSight,
  journal: readonly JournalRecord[],
): string | undefined {
  const differing = Object.entries(machine.labels).find(([key, value]) => node.labels[key] !== value);
  if (differing) return `its label ${differing[0]} is not ${differing[1] || 'there'}`;
  if (machine.role === 'control-plane' && !node.isControlPlane) return `its label ${roleLabel} is not there`;
  if (
    machine.taints &&
    textsOf(machine.taints) !== textsOf(node.taints.filter(({ key }) => !isOfState(key)))
  ) {
    return 'its taints differ from the spec';
  }
  // A label that the spec has no more is only known by what was asked for last.
  const last = lastWordOn(journal, `${machine.name}/set-node`);
  return last?.event === 'done' && last.inputs !== hashOf(inputsFor(machine) as Json)
    ? 'the spec has other labels or taints than before'
    : undefined;
}

/** Kubernetes' own come and go with the state of the node. */
function isOfState(key: string): boolean {
  return key.startsWith('node.kubernetes.io/') || key.startsWith('node.cloudprovider.kubernetes.io/');
}

function textsOf(
  taints: readonly { readonly key: string; readonly value?: string | undefined; readonly effect: string }[],
): string {
  return JSON.stringify(taints.map(({ key, value = '', effect }) => `${key}=${value}:${effect}`).toSorted());
}
