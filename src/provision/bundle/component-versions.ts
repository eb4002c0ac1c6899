import { HansaError } from '../../base/index.ts';

/** What goes with a minor of Kubernetes. */
export interface Components {
  readonly coredns: string;
  readonly pause: string;
  /** Tag of the image; its first three numbers are etcd's version. */
  readonly etcdImage: string;
  readonly containerd: string;
  readonly runc: string;
  readonly cniPlugins: string;
  readonly crictl: string;
  readonly flannel: string;
}

/** New ones work with every minor we make clusters of. */
const common = { containerd: '2.3.4', runc: '1.4.3', cniPlugins: '1.9.1', flannel: '0.28.4' } as const;

/** Read from kubeadm's own constants; they move with patches, so kubeadm itself is asked wherever it can be run. */
const byMinor: Readonly<Record<string, Components>> = {
  '1.33': { ...common, coredns: '1.12.0', pause: '3.10', etcdImage: '3.5.24-0', crictl: '1.33.0' },
  '1.34': { ...common, coredns: '1.12.1', pause: '3.10.1', etcdImage: '3.6.5-0', crictl: '1.34.0' },
  '1.35': { ...common, coredns: '1.13.1', pause: '3.10.1', etcdImage: '3.6.6-0', crictl: '1.35.0' },
  '1.36': { ...common, coredns: '1.14.2', pause: '3.10.2', etcdImage: '3.6.8-0', crictl: '1.36.0' },
  '1.37': { ...common, coredns: '1.14.6', pause: '3.10.2', etcdImage: '3.7.0-0', crictl: '1.37.0' },
};

/** @throws HansaError VersionUnknown */
export function componentsFor(version: string): Components {
  const components = byMinor[minorOf(version)];
  if (components) return components;
  throw new HansaError(
    `this Hansa does not know what goes with Kubernetes ${version}: it knows ${Object.keys(byMinor).join(', ')}`,
    { reason: 'VersionUnknown', retry: 'never' },
  );
}

export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** `3.6.8` of `registry.k8s.io/etcd:3.6.8-0`. */
export function etcdVersionIn(images: readonly string[]): string | undefined {
  return images
    .map((image) => /\/etcd:v?(\d+\.\d+\.\d+)/.exec(image)?.[1])
    .find((each) => each !== undefined);
}
