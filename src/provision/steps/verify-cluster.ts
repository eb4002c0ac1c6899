import { HansaError } from '../../base/index.ts';
import type { Executor, StepContext } from '../engine/executor.ts';
import { readMembers } from '../etcd/read-members.ts';
import { clusterUidEvidence } from '../plan/cluster-identity.ts';
import { controlPlanes } from '../plan/cluster-spec.ts';
import type { EtcdMember } from '../plan/facts.ts';
import type { Step } from '../plan/steps.ts';
import { getObject } from './kubectl.ts';
import { podComplaint, type PodLook } from './pod-complaint.ts';
import { untilNoComplaint } from './until.ts';

/** Sees that the cluster is one: etcd's members are its control planes, one leads, and names are resolved. */
export const verifyCluster: Executor = {
  async observe(context, step) {
    const complaint = await complaintOf(context, step);
    if (complaint !== undefined) return { kind: 'todo', why: complaint };
    await noteIdentity(context);
    return { kind: 'done' };
  },

  async apply(context, step) {
    context.update('waiting until etcd and DNS are well');
    const complaint = await untilNoComplaint(context, { timeoutMs: 4 * 60_000 }, async () => {
      const found = await complaintOf(context, step);
      if (found !== undefined) context.update(found);
      return found;
    });
    if (complaint !== undefined) throw notWell(complaint);
  },

  async verify(context, step) {
    const complaint = await complaintOf(context, step);
    if (complaint !== undefined) throw notWell(complaint);
    await noteIdentity(context);
  },
};

/** So that an API server that speaks for another cluster is known as such later; a restore may have changed which it is. */
async function noteIdentity(context: StepContext): Promise<void> {
  const post = await context.healthyControlPlane();
  const system = await getObject(post, ['namespace', 'kube-system'], { signal: context.signal });
  const { uid } = (system?.metadata ?? {}) as { readonly uid?: string };
  if (uid !== undefined) context.note({ [clusterUidEvidence]: uid });
}

function notWell(complaint: string): HansaError {
  return new HansaError(complaint, { reason: 'ClusterNotHealthy' });
}

/** `inputs.controlPlanes` are those that etcd shall have; default: all of the spec. */
async function complaintOf(context: StepContext, { inputs }: Step): Promise<string | undefined> {
  const { cluster, signal } = context;
  const post = await context.healthyControlPlane();
  if (cluster.etcd.kind === 'stacked') {
    const wanted = Array.isArray(inputs['controlPlanes'])
      ? (inputs['controlPlanes'] as unknown[])
      : undefined;
    const names = controlPlanes(cluster)
      .filter(({ name }) => wanted?.includes(name) ?? true)
      .map(({ nodeName }) => nodeName);
    const complaint = etcdComplaint(await readMembers(post, { signal }), names);
    if (complaint !== undefined) return complaint;
  }
  // Without a network of Hansa's choice nobody can say when pods will run.
  if (cluster.cni.kind === 'none') return undefined;
  const dns = await getObject(post, ['-n', 'kube-system', 'deployment', 'coredns'], { signal });
  // Who runs another DNS has deleted it.
  if (!dns) return undefined;
  const { readyReplicas = 0 } = (dns.status ?? {}) as { readonly readyReplicas?: number };
  if (readyReplicas > 0) return undefined;
  const pods = await getObject(post, ['-n', 'kube-system', 'pods', '-l', 'k8s-app=kube-dns'], { signal });
  const items = ((pods as { readonly items?: readonly PodLook[] } | undefined)?.items ?? []).flatMap(
    (pod) => podComplaint(pod) ?? [],
  );
  return `no pod of CoreDNS is ready${items[0] === undefined ? '' : ` (${items[0]})`}: see "kubectl -n kube-system describe pods -l k8s-app=kube-dns"`;
}

/** What is wrong with etcd, given the nodes that shall be its members; undefined: nothing. */
export function etcdComplaint(members: readonly EtcdMember[], nodes: readonly string[]): string | undefined {
  const strangers = members.filter(({ name }) => !nodes.includes(name));
  if (strangers.length > 0) {
    const told = strangers.map(
      ({ name, id, peerUrls }) => `${name || 'nameless'} (${id}, ${peerUrls.join(' ')})`,
    );
    return `etcd has members that are no control planes of this cluster: ${told.join(', ')}`;
  }
  const missing = nodes.filter((node) => !members.some(({ name }) => name === node));
  if (missing.length > 0) return `${missing.join(', ')} is no member of etcd`;
  const learners = members.filter(({ isLearner }) => isLearner);
  if (learners.length > 0) return `${learners.map(({ name }) => name).join(', ')} does not vote in etcd yet`;
  const ill = members.filter(({ isHealthy }) => isHealthy === false);
  if (ill.length > 0) {
    const alarms = ill.flatMap((member) => member.alarms);
    return `${ill.map(({ name }) => name).join(', ')} of etcd is not healthy${alarms.length > 0 ? ` (${alarms.join(', ')})` : ''}`;
  }
  const leaders = members.filter(({ isLeader }) => isLeader);
  return leaders.length === 1 ? undefined : `etcd has ${leaders.length} leaders`;
}
