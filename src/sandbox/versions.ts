import { HansaError } from '../base/index.ts';

/** The programs a sandbox runs, kubectl included so that a user has one that fits. */
export const components = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
  'kwok',
] as const;
export type Component = (typeof components)[number];

/** What a real node runs beside its containers, and what is in its containers that a sandbox has no need of. */
export const nodePrograms = [
  'kubeadm',
  'kubelet',
  'kube-proxy',
  'etcdctl',
  'etcdutl',
  'coredns',
  'flanneld',
  'cni-flannel',
  'cni-bridge',
  'cni-host-local',
  'cni-loopback',
  'cni-portmap',
] as const;
export type NodeProgram = (typeof nodePrograms)[number];

/** All that is kept in the cache: the parts of a control plane, those of a node, and helm for charts. */
export type ProgramName = Component | NodeProgram | 'helm';

/** Without a leading `v`. */
export type ComponentVersions = Readonly<Record<Component, string>>;

interface Release {
  readonly kubernetes: string;
  readonly etcd: string;
  readonly kwok: string;
}

/** One release a minor. A newer etcd asks for a newer Go than Kubernetes does, so it stays where both are content. */
const releases = [
  { kubernetes: '1.34.4', etcd: '3.6.5', kwok: '0.8.0' },
  { kubernetes: '1.35.4', etcd: '3.6.5', kwok: '0.8.0' },
  { kubernetes: '1.36.3', etcd: '3.6.5', kwok: '0.8.0' },
  { kubernetes: '1.37.2', etcd: '3.6.5', kwok: '0.8.0' },
] as const satisfies readonly Release[];

export const supportedKubernetesVersions: readonly string[] = releases.map(({ kubernetes }) => kubernetes);
export const defaultKubernetesVersion = '1.36.3';

/**
 * Versions of all programs for a wished Kubernetes version: `1.36` means the release in the table,
 * `1.36.1` exactly that one with the minor's etcd and kwok.
 * @throws HansaError UnsupportedVersion
 */
export function resolveVersions(wished: string = defaultKubernetesVersion): ComponentVersions {
  const asked = /^v?(\d+\.\d+)(\.\d+)?$/.exec(wished);
  const release = releases.find(({ kubernetes }) => minorOf(kubernetes) === asked?.[1]);
  if (!asked || !release) {
    throw new HansaError(
      `no sandbox for Kubernetes "${wished}": choose one of ${supportedKubernetesVersions.join(', ')}, ` +
        'or another patch release of these minors',
      { reason: 'UnsupportedVersion', retry: 'never' },
    );
  }
  const kubernetes = asked[2] ? `${asked[1]}${asked[2]}` : release.kubernetes;
  return versionsOf({ ...release, kubernetes });
}

function versionsOf({ kubernetes, etcd, kwok }: Release): ComponentVersions {
  return {
    etcd,
    'kube-apiserver': kubernetes,
    'kube-controller-manager': kubernetes,
    'kube-scheduler': kubernetes,
    kubectl: kubernetes,
    kwok,
  };
}

export function isKubernetesComponent(component: Component): boolean {
  return component !== 'etcd' && component !== 'kwok';
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** What goes beside an API server that is there already, of whatever version. */
export function versionsBeside(kubernetes: string): ComponentVersions {
  const release = releases.find((each) => minorOf(each.kubernetes) === minorOf(kubernetes));
  const { etcd, kwok } = release ?? resolveVersions();
  return versionsOf({ kubernetes, etcd, kwok });
}

/** Below zero if `one` is older than `other`. Missing parts count as zero; `v` and `go` in front are allowed. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [numbersOf(one), numbersOf(other)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  return version
    .replace(/^\D+/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0);
}
