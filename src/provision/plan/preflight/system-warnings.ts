import type { ClusterSpec } from '../cluster-spec.ts';
import type { Refusal } from '../steps.ts';
import { about, type Candidate, megabytes } from './candidate.ts';

/** What Hansa changes or bears by itself, and what may stand in the way later. */
export function systemWarnings(spec: ClusterSpec, each: Candidate): readonly Refusal[] {
  const { facts } = each;
  const warnings: Refusal[] = [];
  const warn = (reason: string, message: string) => void warnings.push(about(each, reason, message));
  if (facts.cgroup === 1) {
    warn(
      'CgroupV1',
      'has cgroup v1, which Kubernetes gives up: kubelet is told to bear it (failCgroupV1: false)',
    );
  }
  if (facts.swapBytes > 0) {
    warn(
      'SwapOn',
      facts.isContainer
        ? `sees ${megabytes(facts.swapBytes)} MB of swap of its host: kubelet is told to bear it (failSwapOn: false)`
        : `has ${megabytes(facts.swapBytes)} MB of swap: it is switched off, here and in /etc/fstab`,
    );
  }
  if (facts.security.selinux.toLowerCase() === 'enforcing') {
    warn(
      'SelinuxEnforcing',
      'SELinux is enforcing: container-selinux must be installed, or pods are kept from their volumes',
    );
  }
  for (const unit of ['firewalld', 'ufw']) {
    if (facts.units[unit] === 'active') {
      warn(
        'FirewallActive',
        `${unit} is active: open ${portsOf(spec, each)} between the machines in it, or disable it`,
      );
    }
  }
  return warnings;
}

function portsOf({ cni }: ClusterSpec, { machine }: Candidate): string {
  const vxlan = cni.kind === 'flannel' && cni.backend === 'vxlan' ? [`UDP ${cni.port ?? 8472}`] : [];
  const tcp = machine.role === 'control-plane' ? 'TCP 6443, 2379, 2380 and 10250' : 'TCP 10250';
  return [tcp, ...vxlan].join(' and ');
}
