#!/bin/bash
# Makes a single-node cluster of a machine with kubeadm and nothing else: what Hansa's own time is compared with, and the
# proof that these machines can carry one. Runs as root on the machine; the bundle lies in /opt/bundle.
# Arguments: ADDRESS NAME VERSION PAUSE-IMAGE
set -euo pipefail
address=$1 name=$2 version=$3 pause=$4
bundle=/opt/bundle

for program in kubeadm kubelet kubectl; do install -m 755 $bundle/bin/$program /usr/local/bin/; done
mkdir -p /opt/cni/bin
install -m 755 $bundle/cni/* /opt/cni/bin/
cat >/etc/containerd/config.toml <<CONFIG
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
CONFIG
systemctl restart containerd
for archive in $bundle/images/*.tar; do ctr --namespace k8s.io images import "$archive" >/dev/null; done
rm -rf $bundle/images

cat >/etc/systemd/system/kubelet.service <<'UNIT'
[Unit]
Description=kubelet
Wants=network-online.target
After=network-online.target containerd.service
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS
Restart=always
StartLimitInterval=0
RestartSec=2
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --quiet kubelet

cat >/root/kubeadm.yaml <<CONFIG
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: $address, bindPort: 6443}
nodeRegistration: {name: $name, criSocket: "unix:///run/containerd/containerd.sock", imagePullPolicy: Never, taints: []}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v$version
networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/16}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
failCgroupV1: false
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
imageGCHighThresholdPercent: 100
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
conntrack: {maxPerCore: 0}
CONFIG
# kubeadm wants it said twice that the old kind of cgroups will do.
ignored=none
[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || ignored=SystemVerification
kubeadm init --config /root/kubeadm.yaml --ignore-preflight-errors=$ignored
export KUBECONFIG=/etc/kubernetes/admin.conf
kubectl apply -f $bundle/manifests/flannel.yaml
kubectl wait --for=condition=Ready node --all --timeout=120s
kubectl apply -f - <<'APP'
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello}
spec:
  replicas: 2
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      containers:
      - {name: hello, image: "lab.local/hello:v1", imagePullPolicy: Never, readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec: {selector: {app: hello}, type: NodePort, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
APP
kubectl rollout status deployment/hello --timeout=120s
kubectl --namespace kube-system rollout status deployment/coredns --timeout=120s
