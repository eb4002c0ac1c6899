import type { KubeClusterSpec } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import type { KubeadmSpec, NamedArgument } from '../plan/cluster-spec.ts';
import { versionOf } from '../plan/version.ts';
import type { ObjectFindings } from './problems.ts';

type Component = 'apiServer' | 'controllerManager' | 'scheduler' | 'etcd' | 'kubelet';

/** Flags that follow from other fields: set twice, one of the two would be a lie. */
const ownedFlags: Readonly<Record<Component, Readonly<Record<string, string>>>> = {
  apiServer: {
    'advertise-address': 'internalAddress of the KubeMachine',
    'etcd-servers': 'spec.etcd',
    'service-cluster-ip-range': 'spec.clusterNetwork.services',
    'secure-port': 'spec.controlPlaneEndpoint',
  },
  controllerManager: {
    'cluster-cidr': 'spec.clusterNetwork.pods',
    'service-cluster-ip-range': 'spec.clusterNetwork.services',
    'cluster-name': 'metadata.name',
  },
  scheduler: {},
  etcd: {
    name: 'nodeName of the KubeMachine',
    'data-dir': 'nothing: it is /var/lib/etcd',
    'initial-cluster': 'the machines of the cluster',
    'initial-cluster-state': 'the machines of the cluster',
    'listen-client-urls': 'internalAddress of the KubeMachine',
    'advertise-client-urls': 'internalAddress of the KubeMachine',
    'listen-peer-urls': 'internalAddress of the KubeMachine',
    'initial-advertise-peer-urls': 'internalAddress of the KubeMachine',
  },
  kubelet: {
    'node-ip': 'internalAddress of the KubeMachine',
    'hostname-override': 'nodeName of the KubeMachine',
    'cgroup-driver': 'spec.cgroupDriver of the KubeCluster',
    'node-labels': 'labels of the KubeMachine',
    'register-with-taints': 'taints of the KubeMachine',
    kubeconfig: 'nothing: kubeadm sets it',
    'bootstrap-kubeconfig': 'nothing: kubeadm sets it',
    config: 'spec.kubeadm.kubelet of the KubeCluster',
    'container-runtime-endpoint': 'nothing: it follows from the runtime that is found',
  },
};

export function readKubeadm(
  { kubeadm, cgroupDriver = 'systemd' }: KubeClusterSpec,
  version: string,
  found: ObjectFindings,
): KubeadmSpec {
  const args = (component: Exclude<Component, 'kubelet'>) => {
    const list = kubeadm?.[component]?.extraArgs ?? [];
    checkFlags(list, { component, field: `spec.kubeadm.${component}.extraArgs`, version, found });
    return list;
  };
  const driver = kubeadm?.kubelet?.['cgroupDriver'];
  if (driver !== undefined && driver !== cgroupDriver) {
    found.problem(
      'spec.kubeadm.kubelet.cgroupDriver',
      `is ${JSON.stringify(driver)}, and spec.cgroupDriver is ${cgroupDriver}: kubelet and runtime must have the same. Set spec.cgroupDriver alone`,
    );
  }
  for (const name of Object.keys(kubeadm?.patches ?? {})) checkPatchName(name, found);
  return {
    apiServerArgs: args('apiServer'),
    controllerManagerArgs: args('controllerManager'),
    schedulerArgs: args('scheduler'),
    etcdArgs: args('etcd'),
    featureGates: kubeadm?.featureGates ?? {},
    kubelet: kubeadm?.kubelet ?? {},
    kubeProxy: kubeadm?.kubeProxy ?? {},
    patches: kubeadm?.patches ?? {},
    ignorePreflightErrors: kubeadm?.ignorePreflightErrors ?? [],
  };
}

export interface FlagContext {
  readonly component: Component;
  readonly field: string;
  readonly version: string;
  readonly found: ObjectFindings;
}

export function checkFlags(
  args: readonly NamedArgument[],
  { component, field, version, found }: FlagContext,
): void {
  for (const [index, { name }] of args.entries()) {
    const owner = ownedFlags[component][name];
    if (owner !== undefined) {
      found.problem(`${field}[${index}]`, `sets --${name}, which is decided by ${owner}: remove it here`);
    }
    if (component === 'kubelet' && name === 'pod-infra-container-image') {
      checkPauseFlag(`${field}[${index}]`, version, found);
    }
  }
}

/** kubeadm strips its own copy of the flag, never a user's, and the kubelet then does not start. */
function checkPauseFlag(field: string, version: string, found: ObjectFindings): void {
  const mend = 'the pause image follows from spec.imageRepository';
  if (versionOf(version).minor >= 35) {
    found.problem(
      field,
      `sets --pod-infra-container-image, with which kubelet ${version} does not start: remove it; ${mend}`,
    );
  } else {
    found.warning(
      field,
      `sets --pod-infra-container-image, which kubelet 1.35 no longer takes: remove it; ${mend}`,
    );
  }
}

const patchTargets = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubeletconfiguration',
  'corednsdeployment',
] as const;
const patchName = /^([a-z][-a-z0-9]*)(\+(strategic|merge|json))?\.(json|yaml)$/;

function checkPatchName(name: string, found: ObjectFindings): void {
  const field = `spec.kubeadm.patches["${name}"]`;
  if (name.startsWith('kube-proxy')) {
    found.problem(field, `patches kube-proxy, ${noStaticProxy}`);
    return;
  }
  const target = patchName.exec(name)?.[1];
  if (target !== undefined && patchTargets.some((known) => target.startsWith(known))) return;
  found.problem(
    field,
    `must be named target[suffix][+strategic|+merge|+json].yaml or .json, where target is ${patchTargets.slice(0, -1).join(', ')} or ${patchTargets.at(-1)}: kubeadm passes over all other files`,
  );
}

const noStaticProxy =
  'which Hansa runs as a DaemonSet: a static pod can’t use a ServiceAccount, is not upgraded with the cluster and is unknown to kubeadm. Set spec.kubeadm.kubeProxy for its configuration, or spec.proxy.mode none to run your own';

/** What people ask of kube-proxy that it can't be, told before the schema would say no without a reason. */
export function checkProxy(spec: unknown, found: ObjectFindings): boolean {
  if (typeof spec !== 'object' || spec === null || !('proxy' in spec)) return true;
  const proxy = spec.proxy;
  if (typeof proxy !== 'object' || proxy === null) return true;
  const mode = 'mode' in proxy ? String(proxy.mode).toLowerCase().replaceAll(/[-_ ]/g, '') : '';
  if ('staticPod' in proxy || mode === 'staticpod') {
    found.problem('spec.proxy', `asks for a static pod of kube-proxy, ${noStaticProxy}`);
    return false;
  }
  if (mode === 'ipvs') {
    found.problem(
      'spec.proxy.mode',
      'is ipvs, which Kubernetes has deprecated: take nftables, or iptables on old kernels',
    );
    return false;
  }
  return true;
}
