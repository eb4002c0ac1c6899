import { parse } from 'yaml';
import { HansaError, parseAddress } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { readVersion } from '../plan/version.ts';
import type { Step } from '../plan/steps.ts';
import { getObject } from './kubectl.ts';
import { commandPost, machineOf } from './step-machine.ts';
import { untilNoComplaint } from './until.ts';

/** Sees that a node is one: Ready, of the right version, with the address it was given, and resolving names. */
export const verifyNode: Executor = {
  async observe(context, step) {
    const complaint = await complaintOf(context, step);
    return complaint === undefined ? { kind: 'done' } : { kind: 'todo', why: complaint };
  },

  async apply(context, step) {
    context.update('waiting until the node is Ready');
    const complaint = await untilNoComplaint(context, { timeoutMs: 4 * 60_000 }, () =>
      complaintOf(context, step),
    );
    if (complaint !== undefined) throw notWell(complaint);
  },

  async verify(context, step) {
    const complaint = await complaintOf(context, step);
    if (complaint !== undefined) throw notWell(complaint);
  },
};

function notWell(complaint: string): HansaError {
  return new HansaError(complaint, { reason: 'NodeNotReady' });
}

interface NodeStatus {
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
  readonly nodeInfo?: { readonly kubeletVersion?: string };
}

async function complaintOf(context: StepContext, step: Step): Promise<string | undefined> {
  const { cluster, signal } = context;
  const machine = machineOf(context, step);
  const name = machine.spec.nodeName;
  const post = await commandPost(context, machine.spec.name);
  const node = await getObject(post, ['node', name], { signal });
  if (!node)
    return `there is no Node ${name}: its kubelet did not register; see "journalctl -u kubelet" on ${machine.spec.name}`;
  const { addresses = [], conditions = [], nodeInfo } = (node.status ?? {}) as NodeStatus;
  const addressComplaint = wrongAddress(machine, addresses);
  if (addressComplaint !== undefined) return addressComplaint;
  const version = readVersion(nodeInfo?.kubeletVersion ?? '')?.text;
  const wanted = typeof step.inputs.version === 'string' ? step.inputs.version : cluster.version;
  if (version !== wanted)
    return `kubelet of node ${name} is ${version ?? 'of no known version'}, and ${wanted} was expected`;
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True' && cluster.cni.kind !== 'none') {
    return `node ${name} is not Ready: ${ready?.message ?? 'its kubelet has said nothing yet'}`;
  }
  return dnsComplaint(context, machine, post);
}

/** Two addresses on two networks: the wrong one, and pods on other machines are not reached. */
function wrongAddress(
  { spec, internalAddress }: Machine,
  addresses: NonNullable<NodeStatus['addresses']>,
): string | undefined {
  const internal = addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
  const isSame = internal.some(
    (address) => parseAddress(address)?.value === parseAddress(internalAddress)?.value,
  );
  if (isSame) return undefined;
  return `node ${spec.nodeName} says its address is ${internal.join(', ') || 'none'}, and ${internalAddress} was given to it: see node-ip in /var/lib/kubelet/kubeadm-flags.env on ${spec.name}`;
}

async function dnsComplaint(
  { cluster, signal }: StepContext,
  machine: Machine,
  post: Machine,
): Promise<string | undefined> {
  // Who sets their own resolver (a cache on each node, say) knows why.
  if (cluster.kubeadm.kubelet.clusterDNS !== undefined) return undefined;
  const service = await getObject(post, ['-n', 'kube-system', 'service', 'kube-dns'], { signal });
  const { clusterIP } = (service?.spec ?? {}) as { readonly clusterIP?: string };
  if (clusterIP === undefined) return undefined;
  const text = (await machine.transport.readFile('/var/lib/kubelet/config.yaml', { signal }))?.toString(
    'utf8',
  );
  const { clusterDNS = [] } = (parse(text ?? '') ?? {}) as { readonly clusterDNS?: readonly string[] };
  if (clusterDNS.includes(clusterIP)) return undefined;
  return `pods on node ${machine.spec.nodeName} ask ${clusterDNS.join(', ') || 'nobody'} for names, and the Service kube-dns has ${clusterIP}: correct the ConfigMap kubelet-config in kube-system, then run "kubeadm upgrade node phase kubelet-config" there`;
}
