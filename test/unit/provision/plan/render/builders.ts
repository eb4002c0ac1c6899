import { parseAllDocuments } from 'yaml';
import type { ClusterSpec } from '../../../../../src/provision/plan/cluster-spec.ts';
import type { NodeInput } from '../../../../../src/provision/plan/render/node-input.ts';
import { readCluster } from '../../../../../src/provision/read/index.ts';
import { kubeCluster, kubeMachine } from '../../read/builders.ts';

/** The cluster "shop" with these control planes (10.0.0.1, …) and workers, all defaults filled in as from a file. */
export function clusterOf(
  spec: object = {},
  {
    controlPlanes = 1,
    workers = 0,
    machine = {},
  }: { controlPlanes?: number; workers?: number; machine?: object } = {},
): ClusterSpec {
  const names = Array.from({ length: controlPlanes + workers }, (_, index) => `m${index + 1}`);
  return readCluster([
    kubeCluster(spec),
    ...names.map((name, index) =>
      kubeMachine(name, { role: index < controlPlanes ? 'control-plane' : 'worker', ...machine }),
    ),
  ]).spec;
}

/** What a machine of the cluster is configured from: an ordinary server with 8 GiB, unless said otherwise. */
export function inputFor(
  cluster: ClusterSpec,
  changes: Partial<NodeInput> & { on?: string } = {},
): NodeInput {
  const { on = 'm1', ...others } = changes;
  const machine = cluster.machines.find(({ name }) => name === on);
  if (!machine) throw new Error(`no machine ${on}`);
  return {
    cluster,
    machine,
    facts: server(),
    address: machine.internalAddress ?? '',
    controlPlaneAddresses: cluster.machines
      .filter(({ role }) => role === 'control-plane')
      .map(({ internalAddress }) => internalAddress ?? ''),
    criSocket: '/run/containerd/containerd.sock',
    hasImages: true,
    ...others,
  };
}

export function server(changes: Partial<NodeInput['facts']> = {}): NodeInput['facts'] {
  return {
    cgroup: 2,
    isContainer: false,
    memoryBytes: 8 * 1024 ** 3,
    swapBytes: 0,
    interfaces: [],
    ...changes,
  };
}

type Document = Readonly<Record<string, unknown>> & { readonly kind: string };

/** The documents of a rendered file by kind, read as Go reads YAML. */
export function documentsOf(text: string): ReadonlyMap<string, Document> {
  const documents = parseAllDocuments(text, { version: '1.1' });
  if ('empty' in documents) return new Map();
  const objects = documents.map((document) => {
    if (document.errors[0]) throw document.errors[0];
    return document.toJS() as Document;
  });
  return new Map(objects.map((object) => [object.kind, object]));
}

export function documentOf(text: string, kind: string): Document {
  const found = documentsOf(text).get(kind);
  if (!found) throw new Error(`no ${kind} in ${text}`);
  return found;
}
