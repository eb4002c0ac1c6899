/** `refused`: the host is there, and nothing listens; `silent`: nobody answered in time; `unknown-name`: it has no address. */
export type ReachOutcome = 'reached' | 'refused' | 'silent' | 'unreachable' | 'unknown-name';

/** What one machine told about itself: the answer of the facts script, parsed. Nothing in it is secret. */
export interface MachineFacts {
  readonly hostname: string;
  readonly machineId: string;
  /** Of DMI; undefined where there is none. Containers share their host's. */
  readonly productUuid: string | undefined;
  readonly os: { readonly id: string; readonly version: string; readonly name: string };
  readonly kernel: string;
  /** As Go names it: `amd64`, `arm64`. */
  readonly arch: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  readonly cgroup: 1 | 2;
  readonly isContainer: boolean;
  readonly isRoot: boolean;
  /** `sudo -n true` works, or the password given was taken. */
  readonly canSudo: boolean;
  /** Seconds since 1970 by its own clock, when the facts were read. */
  readonly clockSeconds: number;
  /** What the reader's clock said in the middle of the question. */
  readonly askedAtSeconds: number;
  readonly interfaces: readonly {
    readonly name: string;
    readonly mac: string | undefined;
    readonly mtu: number;
    /** With prefix: `10.0.0.5/24`. */
    readonly addresses: readonly string[];
  }[];
  readonly defaultRoute: { readonly via: string; readonly interface: string } | undefined;
  /** Networks it has a route to, without those of pods and of Docker. */
  readonly routes: readonly string[];
  /** Addresses of the name servers it asks. */
  readonly resolvers: readonly string[];
  /** Other machines, and the endpoint, that it tried to reach. */
  readonly reaches: readonly {
    readonly address: string;
    readonly port: number;
    readonly outcome: ReachOutcome;
  }[];
  /** TCP ports that something listens on, with its program where known. */
  readonly listening: readonly {
    readonly port: number;
    readonly address: string;
    readonly program: string | undefined;
  }[];
  readonly disks: readonly {
    readonly path: string;
    readonly freeBytes: number;
    readonly totalBytes: number;
    readonly freeInodes: number;
    readonly readOnly: boolean;
  }[];
  /** p99 of small synced writes below /var/lib; undefined if not measured, as on a node. */
  readonly fsyncP99Ms: number | undefined;
  /** Programs found, by name, with what they say of their version: kubelet, kubeadm, kubectl, containerd, crio, dockerd, cri-dockerd, runc, etcdctl, etcdutl, haproxy, keepalived, iptables, nft, conntrack, socat, ethtool, losetup, mount, cp, systemd. */
  readonly programs: Readonly<Record<string, string>>;
  /** Sockets of container runtimes that exist. */
  readonly runtimeSockets: readonly string[];
  readonly modules: readonly string[];
  /** Those that Kubernetes needs and the kernel doesn't have. */
  readonly missingModules: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** systemd units of interest → `active`, `inactive`, `failed`, `absent`. */
  readonly units: Readonly<Record<string, string>>;
  readonly security: { readonly selinux: string; readonly apparmor: boolean; readonly firewalld: boolean };
  readonly proxyEnvironment: Readonly<Record<string, string>>;
  readonly cniConfigs: readonly string[];
  /** What kubeadm left: files below /etc/kubernetes, /var/lib/kubelet, /var/lib/etcd. */
  readonly kubernetes: {
    readonly hasKubeletConfig: boolean;
    readonly hasAdminConfig: boolean;
    readonly manifests: readonly string[];
    readonly pki: readonly string[];
    readonly etcdData: 'absent' | 'empty' | 'present';
    /** Host and port that kubelet.conf names. */
    readonly server: string | undefined;
    readonly nodeName: string | undefined;
    /** sha256 of ca.crt. */
    readonly caHash: string | undefined;
    /** `image` of each static pod, by component. */
    readonly images: Readonly<Record<string, string>>;
  };
  /** Hash of what Hansa's own files on the machine were made from, by step. */
  readonly stamps: Readonly<Record<string, string>>;
  readonly hostKeys: readonly string[];
}

export type MachineSight =
  | { readonly kind: 'seen'; readonly facts: MachineFacts }
  | { readonly kind: 'unreachable'; readonly reason: string; readonly message: string };

/** One member of etcd. IDs are uint64 and kept as hex text: a JavaScript number would round them. */
export interface EtcdMember {
  readonly id: string;
  /** Empty until the member started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
  /** Own client URL answers, same cluster, no alarm. undefined: not asked. */
  readonly isHealthy: boolean | undefined;
  readonly isLeader: boolean | undefined;
  readonly dbSizeBytes: number | undefined;
  readonly raftIndex: string | undefined;
  readonly alarms: readonly string[];
}

export interface NodeSight {
  readonly name: string;
  readonly uid: string;
  readonly isReady: boolean;
  /** Since when it is as it is, RFC 3339. */
  readonly readySince: string | undefined;
  readonly internalAddress: string | undefined;
  readonly kubeletVersion: string;
  readonly isControlPlane: boolean;
  readonly isCordoned: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly podCidrs: readonly string[];
}

/** The cluster as its own control plane tells it. */
export type ClusterSight =
  /** No machine has an initialised control plane. */
  | { readonly kind: 'absent' }
  /** Machines have one, and none answers. */
  | {
      readonly kind: 'down';
      readonly message: string;
      readonly members: readonly EtcdMember[] | undefined;
      /** What answers in its place is another cluster: the data of etcd was emptied or exchanged. */
      readonly isReplaced?: boolean;
    }
  | {
      readonly kind: 'up';
      /** UID of the namespace kube-system: the identity of the cluster. */
      readonly uid: string;
      /** Of each API server that answers, by machine. */
      readonly apiServers: Readonly<Record<string, string>>;
      readonly members: readonly EtcdMember[];
      readonly nodes: readonly NodeSight[];
      readonly hasCni: boolean;
      readonly dnsReady: boolean;
      /** Parsed `ClusterConfiguration` of the ConfigMap kubeadm-config. */
      readonly configuration: Readonly<Record<string, unknown>> | undefined;
    };

/** All that a plan is made from, beside the spec and the journal. */
export interface Observed {
  /** By name of the machine; machines that only the journal or the cluster know are there too, if they could be asked. */
  readonly machines: Readonly<Record<string, MachineSight>>;
  readonly cluster: ClusterSight;
  /** Networks of clusters joined already, to keep clear of. */
  readonly others: readonly {
    readonly name: string;
    readonly pods: readonly string[];
    readonly services: readonly string[];
  }[];
}
