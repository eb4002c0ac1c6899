import type { Machine, StepContext } from '../engine/executor.ts';
import { patchesDirectory, renderPatches } from '../plan/render/kubeadm-config.ts';
import type { NodeInput } from '../plan/render/node-input.ts';
import { runScript } from './run-script.ts';

export const initConfigPath = '/etc/kubernetes/hansa/init.yaml';
export const joinConfigPath = '/etc/kubernetes/hansa/join.yaml';

/** Makes the patches directory hold exactly what it should: kubeadm takes every file in it. */
export async function writePatches(context: StepContext, machine: Machine, input: NodeInput): Promise<void> {
  const patches = Object.entries(renderPatches(input));
  await runScript(context, machine, {
    script: `directory=$1
shift
mkdir -p -m 700 "$directory"
for file in "$directory"/*; do
  [ -e "$file" ] || continue
  kept=no
  for name in "$@"; do [ "\${file##*/}" != "$name" ] || kept=yes; done
  [ "$kept" = yes ] || rm -f "$file"
done`,
    args: [patchesDirectory, ...patches.map(([name]) => name)],
    reason: 'PatchesNotWritten',
    mend: 'see that /etc/kubernetes can be written',
  });
  for (const [name, content] of patches) {
    await machine.transport.writeFile(
      { path: `${patchesDirectory}/${name}`, content, mode: 0o600 },
      context.signal,
    );
  }
}

/**
 * Shell functions that take off a machine what kubeadm put there. `has_leftovers` asks; `clean_node CRI_SOCKET keep|delete`
 * does it. kubeadm's own handling of etcd is left out on purpose: it empties the data even if it could not take the member
 * out of the cluster, and whoever calls this has taken care of both.
 */
export const cleanLibrary = `
has_leftovers() {
  [ -e /etc/kubernetes/kubelet.conf ] || [ -e /etc/kubernetes/bootstrap-kubelet.conf ] || [ -e /etc/kubernetes/admin.conf ] ||
    [ -e /etc/kubernetes/pki/apiserver.crt ] || [ -e /var/lib/kubelet/config.yaml ] ||
    [ -n "$(ls /etc/kubernetes/manifests/ 2>/dev/null)" ] || [ -d /var/lib/etcd/member ]
}
# Rules of kube-proxy, flannel and the CNI plugins would send packets to pods that are no more.
drop_packet_rules() {
  for table in 'ip kube-proxy' 'ip6 kube-proxy' 'ip flannel-ipv4' 'ip6 flannel-ipv6'; do
    nft delete table $table 2>/dev/null || :
  done
  for family in iptables ip6tables; do
    command -v $family-save >/dev/null 2>&1 || continue
    if $family-save 2>/dev/null | grep -Eq 'KUBE-|CNI-|FLANNEL-'; then
      $family-save | grep -Ev 'KUBE-|CNI-|FLANNEL-|cali-|"name: \\\\"' | $family-restore || :
    fi
  done
}
clean_node() {
  systemctl stop kubelet.service 2>/dev/null || :
  if command -v kubeadm >/dev/null 2>&1; then
    kubeadm reset --force --skip-phases remove-etcd-member --cri-socket "unix://$1" 2>&1 | grep -v '^$' | head -n 100 || :
  fi
  rm -rf /etc/kubernetes/manifests/* /etc/kubernetes/pki /etc/kubernetes/*.conf /etc/kubernetes/tmp
  if [ -d /var/lib/etcd/member ]; then
    if [ "$2" = delete ]; then
      rm -rf /var/lib/etcd/member
    else
      failed=/var/lib/etcd.failed-$(date -u +%Y%m%dT%H%M%SZ)
      mkdir -m 700 "$failed"
      mv /var/lib/etcd/member "$failed/"
      echo "what etcd had is kept in $failed"
    fi
  fi
  rm -rf /var/lib/etcd/* /var/lib/cni/* /run/flannel
  rm -f /etc/cni/net.d/10-flannel.conflist
  drop_packet_rules
  for link in cni0 flannel.1 flannel-v6.1; do ip link delete "$link" 2>/dev/null || :; done
}
`;
