export interface RuntimeSettings {
  readonly sandboxImage: string;
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  /** Of a process without CAP_SYS_RESOURCE, which may not lower the score by which the kernel chooses whom to kill. */
  readonly restrictOomScore: boolean;
}

export const containerdConfigPath = '/etc/containerd/config.toml';
export const crioConfigPath = '/etc/crio/crio.conf.d/90-hansa.conf';

/** Configuration of containerd: its version 3 from containerd 2.0 on, else version 2. */
export function renderContainerdConfig(settings: RuntimeSettings, majorVersion: number): string {
  return majorVersion >= 2 ? versionThree(settings) : versionTwo(settings);
}

function versionTwo({ sandboxImage, cgroupDriver, restrictOomScore }: RuntimeSettings): string {
  return `${head}version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${JSON.stringify(sandboxImage)}
  restrict_oom_score_adj = ${restrictOomScore}

  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = ${cgroupDriver === 'systemd'}

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
`;
}

function versionThree({ sandboxImage, cgroupDriver, restrictOomScore }: RuntimeSettings): string {
  return `${head}version = 3

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = ${JSON.stringify(sandboxImage)}

[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "/etc/containerd/certs.d"

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = ${restrictOomScore}

  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"

    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        SystemdCgroup = ${cgroupDriver === 'systemd'}
`;
}

/** A drop-in for CRI-O. */
export function renderCrioConfig({ sandboxImage, cgroupDriver }: RuntimeSettings): string {
  return `${head}[crio.image]
pause_image = ${JSON.stringify(sandboxImage)}

[crio.runtime]
cgroup_manager = ${JSON.stringify(cgroupDriver)}
${cgroupDriver === 'cgroupfs' ? 'conmon_cgroup = "pod"\n' : ''}`;
}

const head = `# Written by Hansa. Registries are set up in /etc/containerd/certs.d.\n`;

/**
 * Whether a containerd as it runs (\`containerd config dump\`) has all of this already: then its configuration is left to
 * whoever wrote it.
 */
export function containerdSatisfies(
  dump: string,
  { sandboxImage, cgroupDriver, restrictOomScore }: RuntimeSettings,
): boolean {
  const has = (pattern: RegExp) => pattern.test(dump);
  const image = /^\s*sandbox(?:_image)? = ["'](.*)["']$/m.exec(dump)?.[1];
  return (
    image === sandboxImage &&
    has(new RegExp(`^\\s*SystemdCgroup = ${cgroupDriver === 'systemd'}$`, 'm')) &&
    (!restrictOomScore || has(/^\s*restrict_oom_score_adj = true$/m)) &&
    has(/^\s*bin_dirs? = .*["']\/opt\/cni\/bin["']/m) &&
    !has(/^disabled_plugins = \[.*(?:"|')(?:io\.containerd\.grpc\.v1\.)?cri(?:"|').*\]/m)
  );
}
