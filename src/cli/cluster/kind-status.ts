import type { Observed, ReadCluster } from '../../provision/index.ts';
import { renderTable } from '../table.ts';

/** How a cluster that kind has made stands. */
export interface KindStatus {
  readonly name: string;
  readonly version: string;
  readonly nodeImage: string | undefined;
  readonly isWell: boolean;
  readonly message: string;
  readonly nodes: readonly {
    readonly name: string;
    readonly role: string;
    readonly state: string;
    readonly address: string | undefined;
    readonly version: string;
  }[];
}

export function kindStatusOf({ spec, kind }: ReadCluster, { cluster }: Observed): KindStatus {
  const nodes = cluster.kind === 'up' ? cluster.nodes : [];
  const late = nodes.filter(({ isReady }) => !isReady).map(({ name }) => name);
  const isWell = cluster.kind === 'up' && late.length === 0 && cluster.dnsReady;
  return {
    name: spec.name,
    version: spec.version,
    nodeImage: kind?.nodeImage,
    isWell,
    message: isWell ? 'all nodes are ready' : whatIsWrong(spec.name, cluster, late),
    nodes: nodes.map((node) => ({
      name: node.name,
      role: node.isControlPlane ? 'control-plane' : 'worker',
      state: node.isReady ? 'Ready' : 'NotReady',
      address: node.internalAddress,
      version: node.kubeletVersion,
    })),
  };
}

export function renderKindStatus({ name, version, message, isWell, nodes }: KindStatus): string {
  const head = `${isWell ? '✓' : '✗'} cluster ${name}, Kubernetes ${version}, made by kind: ${message}`;
  if (nodes.length === 0) return head;
  const table = renderTable<KindStatus['nodes'][number]>(
    [
      { heading: 'NODE', cell: (node) => node.name },
      { heading: 'ROLE', cell: ({ role }) => role },
      { heading: 'STATE', cell: ({ state }) => state },
      { heading: 'VERSION', cell: (node) => node.version },
      { heading: 'ADDRESS', cell: ({ address }) => address },
    ],
    nodes,
  );
  return `${head}\n${table}`;
}

function whatIsWrong(name: string, cluster: Observed['cluster'], late: readonly string[]): string {
  const mend = `"hansa cluster apply ${name}" goes on`;
  switch (cluster.kind) {
    case 'absent':
      return `it has no containers: ${mend}`;
    case 'down':
      return `${cluster.message}: ${mend}`;
    case 'up':
      return late.length > 0
        ? `${late.join(', ')} not ready`
        : 'CoreDNS is not ready: "hansa cluster apply" waits for it';
  }
}
