/** Programs whose presence and version say something. */
const programs = [
  'kubelet',
  'kubeadm',
  'kubectl',
  'containerd',
  'crio',
  'dockerd',
  'cri-dockerd',
  'runc',
  'etcdctl',
  'etcdutl',
  'haproxy',
  'keepalived',
  'iptables',
  'nft',
  'conntrack',
  'socat',
  'ethtool',
  'losetup',
  'mount',
  'cp',
  'systemctl',
] as const;

/**
 * Shell function `has_etcd_data`. An etcd that finds nothing on its disk makes its directory anew and ends, before it has a
 * log of its own; or it takes its old place with an empty log, and ends with these words once its peers remind it of what it
 * has promised.
 */
export const etcdDataLibrary = `
has_etcd_data() {
  ls /var/lib/etcd/member/wal/*.wal >/dev/null 2>&1 || return 1
  etcd_log=$(ls -1t /var/log/pods/kube-system_etcd-*/etcd/*.log 2>/dev/null | head -n 1)
  [ -z "$etcd_log" ] || ! tail -c 20000 "$etcd_log" | grep -q 'tocommit([0-9]*) is out of range \\[lastIndex(0)\\]'
}
`;

/**
 * Asks a machine about itself: one `sh` script, no program but what every Linux has, a line an answer (`key value`).
 * What can't be found out is left out. Reads only, but for a few synced bytes below /var/lib on a machine that is no node yet.
 *
 * Its arguments are `ADDRESS PORT` pairs to try to reach.
 */
export const factsScript = `${etcdDataLibrary}
say() { printf '%s %s\\n' "$1" "$2"; }
text() { [ -r "$1" ] && tr -d '\\000' < "$1" 2>/dev/null | head -c "\${2:-4096}"; }
set +eu
# bash can connect by itself; nothing else that every Linux has can. Without it the question stays open.
reach() {
  said=$(LC_ALL=C timeout 4 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1)
  case "$?:$said" in
    0:*) outcome=reached ;;
    *'onnection refused'*) outcome=refused ;;
    *'ame or service not known'*|*'name resolution'*|*'o address associated'*) outcome=unknown-name ;;
    124:*|143:*|*'timed out'*) outcome=silent ;;
    *'o route to host'*|*'unreachable'*) outcome=unreachable ;;
    *) return ;;
  esac
  say reach "$1 $2 $outcome"
}
if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
  while [ $# -ge 2 ]; do reach "$1" "$2" & shift 2; done
fi
say hostname "$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
say machine-id "$(text /etc/machine-id)"
say product-uuid "$(text /sys/class/dmi/id/product_uuid)"
( . /etc/os-release 2>/dev/null; say os-id "\${ID:-unknown}"; say os-version "\${VERSION_ID:-}"; say os-name "\${PRETTY_NAME:-unknown}" )
say kernel "$(uname -r)"
say arch "$(uname -m)"
say cpus "$(grep -c ^processor /proc/cpuinfo)"
awk '/^MemTotal/ {print "memory-kb", $2} /^SwapTotal/ {print "swap-kb", $2}' /proc/meminfo
case "$(stat -fc %T /sys/fs/cgroup 2>/dev/null)" in cgroup2fs) say cgroup 2 ;; *) say cgroup 1 ;; esac
if [ -n "$container" ] || [ -e /.dockerenv ] || grep -qs container= /proc/1/environ; then say container yes; fi
say uid "$(id -u)"
say clock "$(date +%s)"
for dir in /sys/class/net/*; do
  name=\${dir##*/}
  say interface "$name $(cat "$dir/address" 2>/dev/null || echo -) $(cat "$dir/mtu" 2>/dev/null || echo 0)"
done
ip -o addr show scope global 2>/dev/null | awk '{print "address", $2, $4}'
ip -4 route show 2>/dev/null | awk '$1 == "default" {for (i = 2; i < NF; i++) {if ($i == "via") via = $(i + 1); if ($i == "dev") dev = $(i + 1)} if (!said++) print "default-route", via ? via : "-", dev} !/ dev (cni|flannel|docker|veth|br-|cali|cilium|kube-)/ {print "route", $1}'
awk '$1 == "nameserver" {print "resolver", $2}' /etc/resolv.conf /run/systemd/resolve/resolv.conf 2>/dev/null | sort -u
if command -v ss >/dev/null 2>&1; then
  ss -Hltnp 2>/dev/null | awk '{n = split($4, part, ":"); program = "-"; if (match($0, /\\(\\("[^"]+/)) program = substr($0, RSTART + 3, RLENGTH - 3); print "listening", part[n], substr($4, 1, length($4) - length(part[n]) - 1), program}'
fi
for path in / /var /var/lib /var/lib/etcd /var/lib/containerd /var/lib/kubelet /var/cache; do
  [ -d "$path" ] || continue
  line=$(df -Pk "$path" 2>/dev/null | awk 'NR == 2 {print $4, $2}')
  inodes=$(df -Pi "$path" 2>/dev/null | awk 'NR == 2 {print $4}')
  case "$(awk -v m="$(df -P "$path" | awk 'NR == 2 {print $6}')" '$2 == m {options = $4} END {print options}' /proc/mounts)" in ro|ro,*) mode=ro ;; *) mode=rw ;; esac
  say disk "$path $line \${inodes:-0} $mode"
done
for program in ${programs.join(' ')}; do
  path=$(command -v "$program" 2>/dev/null) || continue
  case "$program" in
    kubelet|containerd|runc|crio|dockerd|cri-dockerd) version=$(timeout 5 "$path" --version 2>/dev/null | head -n 1) ;;
    kubeadm) version=$(timeout 5 "$path" version -o short 2>/dev/null) ;;
    etcdctl|etcdutl) version=$(timeout 5 "$path" version 2>/dev/null | head -n 1) ;;
    *) version=there ;;
  esac
  say program "$program \${version:-there}"
done
for socket in /run/containerd/containerd.sock /run/crio/crio.sock /run/cri-dockerd.sock /run/docker.sock; do
  [ -S "$socket" ] && say socket "$socket"
done
awk '{print "module", $1}' /proc/modules 2>/dev/null
if command -v modprobe >/dev/null 2>&1 && [ -d "/lib/modules/$(uname -r)" ]; then
  for module in overlay br_netfilter nf_conntrack vxlan; do
    [ -d "/sys/module/$module" ] || modprobe -n -q "$module" 2>/dev/null || say missing-module "$module"
  done
fi
# A node has etcd itself to tell how its disk is doing, and is left in peace.
if [ ! -f /etc/kubernetes/kubelet.conf ] && command -v timeout >/dev/null 2>&1; then
  dir=/var/lib
  [ -d /var/lib/etcd ] && dir=/var/lib/etcd
  file=$(mktemp "$dir/.hansa-fsync.XXXXXX" 2>/dev/null) && {
    LC_ALL=C timeout 6 sh -c 'n=0; while [ $n -lt 40 ]; do dd if=/dev/zero of="$0" bs=2300 count=1 oflag=dsync conv=notrunc 2>&1 >/dev/null | tail -n 1; n=$((n + 1)); done' "$file" |
      awk -F, '/copied/ {split($(NF - 1), part, " "); print part[1] * 1000}' | sort -n |
      awk '{all[NR] = $1} END {if (NR > 4) {at = int(NR * 0.99); print "fsync-p99-ms", all[at < 1 ? 1 : at]}}'
    rm -f "$file"
  }
fi
for key in net/ipv4/ip_forward net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables; do
  [ -r "/proc/sys/$key" ] && say sysctl "$(printf '%s' "$key" | tr / .) $(cat "/proc/sys/$key")"
done
for unit in containerd crio docker kubelet haproxy keepalived firewalld ufw chrony systemd-timesyncd; do
  state=$(systemctl is-active "$unit" 2>/dev/null)
  systemctl cat "$unit" >/dev/null 2>&1 || state=absent
  say unit "$unit \${state:-unknown}"
done
say selinux "$(getenforce 2>/dev/null || echo absent)"
[ -d /sys/kernel/security/apparmor ] && say apparmor yes
# Without user and password, which stand before the host.
{ env; sed 's/^export //; s/"//g' /etc/environment 2>/dev/null; } | awk -F= 'tolower($1) ~ /^(http|https|no)_proxy$/ {print "proxy", $1, substr($0, length($1) + 2)}' | sed 's#//[^/]*@#//#'
for file in /etc/cni/net.d/*; do [ -f "$file" ] && say cni-config "$file"; done
[ -f /var/lib/kubelet/config.yaml ] && say kubelet-config yes
[ -f /etc/kubernetes/admin.conf ] && say admin-config yes
for file in /etc/kubernetes/manifests/*.yaml; do [ -f "$file" ] && say manifest "\${file##*/} $(awk '$1 == "image:" {print $2; exit}' "$file" 2>/dev/null)"; done
for file in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt; do [ -f "$file" ] && say pki "\${file#/etc/kubernetes/pki/}"; done
if has_etcd_data; then say etcd-data present; elif [ -d /var/lib/etcd ]; then say etcd-data empty; else say etcd-data absent; fi
say server "$(awk '$1 == "server:" {print $2; exit}' /etc/kubernetes/kubelet.conf 2>/dev/null)"
say node-name "$(sed -n 's/.*system:node:\\([^ ]*\\).*/\\1/p' /etc/kubernetes/kubelet.conf 2>/dev/null | head -n 1)"
[ -r /etc/kubernetes/pki/ca.crt ] && say ca "$(base64 < /etc/kubernetes/pki/ca.crt | tr -d '\\n')"
[ -r /etc/hansa/stamps.json ] && say stamps "$(base64 < /etc/hansa/stamps.json | tr -d '\\n')"
for file in /etc/ssh/ssh_host_*_key.pub; do [ -r "$file" ] && say host-key "$(cut -d ' ' -f 1,2 "$file")"; done
wait
exit 0
`;
