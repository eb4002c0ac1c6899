import { networkHas, networksOverlap, parseAddress, parseCidr } from '../../base/index.ts';
import type { ClusterSpec, MachineSpec } from './cluster-spec.ts';
import type { MachineFacts, Observed } from './facts.ts';
import type { Refusal } from './steps.ts';

export interface PreflightResult {
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly Refusal[];
}

/** A machine that is to become part of a cluster, as it was seen. */
interface Candidate {
  readonly machine: MachineSpec;
  readonly facts: MachineFacts;
  /** It is no node yet: only then ports must be free, and leftovers are somebody else's. */
  readonly isNew: boolean;
}

/** As kubeadm asks of a control plane. */
const leastCpus = 2;
const leastMemoryBytes = 1_700 * 1024 * 1024;
const leastWorkerMemoryBytes = 700 * 1024 * 1024;
const leastFreeBytes = 3 * 1024 ** 3;
const skewRefusedSeconds = 30;
const skewWarnedSeconds = 2;
/** @see https://kubernetes.io/docs/reference/networking/ports-and-protocols/ */
const controlPlanePorts = [6443, 2379, 2380, 10_250, 10_257, 10_259];
const workerPorts = [10_250];

/** Looks at all machines together before anything is changed on one of them. `isIn` tells who is a node already. */
export function preflight(
  spec: ClusterSpec,
  { machines, others }: Pick<Observed, 'machines' | 'others'>,
  isIn: (machine: MachineSpec) => boolean,
): PreflightResult {
  const candidates = spec.machines.flatMap((machine): Candidate[] => {
    const sight = machines[machine.name];
    return sight?.kind === 'seen' ? [{ machine, facts: sight.facts, isNew: !isIn(machine) }] : [];
  });
  const fresh = candidates.filter(({ isNew }) => isNew);
  return {
    refusals: [
      ...fresh.flatMap((each) => [
        ...hardware(each),
        ...access(each),
        ...ports(each),
        ...leftovers(each),
        ...address(each),
        ...disks(each),
        ...networks(spec, each),
      ]),
      ...duplicates(candidates),
      ...clocks(candidates, skewRefusedSeconds),
      ...neighbours(spec, others),
    ],
    warnings: [
      ...fresh.flatMap((each) => [...cgroups(each), ...swap(each), ...proxies(each)]),
      ...clocks(candidates, skewWarnedSeconds).filter(
        (warned) => !clocks(candidates, skewRefusedSeconds).some(({ machine }) => machine === warned.machine),
      ),
    ],
  };
}

function about({ machine }: Candidate, reason: string, message: string, field?: string): Refusal {
  return { reason, machine: machine.name, field, message };
}

function hardware(each: Candidate): readonly Refusal[] {
  const { machine, facts } = each;
  const isControlPlane = machine.role === 'control-plane';
  const least = isControlPlane ? leastMemoryBytes : leastWorkerMemoryBytes;
  return [
    ...(isControlPlane && facts.cpus < leastCpus
      ? [about(each, 'TooFewCpus', `has ${facts.cpus} CPU, a control plane needs ${leastCpus}`)]
      : []),
    ...(facts.memoryBytes < least
      ? [
          about(
            each,
            'TooLittleMemory',
            `has ${megabytes(facts.memoryBytes)} MB of memory, its role needs ${megabytes(least)}`,
          ),
        ]
      : []),
  ];
}

function access(each: Candidate): readonly Refusal[] {
  const { canSudo, isRoot } = each.facts;
  if (isRoot || canSudo) return [];
  return [
    about(
      each,
      'SudoFailed',
      'its user may not become root: let sudo ask for no password, or put sudo-password into the credential',
    ),
  ];
}

function ports(each: Candidate): readonly Refusal[] {
  const { facts, machine } = each;
  // Half-made by a run that broke off: those are our own.
  if (facts.kubernetes.manifests.length > 0 || facts.kubernetes.hasKubeletConfig) return [];
  const wanted = machine.role === 'control-plane' ? controlPlanePorts : workerPorts;
  return facts.listening
    .filter(({ port }) => wanted.includes(port))
    .map(({ port, program }) =>
      about(
        each,
        'PortBusy',
        `port ${port} is taken${program ? ` by ${program}` : ''}: stop what listens there`,
      ),
    );
}

/** Data of etcd without anything that would start it is nobody's, and must not be started over. */
function leftovers(each: Candidate): readonly Refusal[] {
  const { etcdData, manifests, hasKubeletConfig, pki } = each.facts.kubernetes;
  if (etcdData !== 'present' || manifests.length > 0 || hasKubeletConfig || pki.length > 0) return [];
  return [
    about(
      each,
      'LeftoverData',
      'has data of etcd in /var/lib/etcd from a cluster that is gone: move it away if nobody needs it',
    ),
  ];
}

function address(each: Candidate): readonly Refusal[] {
  const { internalAddress } = each.machine;
  const own = each.facts.interfaces.flatMap(({ addresses }) =>
    addresses.map((text) => text.split('/')[0] ?? ''),
  );
  if (internalAddress === undefined || own.length === 0 || own.includes(internalAddress)) return [];
  return [
    about(
      each,
      'AddressMissing',
      `has no address ${internalAddress}; it has ${own.join(', ')}`,
      'spec.internalAddress',
    ),
  ];
}

function disks(each: Candidate): readonly Refusal[] {
  const disk = each.facts.disks.find(({ path }) => path === '/var/lib') ?? each.facts.disks.at(0);
  if (!disk) return [];
  if (disk.readOnly) return [about(each, 'DiskReadOnly', `${disk.path} can't be written`)];
  return disk.freeBytes < leastFreeBytes
    ? [
        about(
          each,
          'DiskFull',
          `${disk.path} has ${megabytes(disk.freeBytes)} MB free, ${megabytes(leastFreeBytes)} are needed`,
        ),
      ]
    : [];
}

/** Pods and Services must not have addresses that a machine already knows a way to. */
function networks(spec: ClusterSpec, each: Candidate): readonly Refusal[] {
  const own = each.facts.interfaces
    .filter(({ name }) => !/^(cni|flannel|docker|veth|br-)/.test(name))
    .flatMap(({ addresses }) => addresses);
  return [
    ...spec.network.pods.map((cidr) => ['spec.clusterNetwork.pods', cidr] as const),
    ...spec.network.services.map((cidr) => ['spec.clusterNetwork.services', cidr] as const),
  ].flatMap(([field, cidr]) => {
    const network = parseCidr(cidr);
    const clash = own.find((text) => {
      const parsed = parseAddress(text.split('/')[0] ?? '');
      return network && parsed && networkHas(network, parsed);
    });
    return clash
      ? [about(each, 'NetworkOverlap', `its address ${clash} lies in ${cidr}: choose another network`, field)]
      : [];
  });
}

function neighbours(spec: ClusterSpec, others: Observed['others']): readonly Refusal[] {
  const own = [...spec.network.pods, ...spec.network.services];
  return others.flatMap(({ name, pods, services }) =>
    own.flatMap((cidr) => {
      const network = parseCidr(cidr);
      const clash = [...pods, ...services].find((text) => {
        const other = parseCidr(text);
        return network && other && networksOverlap(network, other);
      });
      return clash
        ? [
            {
              reason: 'NetworkOverlap',
              machine: undefined,
              field: 'spec.clusterNetwork',
              message: `${cidr} overlaps with ${clash} of the member ${name}: choose another network`,
            },
          ]
        : [];
    }),
  );
}

/** Cloned machines: two that can't be told apart would take each other's place. */
function duplicates(candidates: readonly Candidate[]): readonly Refusal[] {
  const marks: readonly (readonly [string, string, (each: Candidate) => readonly string[]])[] = [
    ['DuplicateHostname', 'hostname', ({ facts }) => [facts.hostname]],
    ['DuplicateMachineId', 'machine-id', ({ facts }) => [facts.machineId]],
    ['DuplicateHostKey', 'SSH host key', ({ facts }) => facts.hostKeys],
    [
      'DuplicateAddress',
      'internal address',
      ({ machine }) => (machine.internalAddress ? [machine.internalAddress] : []),
    ],
    // Containers share the one of their host.
    [
      'DuplicateProductUuid',
      'product_uuid',
      ({ facts }) => (facts.isContainer || !facts.productUuid ? [] : [facts.productUuid]),
    ],
  ];
  return marks.flatMap(([reason, what, valuesOf]) => {
    const first = new Map<string, string>();
    return candidates.flatMap((each) => {
      const value = valuesOf(each).find((one) => one !== '' && first.has(one));
      for (const one of valuesOf(each)) if (!first.has(one)) first.set(one, each.machine.name);
      return value === undefined
        ? []
        : [about(each, reason, `has the ${what} of ${first.get(value)}: give each machine its own`)];
    });
  });
}

/** Against the middle of all clocks, ours among them: two machines alone can't tell who is right. */
function clocks(candidates: readonly Candidate[], limitSeconds: number): readonly Refusal[] {
  const skews = candidates.map(({ facts }) => facts.clockSeconds - facts.askedAtSeconds);
  const sorted = [...skews, 0].toSorted((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  return candidates.flatMap((each, index) => {
    const off = (skews[index] ?? 0) - middle;
    return Math.abs(off) <= limitSeconds
      ? []
      : [
          about(
            each,
            'ClockSkew',
            `its clock is ${Math.round(Math.abs(off))} s ${off > 0 ? 'ahead' : 'behind'}: let it follow a time server`,
          ),
        ];
  });
}

function cgroups(each: Candidate): readonly Refusal[] {
  return each.facts.cgroup === 2
    ? []
    : [
        about(
          each,
          'CgroupV1',
          'has cgroup v1, which Kubernetes gives up: kubelet is told to bear it (failCgroupV1: false)',
        ),
      ];
}

function swap(each: Candidate): readonly Refusal[] {
  return each.facts.swapBytes === 0
    ? []
    : [
        about(
          each,
          'SwapOn',
          `has ${megabytes(each.facts.swapBytes)} MB of swap: it is switched off, here and in /etc/fstab`,
        ),
      ];
}

function proxies(each: Candidate): readonly Refusal[] {
  const names = Object.keys(each.facts.proxyEnvironment).map((name) => name.toLowerCase());
  if (!names.some((name) => name !== 'no_proxy')) return [];
  return [
    about(
      each,
      'HttpProxy',
      'has an HTTP proxy in its environment: no_proxy must name the networks of nodes, pods and Services',
    ),
  ];
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2);
}
