import { aliasAnnotation } from '../api/names.ts';
import type { KubeObject } from '../kube/index.ts';
import { ageOf, type Column } from './table.ts';

/** One member, as tables show it. */
export interface ClusterRow {
  readonly name: string;
  /** `True`, `False` or `Unknown`, as the condition says; `Unknown` until a controller has looked. */
  readonly ready: string;
  readonly region: string | undefined;
  readonly version: string | undefined;
  readonly alias: string | undefined;
  readonly endpoint: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly age: string | undefined;
  /** Why it isn't ready. */
  readonly message: string | undefined;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Reads a KubeFedCluster. */
export function clusterRow(object: KubeObject, nowMs: number): ClusterRow {
  const { metadata } = object;
  const spec = (object['spec'] ?? {}) as { readonly apiEndpoint?: string };
  const status = (object['status'] ?? {}) as {
    readonly conditions?: readonly Condition[];
    readonly kubernetesVersion?: string;
    readonly region?: string;
  };
  const labels = metadata.labels ?? {};
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  // KubeFed drops the condition Ready of a cluster it can't reach or make a client for.
  const trouble = status.conditions?.find(({ type, status: value }) => type !== 'Ready' && value === 'True');
  const isReady = ready?.status === 'True';
  return {
    name: metadata.name,
    ready: ready?.status ?? 'Unknown',
    region: labels['region'] ?? labels['topology.kubernetes.io/region'] ?? status.region,
    version: status.kubernetesVersion,
    alias: metadata.annotations?.[aliasAnnotation],
    endpoint: spec.apiEndpoint,
    labels,
    age: ageOf(metadata.creationTimestamp, nowMs),
    message: isReady
      ? undefined
      : (ready?.message ?? trouble?.message ?? 'no controller has looked at it yet'),
  };
}

export function clusterColumns({
  namespace,
}: {
  readonly namespace?: string;
} = {}): readonly Column<ClusterRow>[] {
  return [
    ...(namespace === undefined ? [] : [{ heading: 'NAMESPACE', cell: () => namespace }]),
    { heading: 'CLUSTER', cell: ({ name }) => name },
    { heading: 'READY', cell: ({ ready }) => ready },
    { heading: 'REGION', cell: ({ region }) => region },
    { heading: 'VERSION', cell: ({ version }) => version },
    { heading: 'ALIAS', cell: ({ alias }) => alias },
    { heading: 'AGE', cell: ({ age }) => age, align: 'right' },
    { heading: 'ENDPOINT', cell: ({ endpoint }) => endpoint, wide: true },
    { heading: 'LABELS', cell: ({ labels }) => labelsText(labels), wide: true },
    { heading: 'MESSAGE', cell: ({ message }) => message },
  ];
}

export function labelsText(labels: Readonly<Record<string, string>>): string | undefined {
  return (
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(',') || undefined
  );
}
