import type { KubeClusterSpec } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import {
  type Cidr,
  formatNetwork,
  networkHas,
  networksOverlap,
  parseAddress,
  parseCidr,
} from '../../base/index.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import type { ObjectFindings } from './problems.ts';

/** An address that pods and Services must stay clear of, and what to call it. */
export interface TakenAddress {
  readonly of: string;
  readonly address: string;
}

const fields = {
  pods: 'spec.clusterNetwork.pods.cidrBlocks',
  services: 'spec.clusterNetwork.services.cidrBlocks',
} as const;

const defaults = { pods: ['10.244.0.0/16'], services: ['10.96.0.0/12'], domain: 'cluster.local' } as const;

/** What the controller manager gives each Node, unless its flags say otherwise. */
const nodeMask = { 4: 24, 6: 64 } as const;
/** API servers keep a bit for each address of the services. */
const serviceBitsMost = 20;
const addressesLeast = 16n;

/** Without a check: of clusters that are only to be kept clear of. */
export function networkOf({ clusterNetwork: network }: KubeClusterSpec): ClusterSpec['network'] {
  return {
    pods: network?.pods?.cidrBlocks ?? defaults.pods,
    services: network?.services?.cidrBlocks ?? defaults.services,
    domain: network?.serviceDomain ?? defaults.domain,
  };
}

export function readNetwork(spec: KubeClusterSpec, found: ObjectFindings): ClusterSpec['network'] {
  const network = networkOf(spec);
  const { pods, services } = network;
  const podCidrs = parseAll(pods, fields.pods, found);
  const serviceCidrs = parseAll(services, fields.services, found);
  checkFamilies(podCidrs, serviceCidrs, found);
  for (const cidr of podCidrs) checkPods(cidr, spec, found);
  for (const cidr of serviceCidrs) checkServices(cidr, found);
  for (const pod of podCidrs) {
    for (const service of serviceCidrs) {
      if (networksOverlap(pod, service)) {
        found.problem(
          fields.services,
          `${formatNetwork(service)} overlaps the pods' ${formatNetwork(pod)}: choose networks that have no address in common`,
        );
      }
    }
  }
  return network;
}

/** Machines whose address lay among the pods' would be unreachable for every pod, and the other way round. */
export function checkTaken(
  network: ClusterSpec['network'],
  taken: readonly TakenAddress[],
  found: ObjectFindings,
): void {
  for (const name of ['pods', 'services'] as const) {
    for (const text of network[name]) {
      const cidr = parseCidr(text);
      const inside = cidr
        ? taken.filter(({ address }) => {
            const parsed = parseAddress(address);
            return parsed && networkHas(cidr, parsed);
          })
        : [];
      for (const { of, address } of inside) {
        found.problem(
          fields[name],
          `${text} has the address ${address} of ${of}: choose a network without it`,
        );
      }
    }
  }
}

/** API servers listen in the family of the first network of the services. */
export function checkPrimaryFamily(
  network: ClusterSpec['network'],
  address: string,
  field: string,
  found: ObjectFindings,
): void {
  const family = parseAddress(address)?.family;
  const wanted = parseCidr(network.services[0] ?? '')?.family;
  if (family === undefined || wanted === undefined || family === wanted) return;
  found.problem(
    field,
    `${address} is IPv${family}, and the first network of the services is IPv${wanted}: both must be of one family`,
  );
}

function parseAll(texts: readonly string[], field: string, found: ObjectFindings): readonly Cidr[] {
  return texts.flatMap((text, index) => {
    const cidr = parseCidr(text);
    if (!cidr) {
      found.problem(`${field}[${index}]`, `"${text}" is not a CIDR such as 10.244.0.0/16 or fd00:10::/56`);
      return [];
    }
    if (cidr.address.value !== cidr.first) {
      found.problem(`${field}[${index}]`, `${text} has bits behind its prefix: write ${formatNetwork(cidr)}`);
    }
    return [cidr];
  });
}

function checkFamilies(pods: readonly Cidr[], services: readonly Cidr[], found: ObjectFindings): void {
  for (const [cidrs, field] of [
    [pods, fields.pods],
    [services, fields.services],
  ] as const) {
    if (cidrs.length === 2 && cidrs[0]?.family === cidrs[1]?.family) {
      found.problem(
        field,
        'has two networks of one family: for dual stack give one IPv4 and one IPv6 network',
      );
    }
  }
  const words = (cidrs: readonly Cidr[]) => cidrs.map(({ family }) => `IPv${family}`).join(', ');
  if (pods.length > 0 && services.length > 0 && words(pods) !== words(services)) {
    found.problem(
      fields.services,
      `has ${words(services)}, and the pods have ${words(pods)}: give both the same families in the same order`,
    );
  }
}

function checkPods({ family, prefix }: Cidr, { kubeadm }: KubeClusterSpec, found: ObjectFindings): void {
  const flags = new Map(
    kubeadm?.controllerManager?.extraArgs.map(({ name, value }) => [name, Number(value)]),
  );
  const mask =
    flags.get(`node-cidr-mask-size-ipv${family}`) ?? flags.get('node-cidr-mask-size') ?? nodeMask[family];
  if (prefix > mask) {
    found.problem(
      fields.pods,
      `a /${prefix} is too small: each Node takes a /${mask} of it. Choose a larger network, or set kubeadm.controllerManager.extraArgs node-cidr-mask-size`,
    );
  } else if (mask - prefix > 16) {
    found.problem(
      fields.pods,
      `a /${prefix} is too large: the controller manager divides at most 65536 pieces, of a /${mask} each. Choose /${mask - 16} or smaller`,
    );
  }
}

function checkServices({ family, first, last, prefix }: Cidr, found: ObjectFindings): void {
  const width = family === 4 ? 32 : 128;
  if (width - prefix > serviceBitsMost) {
    found.problem(
      fields.services,
      `a /${prefix} is too large: API servers take at most a /${width - serviceBitsMost} of IPv${family}`,
    );
  } else if (last - first + 1n < addressesLeast) {
    found.problem(fields.services, `a /${prefix} is too small: DNS is given its tenth address`);
  }
}
