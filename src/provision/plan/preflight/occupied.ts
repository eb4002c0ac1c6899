import { chooseRuntime } from '../render/runtime.ts';
import type { Refusal } from '../steps.ts';
import { about, type Candidate, isBegun } from './candidate.ts';

/** @see https://kubernetes.io/docs/reference/networking/ports-and-protocols/ */
const controlPlanePorts = [6443, 2379, 2380, 10_250, 10_257, 10_259];
const workerPorts = [10_250];

/** Ports that something else listens on. */
export function ports(each: Candidate): readonly Refusal[] {
  if (isBegun(each)) return [];
  const wanted = each.machine.role === 'control-plane' ? controlPlanePorts : workerPorts;
  const busy = new Map(
    each.facts.listening.filter(({ port }) => wanted.includes(port)).map((one) => [one.port, one.program]),
  );
  return [...busy].map(([port, program]) =>
    about(
      each,
      'PortBusy',
      `port ${port} is taken${program ? ` by ${program}` : ''}: stop what listens there`,
    ),
  );
}

/** Data of etcd without anything that would start it is nobody's, and must not be started over. */
export function leftovers(each: Candidate): readonly Refusal[] {
  const { etcdData, pki } = each.facts.kubernetes;
  if (etcdData !== 'present' || isBegun(each) || pki.length > 0) return [];
  return [
    about(
      each,
      'LeftoverData',
      'has data of etcd in /var/lib/etcd from a cluster that is gone: move it away if nobody needs it',
    ),
  ];
}

/** A runtime that kubelet can't use, or two of which nobody said which. */
export function runtime(each: Candidate): readonly Refusal[] {
  const choice = chooseRuntime(each.facts);
  return choice.kind === 'refuse' ? [about(each, choice.reason, choice.message)] : [];
}

/** The runtime takes the first configuration by name, whoever wrote it. */
export function strangeCni(each: Candidate): readonly Refusal[] {
  const strange = each.facts.cniConfigs.filter((path) => !/(flannel|hansa|\.kubernetes-cni-keep)/.test(path));
  if (strange.length === 0 || isBegun(each)) return [];
  return [
    about(
      each,
      'CniConfigFound',
      `has ${strange.join(', ')}, and the first by name decides which network pods get: move away what isn't of this cluster`,
    ),
  ];
}

/** Whoever has several runtimes wants to know which one it will be. */
export function severalRuntimes(each: Candidate): readonly Refusal[] {
  const choice = chooseRuntime(each.facts);
  const others = each.facts.runtimeSockets.filter(
    (socket) => choice.kind !== 'refuse' && socket !== choice.socket,
  );
  if (choice.kind === 'refuse' || others.length === 0) return [];
  return [
    about(
      each,
      'SeveralRuntimes',
      `also has ${others.join(', ')}; kubelet will use ${choice.runtime} at ${choice.socket}`,
    ),
  ];
}
