#!/bin/sh
# Runs once inside the new Debian tree, before it becomes an image: makes a server of it, and puts what kube-proxy and
# flannel need to run (nft, iptables, conntrack, cp, a shell, and their libraries) into /userland, which is taken out.
set -eu
here=$(dirname "$0")

install -m 755 "$here/entrypoint.sh" /usr/local/sbin/machine-entrypoint
install -D -m 755 "$here/runc-without-oom.sh" /usr/local/lib/machine/runc
# op may do everything; asked must give its password first. Keys and password come when a machine starts.
for user in op asked; do
  useradd -m -s /bin/bash "$user"
  install -d -m 700 -o "$user" -g "$user" "/home/$user/.ssh"
done
echo 'op ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/op
echo 'asked ALL=(ALL) ALL' >/etc/sudoers.d/asked
chmod 440 /etc/sudoers.d/op /etc/sudoers.d/asked
mkdir -p /etc/machine-setup
rm -f /etc/ssh/ssh_host_* /etc/machine-id
touch /etc/machine-id

# No hardware here, and timers of a distribution would disturb measurements.
systemctl mask systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
  systemd-modules-load.service getty.target console-getty.service systemd-logind.service apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-remount-fs.service \
  sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\nReadKMsg=no\n' >/etc/systemd/journald.conf.d/machine.conf
systemctl disable haproxy keepalived nftables 2>/dev/null || true
systemctl enable ssh containerd
# kubeadm and Hansa look where the upstream packages put plugins; Debian has them elsewhere.
mkdir -p /opt/cni
ln -s /usr/lib/cni /opt/cni/bin

# ---- the userland of kube-proxy and flannel ----
out=/userland
lib=/usr/lib/x86_64-linux-gnu
[ -d "$lib" ] || lib=/usr/lib/aarch64-linux-gnu
mkdir -p "$out/usr/sbin" "$out/usr/bin" "$out$lib" "$out/usr/lib64" "$out/etc" "$out/run" "$out/tmp" "$out/var/lib"
for dir in sbin bin lib lib64; do ln -s "usr/$dir" "$out/$dir"; done
programs='/usr/sbin/xtables-nft-multi /usr/sbin/nft /usr/sbin/conntrack /usr/bin/cp /usr/bin/dash'
for program in $programs; do
  real=$(readlink -f "$program")
  cp -a "$real" "$out$(echo "$program" | sed 's#^/bin/#/usr/bin/#')"
done
ln -s dash "$out/usr/bin/sh"
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s xtables-nft-multi "$out/usr/sbin/$name"
done
# As in the image that Kubernetes gives out. Without the names of protocols kube-proxy takes the rules that it finds for others
# than its own, and takes them out.
cp /etc/protocols /etc/services "$out/etc/"
cp -a "$lib/xtables" "$out$lib/"
ldd $programs "$lib"/xtables/*.so 2>/dev/null | awk '/=> \//{print $3} /^\t\/lib/{print $1}' | sort -u |
  while read -r file; do
    case $file in
      *ld-linux*) install -D "$(readlink -f "$file")" "$out/usr${file#/usr}" ;;
      *) cp -L "$file" "$out$lib/$(basename "$file")" ;;
    esac
  done

# ---- the container runtime, for the bundle that brings it to bare machines ----
mkdir /runtime
cp /usr/bin/containerd /usr/bin/containerd-shim-runc-v2 /usr/bin/ctr /runtime/
cp "$(command -v runc)" /runtime/runc
