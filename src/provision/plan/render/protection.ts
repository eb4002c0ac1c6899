import type { Json, JsonObject } from '../../../base/index.ts';
import type { ClusterSpec, NamedArgument } from '../cluster-spec.ts';

/**
 * What keeps pods from taking the memory and the processor time that kubelet, runtime and control plane live on.
 *
 * Only pods are held to it: to hold the system's own slices to their reservation too makes the kernel kill etcd and sshd
 * when those grow.
 */
export function kubeletProtection({ protection }: Pick<ClusterSpec, 'protection'>): JsonObject {
  if (!protection.enabled) return {};
  const { kubeReserved, systemReserved, evictionHard } = protection;
  return {
    kubeReserved: { ...kubeReserved } as Json,
    systemReserved: { ...systemReserved } as Json,
    evictionHard: { ...evictionHard } as Json,
    enforceNodeAllocatable: ['pods'],
  };
}

const gibibyte = 1024 ** 3;
/** The most that etcd's own documentation takes for sound. */
const etcdQuotaBytes = 8 * gibibyte;
const smallMemoryBytes = 4 * gibibyte;

/** etcd stops writing at 2 GiB by itself, which a busy cluster reaches. */
export function etcdProtection({ protection }: Pick<ClusterSpec, 'protection'>): readonly NamedArgument[] {
  return protection.enabled ? [{ name: 'quota-backend-bytes', value: String(etcdQuotaBytes) }] : [];
}

/** On a small machine the API server's defaults let a crowd of lists take all the memory at once. */
export function apiServerProtection(
  { protection }: Pick<ClusterSpec, 'protection'>,
  memoryBytes: number,
): readonly NamedArgument[] {
  if (!protection.enabled || memoryBytes >= smallMemoryBytes) return [];
  return [
    { name: 'max-requests-inflight', value: '200' },
    { name: 'max-mutating-requests-inflight', value: '100' },
  ];
}
