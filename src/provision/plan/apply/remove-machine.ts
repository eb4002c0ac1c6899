import type { EtcdMember, NodeSight } from '../facts.ts';
import type { Step } from '../steps.ts';
import type { Draft } from './draft.ts';
import { hasTraces, peerUrlOf, type Seat } from './seats.ts';

/** What others wait for when a machine leaves. */
export interface Removal {
  /** It counts in etcd no more. */
  readonly left: string | undefined;
  /** Its place is free: host, address and the name of its node. */
  readonly gone: readonly string[];
}

/**
 * Takes a machine out of the cluster and gives it back as it was: pods, etcd, kubelet, Node, in this order, so that nothing
 * it still does counts for anybody.
 */
export function removeMachine(
  draft: Draft,
  seat: Seat,
  { isEtcdExternal, after }: { readonly isEtcdExternal: boolean; readonly after: readonly string[] },
): Removal {
  const { machine, node, member, facts, address } = seat;
  if (!facts) return forgetMachine(draft, seat, after);
  const common = { machine: machine.name, reason: 'the spec has it no more' };
  let before: readonly string[] = after;
  let left: string | undefined;
  const add = (step: Pick<Step, 'kind' | 'title'> & Partial<Omit<Step, 'id'>>): string => {
    const id = draft.add({ ...common, needs: before, ...step });
    before = [id];
    return id;
  };
  // A kubelet that says nothing ends no pod, and a drain would wait for it.
  if (node?.isReady) add({ kind: 'cordon-and-drain', title: 'move its pods away' });
  if (member && !isEtcdExternal) {
    left = add({
      kind: 'leave-etcd',
      title: 'leave etcd',
      exclusive: 'etcd',
      inputs: { peerUrl: member.peerUrls[0] ?? (address === undefined ? '' : peerUrlOf(address)) },
    });
  }
  // Before its Node goes: a kubelet that still runs would make it anew.
  if (hasTraces(facts) || Object.keys(facts.stamps).length > 0) {
    add({ kind: 'reset-machine', title: 'reset', inputs: { etcdData: 'delete' }, isDestructive: true });
  }
  if (node) add({ kind: 'delete-node', title: 'delete its Node', inputs: inputsFor(node) });
  return { left, gone: before };
}

/** For one that is switched off for good: the cluster forgets it, and the machine itself is not touched. */
function forgetMachine(draft: Draft, { machine, node, member }: Seat, after: readonly string[]): Removal {
  const reason = `${machine.name} can't be reached, and was said to be switched off for good`;
  const left = member && dropMember(draft, member, { reason, suffix: machine.name, after });
  const forgotten = node && forgetNode(draft, node, { reason, after: left === undefined ? after : [left] });
  return { left, gone: [forgotten ?? left].filter((id) => id !== undefined) };
}

export interface Forgetting {
  readonly reason: string;
  readonly after: readonly string[];
}

export function dropMember(
  draft: Draft,
  member: EtcdMember,
  { reason, suffix, after }: Forgetting & { readonly suffix: string },
): string {
  return draft.add({
    kind: 'leave-etcd',
    suffix,
    title: `take ${member.name || `member ${member.id}`} out of etcd`,
    reason,
    needs: after,
    exclusive: 'etcd',
    inputs: { peerUrl: member.peerUrls[0] ?? '' },
    isDestructive: true,
  });
}

export function forgetNode(draft: Draft, node: NodeSight, { reason, after }: Forgetting): string {
  return draft.add({
    kind: 'delete-node',
    suffix: node.name,
    title: `delete Node ${node.name}`,
    reason,
    needs: after,
    inputs: inputsFor(node),
    isDestructive: true,
  });
}

/** By its UID: one that has joined under this name meanwhile is another. */
function inputsFor({ name, uid }: NodeSight): Readonly<Record<string, unknown>> {
  return { node: name, uid };
}
