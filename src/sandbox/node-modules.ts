import { type GoModule, kubernetesPackages, kubernetesStamps, workModule } from './go-module.ts';
import type { Component, NodeProgram } from './versions.ts';

/** A program that a real node or one of its containers needs. kwok is not among them. */
export type NodePart = NodeProgram | Exclude<Component, 'kwok'>;

export interface WantedProgram {
  readonly program: NodePart;
  /** Without a leading `v`. */
  readonly version: string;
}

export const flannelVersion = '0.28.4';
/** The newest release of the common plugins that still had flannel's among them; its own project is not published as a module. */
export const flannelPluginVersion = '0.9.1';
export const cniPluginsVersion = '1.9.1';

/** The modules from which the wanted programs are built, one for each module and version. */
export function nodeModulesFor(wanted: readonly WantedProgram[]): GoModule<NodePart>[] {
  const groups = Map.groupBy(wanted, ({ program, version }) => `${moduleOf(program)} ${version}`);
  return [...groups.values()].map((group) => {
    const version = group[0]?.version ?? '';
    const programs = group.map(({ program }) => program);
    return goModuleFor(moduleOf(programs[0] ?? 'kubelet'), programs, version);
  });
}

type ModuleName =
  | 'kubernetes'
  | 'etcd'
  | 'etcdctl'
  | 'etcdutl'
  | 'coredns'
  | 'flannel'
  | 'cni-flannel'
  | 'cni';

function moduleOf(program: NodePart): ModuleName {
  switch (program) {
    case 'etcd':
    case 'etcdctl':
    case 'etcdutl':
    case 'coredns':
    case 'cni-flannel':
      return program;
    case 'flanneld':
      return 'flannel';
    case 'cni-bridge':
    case 'cni-host-local':
    case 'cni-loopback':
    case 'cni-portmap':
      return 'cni';
    case 'kubeadm':
    case 'kubelet':
    case 'kube-proxy':
    case 'kubectl':
    case 'kube-apiserver':
    case 'kube-controller-manager':
    case 'kube-scheduler':
      return 'kubernetes';
  }
}

function goModuleFor(name: ModuleName, programs: readonly NodePart[], version: string): GoModule<NodePart> {
  switch (name) {
    case 'kubernetes':
      return {
        name,
        path: 'k8s.io/kubernetes',
        version,
        packages: kubernetesPackages(programs),
        stamps: kubernetesStamps(version),
      };
    case 'etcd':
      return etcdModule(name, 'etcd', 'go.etcd.io/etcd/server/v3', version);
    case 'etcdctl':
      return etcdModule(name, 'etcdctl', 'go.etcd.io/etcd/etcdctl/v3', version);
    case 'etcdutl':
      return etcdModule(name, 'etcdutl', 'go.etcd.io/etcd/etcdutl/v3', version);
    case 'coredns':
      return coreDnsModule(name, version);
    case 'flannel':
      return flannelModule(name, version);
    case 'cni':
    case 'cni-flannel':
      return cniModule(name, programs, version);
  }
}

/** The three of etcd are modules of their own, which name one another by paths in their repository. */
function etcdModule(name: string, program: NodePart, path: string, version: string): GoModule<NodePart> {
  return { name, path, version, packages: { [program]: path } };
}

/** What the Corefile of kubeadm uses, and `log` for people who look for a fault. */
const dnsPlugins = [
  'cache',
  'errors',
  'forward',
  'health',
  'hosts',
  'kubernetes',
  'loadbalance',
  'log',
  'loop',
  'metrics',
  'ready',
  'reload',
  'rewrite',
  'template',
];

/** CoreDNS without the plugins that talk to clouds: their libraries would be most of the work of building it. */
function coreDnsModule(name: string, version: string): GoModule<NodePart> {
  const path = 'github.com/coredns/coredns';
  const imports = [...dnsPlugins.map((each) => `\t_ "${path}/plugin/${each}"`), `\t"${path}/coremain"`];
  return {
    name,
    path,
    version,
    packages: { coredns: `${workModule}/coredns` },
    sources: {
      'coredns/main.go': `package main\n\nimport (\n${imports.join('\n')}\n)\n\nfunc main() { coremain.Run() }\n`,
    },
  };
}

/** flannel without one backend whose library is no longer published, and one that asks for a C compiler. */
function flannelModule(name: string, version: string): GoModule<NodePart> {
  const path = 'github.com/flannel-io/flannel';
  const without = (unwanted: RegExp) => (text: string) =>
    text
      .split('\n')
      .filter((line) => !unwanted.test(line))
      .join('\n');
  return {
    name,
    path,
    version,
    packages: { flanneld: path },
    stamps: { [`${path}/pkg/version.Version`]: `v${version}` },
    mends: {
      'go.mod': without(/tencentcloud/),
      'main.go': without(/pkg\/backend\/(tencentvpc|udp)"/),
    },
  };
}

function cniModule(name: string, programs: readonly NodePart[], version: string): GoModule<NodePart> {
  const path = 'github.com/containernetworking/plugins';
  return {
    name,
    path,
    version,
    packages: Object.fromEntries(
      programs.map((each) => [each, `${path}/plugins/${cniPackages[each as CniProgram]}`]),
    ),
    stamps: { [`${path}/pkg/utils/buildversion.BuildVersion`]: `v${version}` },
  };
}

type CniProgram = Extract<NodeProgram, `cni-${string}`>;

const cniPackages = {
  'cni-flannel': 'meta/flannel',
  'cni-portmap': 'meta/portmap',
  'cni-bridge': 'main/bridge',
  'cni-loopback': 'main/loopback',
  'cni-host-local': 'ipam/host-local',
} as const satisfies Record<CniProgram, string>;

/** CNI plugins as they lie in their directory on a machine. */
export function cniFileNameOf(program: NodePart): string | undefined {
  return program.startsWith('cni-') ? program.slice('cni-'.length) : undefined;
}
