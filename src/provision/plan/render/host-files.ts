import { parseCidr } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import type { MachineFacts } from '../facts.ts';

export const modulesPath = '/etc/modules-load.d/90-hansa.conf';
export const sysctlPath = '/etc/sysctl.d/90-hansa.conf';

export interface HostSettings {
  readonly modules: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
}

/** What Kubernetes needs of a machine's kernel. */
export function hostSettings(
  { network, cni }: Pick<ClusterSpec, 'network' | 'cni'>,
  { isContainer }: Pick<MachineFacts, 'isContainer'>,
): HostSettings {
  const families = new Set([...network.pods, ...network.services].map((text) => parseCidr(text)?.family));
  return {
    modules: [
      'overlay',
      'br_netfilter',
      'nf_conntrack',
      ...(cni.kind === 'flannel' && cni.backend === 'vxlan' ? ['vxlan'] : []),
    ],
    sysctls: {
      'net.ipv4.ip_forward': '1',
      // kubeadm checks forwarding only; without these two, Services don't reach pods on the same machine.
      'net.bridge.bridge-nf-call-iptables': '1',
      'net.bridge.bridge-nf-call-ip6tables': '1',
      ...(families.has(6) && { 'net.ipv6.conf.all.forwarding': '1' }),
      // These belong to the whole machine: a container must not set them for its neighbours.
      ...(!isContainer && {
        'fs.inotify.max_user_instances': '8192',
        'fs.inotify.max_user_watches': '524288',
      }),
    },
  };
}

export function renderModules({ modules }: HostSettings): string {
  return `# Written by Hansa.\n${modules.join('\n')}\n`;
}

export function renderSysctls({ sysctls }: HostSettings): string {
  const lines = Object.entries(sysctls).map(([key, value]) => `${key} = ${value}`);
  return `# Written by Hansa.\n${lines.join('\n')}\n`;
}
