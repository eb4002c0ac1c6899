import type { Refusal } from '../steps.ts';
import { about, type Candidate, megabytes } from './candidate.ts';

/** As kubeadm asks of a control plane. */
const leastCpus = 2;
const leastMemoryBytes = 1_700 * 1024 * 1024;
const leastWorkerMemoryBytes = 700 * 1024 * 1024;
/** Oldest kernel that kubeadm takes from Kubernetes 1.32 on. */
const leastKernel = [4, 19] as const;
/** Those that Kubernetes is published for. */
const architectures = ['amd64', 'arm64', 'ppc64le', 's390x'];

/** What a machine is, and nobody changes quickly: processor, memory, kernel, systemd. */
export function hardware(each: Candidate): readonly Refusal[] {
  const { machine, facts } = each;
  const isControlPlane = machine.role === 'control-plane';
  const least = isControlPlane ? leastMemoryBytes : leastWorkerMemoryBytes;
  const refusals: Refusal[] = [];
  const refuse = (reason: string, message: string) => void refusals.push(about(each, reason, message));
  if (isControlPlane && facts.cpus < leastCpus) {
    refuse('TooFewCpus', `has ${facts.cpus} CPU, a control plane needs ${leastCpus}`);
  }
  if (facts.memoryBytes < least) {
    const [has, needs] = [megabytes(facts.memoryBytes), megabytes(least)];
    refuse('TooLittleMemory', `has ${has} MB of memory, its role needs ${needs}`);
  }
  if (facts.arch !== '' && !architectures.includes(facts.arch)) {
    const known = architectures.join(', ');
    refuse('UnsupportedArchitecture', `its processor is ${facts.arch}; Kubernetes runs on ${known}`);
  }
  if (isOlder(facts.kernel)) {
    refuse(
      'KernelTooOld',
      `runs Linux ${facts.kernel}, and Kubernetes needs ${leastKernel.join('.')}: upgrade its system`,
    );
  }
  // A container uses the modules of its host, and sees none of their files.
  if (!facts.isContainer && facts.missingModules.length > 0) {
    refuse(
      'KernelModuleMissing',
      `its kernel has no ${facts.missingModules.join(', ')}: install the package with the rest of its modules (such as linux-modules-extra), or another kernel`,
    );
  }
  if (Object.keys(facts.programs).length > 0 && facts.programs['systemctl'] === undefined) {
    refuse(
      'NoSystemd',
      `runs ${facts.os.name} without systemd, which kubelet is started by: use another system`,
    );
  }
  return refusals;
}

function isOlder(kernel: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  if (major === undefined || minor === undefined) return false;
  const [leastMajor, leastMinor] = leastKernel;
  return Number(major) < leastMajor || (Number(major) === leastMajor && Number(minor) < leastMinor);
}
