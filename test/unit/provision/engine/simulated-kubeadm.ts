import type { Host, SimulatedFleet } from './simulated-fleet.ts';
import { peerUrlOf } from './simulated-fleet.ts';

/** `kubeadm init`, phase by phase. Over what is there, it goes on with it. */
export function initPhases(fleet: SimulatedFleet, host: Host): readonly (() => void)[] {
  return [
    () => {
      // Half-made certificates without data behind them only stand in the way.
      if (host.disk === undefined) fleet.cleanNode(host);
      host.ca ??= fleet.newId('ca');
    },
    () => addAll(host, ['kube-apiserver.yaml', 'etcd.yaml']),
    () => fleet.startKubelet(host),
    () => {
      if (host.disk !== undefined) return;
      if (fleet.cluster) fleet.broken.push(`a second cluster was made on ${host.name}`);
      const id = fleet.newId('member');
      host.disk = id;
      fleet.cluster = {
        uid: fleet.newId('uid'),
        ca: host.ca ?? '',
        members: [{ id, name: host.name, peerUrl: peerUrlOf(host), isLearner: false }],
        nodes: new Map(),
        leader: id,
        hasCni: false,
        hasConfiguration: false,
        isRegistered: false,
        isFenced: false,
      };
    },
    () => awaitNode(fleet, host),
    () => markControlPlane(fleet, host),
    () => {
      if (fleet.cluster) fleet.cluster.hasConfiguration = true;
    },
  ];
}

/** `kubeadm join` of a worker, behind the clean-up that Hansa's own script begins with. */
export function workerPhases(fleet: SimulatedFleet, host: Host): readonly (() => void)[] {
  return [
    () => fleet.cleanNode(host),
    () => refuseReadyNode(fleet, host),
    () => {
      host.ca = fleet.cluster?.ca;
      fleet.startKubelet(host);
    },
    () => awaitNode(fleet, host),
  ];
}

/**
 * `kubeadm join` of a control plane at 1.36: members are told by their peer URL alone, and a known one is used again.
 * Whoever has that happen with an empty disk has a voter that forgot its log.
 */
export function controlPlanePhases(fleet: SimulatedFleet, host: Host): readonly (() => void)[] {
  const url = peerUrlOf(host);
  const own = () => fleet.cluster?.members.find(({ peerUrl }) => peerUrl === url);
  return [
    () => fleet.cleanNode(host),
    () => refuseReadyNode(fleet, host),
    () => {
      if (host.staged === undefined) throw new Error('failure loading certificate for CA');
      host.ca = host.staged;
      host.staged = undefined;
      addAll(host, ['kube-apiserver.yaml']);
    },
    () => {
      // Until 1.37 one dead member is enough to stop a join.
      const ill = fleet.cluster?.members.filter((member) => !fleet.isAlive(member)) ?? [];
      if (ill.length > 0) throw new Error('etcd cluster is not healthy');
    },
    () => fleet.startKubelet(host),
    () => {
      if (own()) return;
      fleet.changeMembers('add', ({ members }) => {
        if (members.some(({ isLearner }) => isLearner))
          throw new Error('too many learner members in cluster');
        members.push({ id: fleet.newId('member'), name: '', peerUrl: url, isLearner: true });
      });
    },
    () => {
      addAll(host, ['etcd.yaml']);
      const member = own();
      if (!member) throw new Error('member was removed while it joined');
      if (member.name === '') {
        member.name = host.name;
        host.disk = member.id;
      } else if (host.disk !== member.id) {
        fleet.broken.push(`${host.name} was joined over its ghost: tocommit is out of range`);
      }
    },
    () => {
      const member = own();
      if (!member) throw new Error('member was removed while it joined');
      if (member.isLearner) fleet.changeMembers('promote', () => void (member.isLearner = false));
    },
    () => awaitNode(fleet, host),
    () => markControlPlane(fleet, host),
  ];
}

function addAll(host: Host, files: readonly string[]): void {
  for (const file of files) host.manifests.add(file);
}

function refuseReadyNode(fleet: SimulatedFleet, host: Host): void {
  const node = fleet.cluster?.nodes.get(host.name);
  if (node && (node.host !== host || fleet.isReady(node))) {
    throw new Error(`a Node with name "${host.name}" and status "Ready" already exists`);
  }
}

/** kubeadm waits until kubelet has made the Node. */
function awaitNode(fleet: SimulatedFleet, host: Host): void {
  fleet.registerNodes();
  if (!fleet.hasQuorum || !fleet.cluster?.nodes.has(host.name)) {
    throw new Error('timed out waiting for the condition');
  }
}

function markControlPlane(fleet: SimulatedFleet, host: Host): void {
  const node = fleet.cluster?.nodes.get(host.name);
  if (!node || !fleet.hasQuorum) throw new Error('timed out waiting for the condition');
  node.isControlPlane = true;
}
