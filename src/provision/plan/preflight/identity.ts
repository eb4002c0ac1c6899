import type { Refusal } from '../steps.ts';
import { about, type Candidate } from './candidate.ts';

interface Mark {
  readonly reason: string;
  readonly what: string;
  readonly valuesOf: (each: Candidate) => readonly string[];
  readonly mend: string;
}

const marks: readonly Mark[] = [
  {
    reason: 'DuplicateHostname',
    what: 'hostname',
    valuesOf: ({ facts }) => [facts.hostname],
    mend: 'set another with "hostnamectl set-hostname"',
  },
  {
    reason: 'DuplicateMachineId',
    what: 'machine-id',
    valuesOf: ({ facts }) => [facts.machineId],
    mend: 'remove /etc/machine-id there and run "systemd-machine-id-setup"',
  },
  {
    reason: 'DuplicateHostKey',
    what: 'SSH host key',
    valuesOf: ({ facts }) => facts.hostKeys,
    mend: 'remove /etc/ssh/ssh_host_* there, run "ssh-keygen -A" and restart sshd',
  },
  {
    reason: 'DuplicateAddress',
    what: 'internal address',
    valuesOf: ({ machine }) => (machine.internalAddress ? [machine.internalAddress] : []),
    mend: 'give each machine its own',
  },
  {
    reason: 'DuplicateMac',
    what: 'MAC address',
    valuesOf: macs,
    mend: 'give its network card another: two with the same one lose each other’s packets',
  },
  {
    reason: 'DuplicateProductUuid',
    what: 'product_uuid',
    // Containers share the one of their host.
    valuesOf: ({ facts }) => (facts.isContainer || !facts.productUuid ? [] : [facts.productUuid]),
    mend: 'let the hypervisor give each virtual machine its own',
  },
];

/** Cloned machines: two that can't be told apart would take each other's place. */
export function duplicates(candidates: readonly Candidate[]): readonly Refusal[] {
  return [
    ...marks.flatMap(({ reason, what, valuesOf, mend }) => {
      const first = new Map<string, string>();
      return candidates.flatMap((each) => {
        const value = valuesOf(each).find((one) => one !== '' && first.has(one));
        for (const one of valuesOf(each)) if (!first.has(one)) first.set(one, each.machine.name);
        return value === undefined
          ? []
          : [about(each, reason, `has the ${what} of ${first.get(value)} (${shortened(value)}): ${mend}`)];
      });
    }),
    ...takenAddresses(candidates),
  ];
}

/** Of the card that the cluster goes over: bridges and bonds may repeat one within a machine, and across them. */
function macs({ machine: { internalAddress }, facts }: Candidate): readonly string[] {
  return facts.interfaces.flatMap(({ mac, addresses }) =>
    mac !== undefined && addresses.some((text) => text.split('/')[0] === internalAddress) ? [mac] : [],
  );
}

/** An address that another machine of the cluster answers on, too. */
function takenAddresses(candidates: readonly Candidate[]): readonly Refusal[] {
  return candidates.flatMap((each) => {
    const { internalAddress } = each.machine;
    const other = candidates.find(
      ({ machine, facts }) =>
        machine.name !== each.machine.name &&
        machine.internalAddress !== internalAddress &&
        facts.interfaces.some(({ addresses }) =>
          addresses.some((text) => text.split('/')[0] === internalAddress),
        ),
    );
    if (internalAddress === undefined || !other) return [];
    const message = `its address ${internalAddress} is also on ${other.machine.name}: give each machine its own`;
    return [about(each, 'DuplicateAddress', message)];
  });
}

/** The address that the spec names must be one of the machine's. */
export function address(each: Candidate): readonly Refusal[] {
  const { internalAddress } = each.machine;
  const own = each.facts.interfaces.flatMap(({ addresses }) =>
    addresses.map((text) => text.split('/')[0] ?? ''),
  );
  if (internalAddress === undefined || own.length === 0 || own.includes(internalAddress)) return [];
  return [
    about(
      each,
      'AddressMissing',
      `has no address ${internalAddress}; it has ${own.join(', ')}: name one of these in spec.internalAddress`,
      'spec.internalAddress',
    ),
  ];
}

function shortened(value: string): string {
  return value.length > 45 ? `${value.slice(0, 42)}…` : value;
}
