#!/bin/bash
# PID 1 of a machine until systemd takes over: does in the container's own namespaces what --privileged would have done,
# which is refused where the host itself lacks CAP_SYS_RESOURCE.
set -e
exec >/run/machine-entrypoint.log 2>&1
set -x

# /sys and the cgroup hierarchies come in read-only.
mount -o remount,rw /sys
mount -o remount,rw /sys/fs/cgroup || true
for dir in /sys/fs/cgroup/*/; do
  dir=${dir%/}
  if [ ! -L "$dir" ] && mountpoint -q "$dir"; then mount -o remount,rw,bind "$dir"; fi
done
# kubelet and CNI plugins pass mounts on.
mount --make-rshared /

# Devices that kubelet, flannel, and disks of their own size ask for.
[ -e /dev/kmsg ] || mknod /dev/kmsg c 1 11
[ -e /dev/net/tun ] || { mkdir -p /dev/net && mknod /dev/net/tun c 10 200; }
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237

# These settings belong to the whole host: whoever changes them in here changes a private copy.
mkdir -p /run/own-sysctls
for key in vm/overcommit_memory vm/panic_on_oom vm/swappiness vm/max_map_count kernel/panic kernel/panic_on_oops \
  kernel/keys/root_maxkeys kernel/keys/root_maxbytes fs/inotify/max_user_instances fs/inotify/max_user_watches \
  fs/file-max; do
  [ -e /proc/sys/$key ] || continue
  own=/run/own-sysctls/${key//\//_}
  cat /proc/sys/$key >"$own"
  mount --bind "$own" /proc/sys/$key
done

# The host's kernel has what Kubernetes needs, but modules can't be loaded from in here: say that they are built in.
modules=/lib/modules/$(uname -r)
if [ ! -d "$modules" ]; then
  mkdir -p "$modules"
  touch "$modules/modules.order"
  {
    grep -qw overlay /proc/filesystems && echo kernel/fs/overlayfs/overlay.ko
    [ -d /proc/sys/net/bridge ] && echo kernel/net/bridge/br_netfilter.ko
    [ -d /proc/sys/net/netfilter ] && echo kernel/net/netfilter/nf_conntrack.ko
    { ip link add probe0 type vxlan id 1 dstport 0 && ip link del probe0 && echo kernel/drivers/net/vxlan/vxlan.ko; } 2>/dev/null
  } >"$modules/modules.builtin" || true
  depmod || true
fi

# A container runtime lowers oom_score_adj, which takes CAP_SYS_RESOURCE (bit 24).
bounding=$(awk '/^CapBnd/{print $2}' /proc/self/status)
if [ $(((0x$bounding >> 24) & 1)) = 0 ]; then
  # For services only, so that nobody who looks for runc on the machine finds this one.
  mkdir -p /etc/systemd/system.conf.d
  printf '[Manager]\nDefaultEnvironment=PATH=/usr/local/lib/machine:%s\n' \
    /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin >/etc/systemd/system.conf.d/machine.conf
fi

# Disks of their own size, which a test can fill without filling its host: lines of "directory megabytes".
if [ -f /etc/machine-setup/disks ]; then
  while read -r dir megabytes; do
    image=/var/lib/machine-disks/${dir//\//_}.img
    mkdir -p "$dir" /var/lib/machine-disks
    [ -e "$image" ] || { truncate -s "${megabytes}M" "$image" && mkfs.ext4 -q -m 0 -O ^has_journal "$image"; }
    for number in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
      [ -e "/dev/loop$number" ] || mknod "/dev/loop$number" b 7 "$number"
    done
    mount -o loop "$image" "$dir"
    rm -rf "$dir/lost+found"
  done </etc/machine-setup/disks
fi

[ ! -f /etc/machine-setup/passwords ] || { chpasswd </etc/machine-setup/passwords && rm /etc/machine-setup/passwords; }
[ -s /etc/machine-id ] || systemd-machine-id-setup
for user in op asked; do chown -R "$user:$user" "/home/$user/.ssh"; done
# An air-gapped site: some engines give a default route even where they let nothing out.
[ ! -e /etc/machine-setup/no-route-out ] || ip route del default || true
# Docker's own resolver at 127.0.0.11 would make CoreDNS ask itself.
if [ ! -e /etc/machine-setup/keep-resolver ]; then
  echo "nameserver $(ip -4 route show default | awk '{print $3; found = 1} END {if (!found) print "192.0.2.53"}')" >/etc/resolv.conf
fi
exec /sbin/init
