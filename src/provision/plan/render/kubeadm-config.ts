import { hostWithPort, type JsonObject, networkHas, parseAddress, parseCidr } from '../../../base/index.ts';
import type { Taint } from '../cluster-spec.ts';
import { apiServerPort, clusterConfiguration, kubeadmApiVersion } from './cluster-configuration.ts';
import {
  kubeletConfiguration,
  kubeProxyConfiguration,
  mustAllowCgroupV1,
  ownKubeletPatch,
  ownPatchName,
} from './component-configurations.ts';
import type { NodeInput } from './node-input.ts';
import { yamlDocuments } from './yaml.ts';

/** kubeadm's files of ours on a machine. */
export const kubeadmDirectory = '/etc/kubernetes/hansa';
export const patchesDirectory = `${kubeadmDirectory}/patches`;

/** What `kubeadm init` is given: all four documents. */
export function renderInitConfig(input: NodeInput): string {
  const init = {
    apiVersion: kubeadmApiVersion,
    kind: 'InitConfiguration',
    // kubeadm makes one in any case. Nobody uses it: each machine that joins gets its own.
    bootstrapTokens: [{ ttl: '10m0s', description: 'made by kubeadm init, of no use' }],
    localAPIEndpoint: localApiEndpoint(input),
    nodeRegistration: nodeRegistration(input),
    ...patches(input),
  };
  const proxy = kubeProxyConfiguration(input);
  return yamlDocuments([
    init,
    clusterConfiguration(input),
    kubeletConfiguration(input),
    ...(proxy ? [proxy] : []),
  ]);
}

export interface JoinTicket {
  /** Secret: what is rendered with it goes into a file of root alone, and away after the join. */
  readonly token: string;
  /** `sha256:` and the hash of the CA's public key. */
  readonly caHash: string;
  /** Address of a control plane that is well. */
  readonly apiServerAddress: string;
}

/** What `kubeadm join` is given, for a worker or a control plane. */
export function renderJoinConfig(input: NodeInput, { token, caHash, apiServerAddress }: JoinTicket): string {
  const join = {
    apiVersion: kubeadmApiVersion,
    kind: 'JoinConfiguration',
    discovery: {
      bootstrapToken: {
        token,
        apiServerEndpoint: hostWithPort(apiServerAddress, apiServerPort),
        caCertHashes: [caHash],
      },
    },
    // Five minutes by kubeadm's own measure. A control plane that is well answers at once; a token that it doesn't know never
    // gets better, and the next attempt has another.
    timeouts: { discovery: '1m0s' },
    nodeRegistration: nodeRegistration(input),
    ...(input.machine.role === 'control-plane' && {
      controlPlane: { localAPIEndpoint: localApiEndpoint(input) },
    }),
    ...patches(input),
  };
  return yamlDocuments([join]);
}

/** Files of the patches directory: the user's, and ours for this machine. */
export function renderPatches(input: NodeInput): Readonly<Record<string, string>> {
  const own = ownKubeletPatch(input);
  return { ...input.cluster.kubeadm.patches, ...(own && { [ownPatchName]: yamlDocuments([own]) }) };
}

function patches(input: NodeInput): JsonObject {
  return Object.keys(renderPatches(input)).length === 0 ? {} : { patches: { directory: patchesDirectory } };
}

function localApiEndpoint({ address }: NodeInput): JsonObject {
  return { advertiseAddress: address, bindPort: apiServerPort };
}

function nodeRegistration(input: NodeInput): JsonObject {
  const { cluster, machine, facts, criSocket, hasImages } = input;
  const ignored = [
    ...cluster.kubeadm.ignorePreflightErrors,
    ...(mustAllowCgroupV1(cluster, facts.cgroup) ? ['SystemVerification'] : []),
  ];
  return {
    name: machine.nodeName,
    criSocket: criSocket.startsWith('/') ? `unix://${criSocket}` : criSocket,
    imagePullPolicy: hasImages ? 'Never' : 'IfNotPresent',
    kubeletExtraArgs: [
      { name: 'node-ip', value: nodeIps(input).join(',') },
      ...machine.kubeletArgs.map(({ name, value }) => ({ name, value })),
    ],
    ...(machine.taints && { taints: machine.taints.map(taint) }),
    ...(ignored.length > 0 && { ignorePreflightErrors: [...new Set(ignored)] }),
  };
}

function taint({ key, value, effect }: Taint): JsonObject {
  return { key, effect, ...(value !== undefined && { value }) };
}

/** In a cluster of both families a node has an address of each; the second is found beside the first. */
function nodeIps({ cluster, address, facts }: NodeInput): readonly string[] {
  const own = parseAddress(address);
  if (cluster.network.pods.length < 2 || !own) return [address];
  const beside = facts.interfaces.find(({ addresses }) =>
    addresses.some((text) => parseCidr(text)?.address.value === own.value),
  );
  const other = beside?.addresses
    .map((text) => ({ text, cidr: parseCidr(text) }))
    .find(({ cidr }) => cidr && cidr.family !== own.family && !networkHas(linkLocal, cidr.address));
  return other ? [address, other.text.split('/')[0] ?? ''] : [address];
}

const linkLocal = parseCidr('fe80::/10') as NonNullable<ReturnType<typeof parseCidr>>;
