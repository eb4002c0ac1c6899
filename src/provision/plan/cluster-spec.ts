/** What a cluster shall be: KubeCluster and its KubeMachines, read, checked and with every default filled in. */
export interface ClusterSpec {
  readonly name: string;
  readonly namespace: string;
  /** Kubernetes, without a leading `v`. */
  readonly version: string;
  readonly network: {
    /** CIDRs: one, or one of each family. */
    readonly pods: readonly string[];
    readonly services: readonly string[];
    readonly domain: string;
  };
  readonly endpoint: EndpointSpec;
  readonly certSANs: readonly string[];
  /** Where all images come from; the runtime's sandbox too. */
  readonly imageRepository: string;
  /** `cgroupfs` only where systemd can't be had, as in containers on cgroup v1. */
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  readonly etcd: EtcdSpec;
  readonly kubeadm: KubeadmSpec;
  readonly cni: CniSpec;
  readonly proxy: { readonly mode: 'nftables' | 'iptables' | 'none' };
  readonly protection: ProtectionSpec;
  readonly rollout: {
    /** Workers that change at once. */
    readonly maxUnavailable: number;
    readonly drain: DrainSpec;
  };
  readonly certificates: {
    /** Leaf certificates, as kubeadm's `certificateValidityPeriod`. */
    readonly validityHours: number;
    readonly caValidityHours: number;
    readonly renewBeforeHours: number;
  };
  readonly backup: BackupSpec | undefined;
  /** Labels of the member in the federation; undefined: it isn't joined. */
  readonly register: { readonly labels: Readonly<Record<string, string>> } | undefined;
  readonly deletionPolicy: 'Orphan' | 'Reset';
  readonly paused: boolean;
  /** In the order they were written; names are unique. */
  readonly machines: readonly MachineSpec[];
}

export type EndpointMode = 'Direct' | 'External' | 'LocalProxy' | 'Keepalived';

/**
 * How the API server is reached. `Direct`: the address of the one control plane. `External`: a load balancer or name
 * that others keep. `LocalProxy`: haproxy on every machine, 127.0.0.1, with the alias `api.<cluster>`. `Keepalived`: an
 * address that moves between control planes, with haproxy behind it.
 */
export interface EndpointSpec {
  readonly mode: EndpointMode;
  /** Name or address in certificates and kubeconfigs. */
  readonly host: string;
  readonly port: number;
  /** Of VRRP, 1 to 255; Keepalived only. */
  readonly virtualRouterId: number | undefined;
}

export type EtcdSpec =
  | { readonly kind: 'stacked'; readonly imageTag: string | undefined }
  | {
      readonly kind: 'external';
      readonly endpoints: readonly string[];
      /** Secret with `ca.crt`, `tls.crt`, `tls.key`. */
      readonly secretName: string;
    };

export interface NamedArgument {
  readonly name: string;
  readonly value: string;
}

export interface KubeadmSpec {
  readonly apiServerArgs: readonly NamedArgument[];
  readonly controllerManagerArgs: readonly NamedArgument[];
  readonly schedulerArgs: readonly NamedArgument[];
  readonly etcdArgs: readonly NamedArgument[];
  readonly featureGates: Readonly<Record<string, boolean>>;
  /** Merged into KubeletConfiguration. */
  readonly kubelet: Readonly<Record<string, unknown>>;
  /** Merged into KubeProxyConfiguration. */
  readonly kubeProxy: Readonly<Record<string, unknown>>;
  /** Files of kubeadm's patches directory, `target[suffix][+patchtype].extension` → text. */
  readonly patches: Readonly<Record<string, string>>;
  readonly ignorePreflightErrors: readonly string[];
}

export type CniSpec =
  | { readonly kind: 'flannel'; readonly backend: 'vxlan' | 'host-gw'; readonly port: number | undefined }
  | { readonly kind: 'manifest'; readonly manifest: string }
  | { readonly kind: 'none' };

export interface ProtectionSpec {
  readonly enabled: boolean;
  /** For kubelet and runtime, such as `{cpu: 100m, memory: 256Mi}`. */
  readonly kubeReserved: Readonly<Record<string, string>>;
  readonly systemReserved: Readonly<Record<string, string>>;
  readonly evictionHard: Readonly<Record<string, string>>;
}

export interface DrainSpec {
  readonly timeoutMs: number;
  readonly gracePeriodSeconds: number | undefined;
  readonly deleteEmptyDirData: boolean;
  /** Pods without a controller go too. */
  readonly force: boolean;
}

export interface BackupSpec {
  /** Cron, in UTC. */
  readonly schedule: string | undefined;
  /** Backups kept. */
  readonly retention: number;
  readonly target:
    | { readonly kind: 'directory'; readonly path: string }
    | {
        readonly kind: 's3';
        readonly bucket: string;
        readonly prefix: string;
        readonly endpoint: string | undefined;
        readonly region: string;
        readonly secretName: string;
      };
  /** Secret with `passphrase`. */
  readonly encryptionSecretName: string;
}

export interface MachineSpec {
  readonly name: string;
  readonly role: 'control-plane' | 'worker';
  readonly ssh: SshTarget;
  /** Address other machines reach it by; undefined: chosen by `addressSelector` from what the machine has. */
  readonly internalAddress: string | undefined;
  /** CIDR that the internal address lies in. */
  readonly addressSelector: string | undefined;
  /** Name of the Node. */
  readonly nodeName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** undefined: what kubeadm gives the role. */
  readonly taints: readonly Taint[] | undefined;
  readonly kubeletArgs: readonly NamedArgument[];
}

export interface Taint {
  readonly key: string;
  readonly value: string | undefined;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

export interface SshTarget {
  readonly kind: 'ssh2' | 'openssh' | 'local';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Name of the credential: private key, agent, passwords. */
  readonly credential: string;
  /** Pinned, `ssh-ed25519 AAAA…`; first of the ways to trust a host. */
  readonly hostKeys: readonly string[];
  readonly bastion: Omit<SshTarget, 'bastion'> | undefined;
  /** Accept any key. Shown as a condition wherever it is used. */
  readonly insecureIgnoreHostKey: boolean;
}

/** Control planes of a cluster, in the order of the spec. */
export function controlPlanes(spec: ClusterSpec): readonly MachineSpec[] {
  return spec.machines.filter(({ role }) => role === 'control-plane');
}
