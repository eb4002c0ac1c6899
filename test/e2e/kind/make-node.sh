#!/bin/bash
# Makes a node image of kind from the tree of a test machine, inside a container that is committed afterwards.
# Argument: VERSION PAUSE-IMAGE. The bundle directory is at /bundle.
set -euo pipefail
version=$1 pause=$2

install -m 755 /bundle/bin/{kubeadm,kubelet,kubectl} /usr/bin/
install -m 755 /bundle/cni/* /opt/cni/bin/
mkdir -p /kind/manifests /etc/containerd
printf 'v%s' "$version" >/kind/version
cat >/etc/containerd/config.toml <<CONFIG
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
CONFIG
cat >/etc/systemd/system/kubelet.service <<'UNIT'
[Unit]
Description=kubelet
After=containerd.service
ConditionPathExists=/var/lib/kubelet/config.yaml
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS
Restart=always
StartLimitInterval=0
RestartSec=2
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --quiet kubelet
systemctl disable --quiet ssh
# kind waits for this line, or for one that systemd says much later.
cat >/usr/local/sbin/kind-entrypoint <<'ENTRYPOINT'
#!/bin/bash
echo 'INFO: detected cgroup v1'
exec /usr/local/sbin/machine-entrypoint "$@"
ENTRYPOINT
chmod 755 /usr/local/sbin/kind-entrypoint
# kind mounts the host's modules, so none can be said to be there.
sed -i 's|^if \[ ! -d "$modules" \]|& \&\& [ -w /lib/modules ]|' /usr/local/sbin/machine-entrypoint
grep -q 'w /lib/modules' /usr/local/sbin/machine-entrypoint

containerd >/tmp/containerd.log 2>&1 &
runtime=$!
for _ in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
# Unpacked when a node starts: an overlay can't be laid on an overlay.
for archive in /bundle/images/*.tar; do ctr --namespace k8s.io images import --no-unpack "$archive" >/dev/null; done
kill $runtime
wait $runtime || true
rm -rf /tmp/* /run/containerd
