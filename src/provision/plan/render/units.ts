import type { ProtectionSpec } from '../cluster-spec.ts';

/** A file Hansa puts on a machine. */
export interface RenderedFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

const unitDirectory = '/etc/systemd/system';

/** kubelet's unit and kubeadm's drop-in, as the upstream packages have them, for programs in /usr/local/bin. */
export function renderKubeletUnit(runtimeUnit: string): readonly RenderedFile[] {
  return [
    file(
      `${unitDirectory}/kubelet.service`,
      `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target ${runtimeUnit}

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=2

[Install]
WantedBy=multi-user.target
`,
    ),
    file(
      `${unitDirectory}/kubelet.service.d/10-kubeadm.conf`,
      `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`,
    ),
  ];
}

/** containerd's unit, for a machine that got it from the bundle. */
export function renderContainerdUnit(): RenderedFile {
  return file(
    `${unitDirectory}/containerd.service`,
    `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target local-fs.target

[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/local/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
LimitNOFILE=1048576
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`,
  );
}

export interface ServiceMeans {
  /** Of the machine: without CAP_SYS_RESOURCE a lower score is refused. */
  readonly mayLowerOomScore: boolean;
}

/** Lets a service live on when pods take all they can get. */
export function renderProtectionDropIn(
  unit: string,
  protection: ProtectionSpec,
  { mayLowerOomScore }: ServiceMeans,
): RenderedFile | undefined {
  if (!protection.enabled) return undefined;
  const { minimum, low } = isSshd(unit) ? { minimum: '16M', low: '64M' } : { minimum: '128M', low: '512M' };
  const lines = [
    // Against 100 for everybody else. On cgroup v1 systemd makes shares of it, and the lines below but the last do nothing.
    'CPUWeight=1000',
    'IOWeight=1000',
    // So much is never taken to make room for others; up to the second, only when nobody else has anything left.
    `MemoryMin=${minimum}`,
    `MemoryLow=${low}`,
    // sshd looks after its own score; given from outside, every login would have it too, hogs of people included.
    ...(mayLowerOomScore && !isSshd(unit) ? ['OOMScoreAdjust=-999'] : []),
  ];
  return file(
    `${unitDirectory}/${unit}.d/20-hansa-protection.conf`,
    `# Written by Hansa.\n[Service]\n${lines.join('\n')}\n`,
  );
}

/** Named `ssh` by Debian and `sshd` by most others. A drop-in for a unit that isn't there does nothing. */
export const sshdUnits = ['ssh.service', 'sshd.service'] as const;

function isSshd(unit: string): boolean {
  return sshdUnits.some((name) => name === unit);
}

function file(path: string, content: string): RenderedFile {
  return { path, content, mode: 0o644 };
}
