import type { EtcdMember } from './facts.ts';

/** What to do about an etcd that takes no writes any more; undefined: it has room. */
export function noSpaceComplaint(
  members: readonly Pick<EtcdMember, 'id' | 'name' | 'alarms' | 'dbSizeBytes'>[],
): { readonly why: string; readonly command: string } | undefined {
  const full = members.filter(({ alarms }) => alarms.includes('NOSPACE'));
  if (full.length === 0) return undefined;
  const names = full.map(({ name, id }) => name || id).join(', ');
  const size = Math.max(...members.map(({ dbSizeBytes }) => dbSizeBytes ?? 0));
  const told = size > 0 ? `, ${Math.ceil(size / 1024 ** 2)} MiB` : '';
  return {
    why: `the database of etcd is full (alarm NOSPACE on ${names}${told}), so the cluster takes no change at all: delete what fills it, or drop its history as below; an etcd that must hold more gets a larger quota-backend-bytes in spec.kubeadm.etcd.extraArgs afterwards`,
    command: freeSpace,
  };
}

/** As root on any control plane. Each member stands still while it is defragmented, one after the other. */
const freeSpace = [
  'pki=/etc/kubernetes/pki/etcd',
  'export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT=$pki/ca.crt ETCDCTL_CERT=$pki/healthcheck-client.crt ETCDCTL_KEY=$pki/healthcheck-client.key',
  `etcdctl compact "$(etcdctl endpoint status -w json | grep -o '"revision":[0-9]*' | cut -d: -f2)"`,
  'etcdctl defrag --cluster --command-timeout=60s',
  'etcdctl alarm disarm',
].join('; ');
