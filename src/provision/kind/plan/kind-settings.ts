/** What `spec.provider.kind` asks for, with every default filled in. */
export interface KindSettings {
  readonly nodeImage: string;
  readonly controlPlanes: number;
  readonly workers: number;
  /** Where the API server listens on the machine that runs Docker; undefined: kind chooses. */
  readonly apiServerAddress: string | undefined;
  readonly apiServerPort: number | undefined;
  readonly proxyMode: 'nftables' | 'iptables' | 'none' | undefined;
  /** `kindnet` is what the node image brings. */
  readonly cni: 'kindnet' | 'manifest' | 'none';
  readonly extraPortMappings: readonly PortMapping[];
  readonly kubeadmConfigPatches: readonly string[];
}

export interface PortMapping {
  readonly containerPort: number;
  /** 0: a free one. */
  readonly hostPort: number;
  readonly listenAddress: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
}
