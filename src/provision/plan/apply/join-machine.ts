import type { Draft } from './draft.ts';
import type { Seat } from './seats.ts';

export interface Joining {
  /** Ids of the steps that make the machine ready for kubeadm. */
  readonly ready: readonly string[];
  /** Of the step that makes the cluster, if it is in the plan. */
  readonly made: string | undefined;
}

/** Gives the id of the step after which the machine is a worker. */
export function joinWorker(draft: Draft, seat: Seat, { ready, made }: Joining): string {
  const { machine } = seat;
  const stale = deleteStaleNode(draft, seat, []);
  return draft.add({
    kind: 'join-worker',
    machine: machine.name,
    title: 'join as worker',
    reason: reasonFor(seat),
    needs: [...ready, made, stale],
  });
}

export interface PlaneJoining extends Joining {
  readonly isEtcdExternal: boolean;
  /** The change of etcd's membership before this one. */
  readonly before: string | undefined;
}

/** Gives the id of the step after which the machine is a control plane. One at a time, whatever else goes on. */
export function joinControlPlane(
  draft: Draft,
  seat: Seat,
  { ready, made, before, isEtcdExternal }: PlaneJoining,
): string {
  const common = { machine: seat.machine.name, reason: reasonFor(seat) };
  const cleared = isEtcdExternal
    ? undefined
    : draft.add({
        ...common,
        kind: 'clear-stale-member',
        title: 'look for leftovers in etcd',
        needs: [made, before, ...ready],
        exclusive: 'etcd',
      });
  const stale = deleteStaleNode(draft, seat, [cleared]);
  const pki = draft.add({
    ...common,
    kind: 'copy-pki',
    title: 'bring the CAs',
    needs: [made, ...ready],
  });
  return draft.add({
    ...common,
    kind: 'join-control-plane',
    title: 'join as control plane',
    needs: [cleared, stale, pki, before, ...ready],
    exclusive: 'etcd',
  });
}

/** A Node of a machine that was reset or made anew is nobody's: its pods would wait for it for ever. */
function deleteStaleNode(
  draft: Draft,
  { machine, node, facts }: Seat,
  needs: readonly (string | undefined)[],
): string | undefined {
  if (!node || !facts || facts.kubernetes.hasKubeletConfig) return undefined;
  return draft.add({
    kind: 'delete-node',
    machine: machine.name,
    title: 'delete its old Node',
    reason: 'the machine has nothing of a kubelet any more',
    needs,
    inputs: { node: node.name, uid: node.uid },
  });
}

function reasonFor({ lack, machine }: Seat): string {
  return lack ?? `Node ${machine.nodeName} does not exist`;
}
