import type { ClusterSpec, MachineSpec } from './cluster-spec.ts';
import type { Observed } from './facts.ts';
import type { Candidate } from './preflight/candidate.ts';
import { clocks } from './preflight/clocks.ts';
import { disks, nothingLeft, slowDisks, underEviction } from './preflight/disks.ts';
import { closedEndpoint, takenEndpoint } from './preflight/endpoint.ts';
import { hardware } from './preflight/hardware.ts';
import { address, duplicates } from './preflight/identity.ts';
import { hostNetworks, otherClusters, proxies } from './preflight/networks.ts';
import { leftovers, ports, runtime, severalRuntimes, strangeCni } from './preflight/occupied.ts';
import { unreached } from './preflight/reach.ts';
import { rights } from './preflight/rights.ts';
import { systemWarnings } from './preflight/system-warnings.ts';
import type { Refusal } from './steps.ts';

export interface PreflightResult {
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly Refusal[];
}

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
  const isUnmade = fresh.length === candidates.length;
  const time = clocks(candidates);
  const closed = closedEndpoint(spec, candidates);
  return {
    refusals: [
      ...fresh.flatMap((each) => [
        ...hardware(each),
        ...ports(each),
        ...leftovers(each),
        ...runtime(each),
        ...address(each),
        ...disks(each),
        ...nothingLeft(spec, each),
        ...hostNetworks(spec, each),
      ]),
      ...candidates.flatMap(rights),
      ...duplicates(candidates),
      ...time.refusals,
      ...unreached(spec, candidates),
      ...(isUnmade ? takenEndpoint(spec, candidates) : closed.refusals),
    ],
    warnings: [
      ...fresh.flatMap((each) => [
        ...systemWarnings(spec, each),
        ...severalRuntimes(each),
        ...strangeCni(each),
        ...underEviction(spec, each),
        ...slowDisks(each),
      ]),
      ...proxies(spec, candidates),
      // Networks can be chosen once, so it is told before there is a cluster.
      ...(isUnmade ? otherClusters(spec, others) : closed.warnings),
      ...time.warnings,
    ],
  };
}
