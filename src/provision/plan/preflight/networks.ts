import { type Cidr, networkHas, networksOverlap, parseAddress, parseCidr } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import type { Observed } from '../facts.ts';
import type { Refusal } from '../steps.ts';
import { about, type Candidate } from './candidate.ts';

interface OwnNetwork {
  readonly field: string;
  readonly cidr: string;
  readonly network: Cidr;
}

function ownNetworks({ network: { pods, services } }: ClusterSpec): readonly OwnNetwork[] {
  return [
    ...pods.map((cidr) => ['spec.clusterNetwork.pods', cidr] as const),
    ...services.map((cidr) => ['spec.clusterNetwork.services', cidr] as const),
  ].flatMap(([field, cidr]) => {
    const network = parseCidr(cidr);
    return network ? [{ field, cidr, network }] : [];
  });
}

/** Pods and Services must not have addresses that a machine already knows a way to. */
export function hostNetworks(spec: ClusterSpec, each: Candidate): readonly Refusal[] {
  return ownNetworks(spec).flatMap(({ field, cidr, network }) => {
    const clash = clashOf(each, network, spec);
    return clash ? [about(each, 'NetworkOverlap', `${clash} ${cidr}: choose another network`, field)] : [];
  });
}

/** Shorter ones are a default route in two halves, as VPNs set them. */
const leastPrefix = 3;

function clashOf({ facts }: Candidate, network: Cidr, { cni }: ClusterSpec): string | undefined {
  const lies = (text: string | undefined) => {
    const address = parseAddress(text?.split('/')[0] ?? '');
    return address !== undefined && networkHas(network, address);
  };
  const own = facts.interfaces.filter(({ name }) => !isOfPods(name)).flatMap(({ addresses }) => addresses);
  const address = own.find(lies);
  if (address) return `its address ${address} lies in`;
  const route = facts.routes.find((text) => {
    const other = parseCidr(text.includes('/') ? text : `${text}/32`);
    if (!other || other.prefix < leastPrefix || !networksOverlap(network, other)) return false;
    // With host-gw the nodes' own pods are routes, and one that comes back may still have them.
    return !(cni.kind === 'flannel' && cni.backend === 'host-gw' && other.prefix > network.prefix);
  });
  if (route) return `its route to ${route} overlaps with`;
  const resolver = facts.resolvers.find(lies);
  // kubelet and the runtime would ask a Service or a pod for names.
  return resolver ? `its name server ${resolver} lies in` : undefined;
}

function isOfPods(name: string): boolean {
  return /^(cni|flannel|docker|veth|br-|cali|cilium|kube-)/.test(name);
}

/** Most clusters never see one another's pods, and have the same networks; those that shall once, can't have. */
export function otherClusters(spec: ClusterSpec, others: Observed['others']): readonly Refusal[] {
  return others.flatMap(({ name, pods, services }) =>
    ownNetworks(spec).flatMap(({ cidr, network }) => {
      const clash = [...pods, ...services].find((text) => {
        const other = parseCidr(text);
        return other !== undefined && networksOverlap(network, other);
      });
      if (clash === undefined) return [];
      const message = `${cidr} overlaps with ${clash} of cluster ${name}: their pods and Services could never reach one another; choose another network if they shall`;
      return [{ reason: 'NetworkOverlap', machine: undefined, field: 'spec.clusterNetwork', message }];
    }),
  );
}

/** A proxy that is asked for addresses of the cluster itself breaks joins and webhooks in ways that don't name it. */
export function proxies(spec: ClusterSpec, candidates: readonly Candidate[]): readonly Refusal[] {
  const nodes = candidates.flatMap(({ machine }) => machine.internalAddress ?? []);
  return candidates.flatMap((each) => {
    const { proxyEnvironment } = each.facts;
    const named = (name: string) =>
      Object.entries(proxyEnvironment).find(([key]) => key.toLowerCase() === name)?.[1];
    if (!each.isNew || !(named('http_proxy') ?? named('https_proxy'))) return [];
    const excepted = (named('no_proxy') ?? '').split(',').map((text) => text.trim());
    if (excepted.includes('*')) return [];
    const missing = [
      ...ownNetworks(spec).flatMap(({ cidr, network }) => (excepted.some(holds(network)) ? [] : [cidr])),
      ...nodes.filter((node) => {
        const network = parseCidr(node.includes(':') ? `${node}/128` : `${node}/32`);
        return network !== undefined && !excepted.some(holds(network));
      }),
    ];
    if (missing.length === 0) return [];
    const message = `has an HTTP proxy in its environment, and no_proxy lacks ${missing.join(', ')}: add it in /etc/environment there`;
    return [about(each, 'HttpProxy', message)];
  });
}

function holds(network: Cidr): (text: string) => boolean {
  return (text) => {
    const address = parseAddress(text);
    const excepted = parseCidr(address ? `${text}/${address.family === 4 ? 32 : 128}` : text);
    return (
      excepted !== undefined &&
      excepted.family === network.family &&
      excepted.first <= network.first &&
      network.last <= excepted.last
    );
  };
}
