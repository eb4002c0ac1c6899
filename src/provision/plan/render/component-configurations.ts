import type { Json, JsonObject } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import { versionOf } from '../version.ts';
import type { NodeInput } from './node-input.ts';
import { kubeletProtection } from './protection.ts';

/** From this minor on kubelet refuses to start on cgroup v1 unless it is told otherwise. */
const cgroupV1RefusedMinor = 35;

export function mustAllowCgroupV1({ version }: Pick<ClusterSpec, 'version'>, cgroup: 1 | 2): boolean {
  return cgroup === 1 && versionOf(version).minor >= cgroupV1RefusedMinor;
}

/** Configuration of all kubelets; what only one machine needs is in its patches. */
export function kubeletConfiguration({ cluster, facts }: NodeInput): JsonObject {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    ...kubeletProtection(cluster),
    ...(mustAllowCgroupV1(cluster, facts.cgroup) && { failCgroupV1: false }),
    ...(cluster.kubeadm.kubelet as JsonObject),
    // Told to both sides: kubelet and runtime that differ start pods that are killed at once.
    cgroupDriver: cluster.cgroupDriver,
  };
}

/** undefined: there is none. */
export function kubeProxyConfiguration({ cluster, facts }: NodeInput): JsonObject | undefined {
  const { mode } = cluster.proxy;
  if (mode === 'none') return undefined;
  const own = cluster.kubeadm.kubeProxy as JsonObject;
  // The size of the connection table belongs to the machine around the container; to write it fails.
  const conntrack: Json = facts.isContainer ? { conntrack: { maxPerCore: 0, min: 0 } } : {};
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    ...conntrack,
    ...own,
    mode,
  };
}

export const ownPatchName = 'kubeletconfiguration-hansa+merge.yaml';

/** What this machine's kubelet needs beyond the cluster's configuration. */
export function ownKubeletPatch({ cluster, facts }: NodeInput): JsonObject | undefined {
  const patch: JsonObject = {
    // The first machine may have been of another kind, and the cluster's configuration was made for that.
    ...(mustAllowCgroupV1(cluster, facts.cgroup) && { failCgroupV1: false }),
    // In a container swap is its host's and can't be switched off.
    ...(facts.isContainer && facts.swapBytes > 0 && { failSwapOn: false }),
  };
  return Object.keys(patch).length === 0 ? undefined : patch;
}
