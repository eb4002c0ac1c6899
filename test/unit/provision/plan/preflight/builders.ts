import { parseFacts } from '../../../../../src/provision/facts/parse-facts.ts';
import { preflight } from '../../../../../src/provision/plan/preflight.ts';
import type { ClusterSpec, MachineSpec } from '../../../../../src/provision/plan/cluster-spec.ts';
import { machine, spec as bareSpec } from '../day-two-world.ts';

/** The machine number `index` from 1, as the facts script tells it; lines in `also` come before the ordinary ones and win. */
export function factsOf(name: string, index: number, also: readonly string[] = []) {
  const lines = [
    ...also,
    `hostname ${name}`,
    `machine-id id-of-${name}`,
    `product-uuid uuid-of-${name}`,
    `host-key ssh-ed25519 ${name}`,
    'kernel 6.1.0-amd64',
    'arch x86_64',
    'cpus 2',
    'memory-kb 4000000',
    'cgroup 2',
    'clock 1000',
    `interface eth0 02:00:00:00:00:0${index} 1500`,
    `address eth0 10.0.0.${index}/24`,
    'route 10.0.0.0/24',
    'disk /var/lib 50000000 99000000 900000 rw',
    'program systemctl there',
  ];
  return parseFacts(lines.join('\n'), { askedAtSeconds: 1000, canSudo: !also.includes('no sudo') });
}

export function specOf(names: readonly string[], changes: Partial<ClusterSpec> = {}): ClusterSpec {
  const machines = names.map(
    (name, index): MachineSpec => ({ ...machine(name), internalAddress: `10.0.0.${index + 1}` }),
  );
  return { ...bareSpec(names), machines, ...changes };
}

/** What is said of machines of which each shows what `shown` has for it, beside what is ordinary. */
export function lookedAt(
  spec: ClusterSpec,
  shown: Readonly<Record<string, readonly string[]>> = {},
  {
    nodes = [],
    others = [],
  }: { nodes?: readonly string[]; others?: Parameters<typeof preflight>[1]['others'] } = {},
) {
  const machines = Object.fromEntries(
    spec.machines.map(({ name }, index) => [
      name,
      { kind: 'seen' as const, facts: factsOf(name, index + 1, shown[name]) },
    ]),
  );
  const { refusals, warnings } = preflight(spec, { machines, others }, ({ name }) => nodes.includes(name));
  return {
    refusals: refusals.map(({ reason, machine: on }) => `${on ?? 'cluster'} ${reason}`),
    warnings: warnings.map(({ reason, machine: on }) => `${on ?? 'cluster'} ${reason}`),
    text: [...refusals, ...warnings].map(({ message }) => message).join('\n'),
  };
}
