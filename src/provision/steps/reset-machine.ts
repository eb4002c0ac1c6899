import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { haproxyConfigPath, haproxyUnit } from '../plan/render/haproxy.ts';
import { withHostsBlock } from '../plan/render/hosts.ts';
import { keepalivedCheckPath, keepalivedConfigPath, keepalivedUnit } from '../plan/render/keepalived.ts';
import type { Step } from '../plan/steps.ts';
import { installedList } from './install-binaries.ts';
import { cleanLibrary } from './kubeadm-node.ts';
import { criSocketOf } from './node-input.ts';
import { originalsLibrary } from './originals.ts';
import { fstabMark } from './prepare-host.ts';
import { mustRunToEnd } from './run-to-end.ts';
import { putHosts } from './set-endpoint.ts';
import { machineOf } from './step-machine.ts';

/**
 * Makes a machine what it was before. Its member of etcd has left before: kubeadm's own reset only warns when that fails, and
 * empties the data all the same. `inputs.etcdData`: `keep` (default) moves the data to /var/lib/etcd.failed-TIME, `delete`
 * removes it. `inputs.restoreHost` false undoes kubeadm's work only, so that the machine can join again.
 */
export const resetMachine: Executor = {
  async observe(context, step) {
    const leftovers = await leftoversOn(context, step, machineOf(context, step));
    return leftovers.length === 0
      ? { kind: 'done' }
      : { kind: 'todo', why: `it still has ${leftovers.join(', ')}` };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    await context.intent({ machine: machine.spec.name, etcdData: etcdDataOf(step) });
    context.update('kubeadm reset');
    await mustRunToEnd(context, step, machine, {
      what: 'reset',
      script: restoresHost(step) ? `${nodeScript}${hostScript}` : nodeScript,
      args: [socketOf(machine), etcdDataOf(step), context.cluster.name],
      deadlineMs: 10 * 60_000,
      reason: 'ResetFailed',
      mend: 'it goes on from there with the next attempt',
    });
    if (restoresHost(step)) await restoreHosts(context, machine);
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const leftovers = await leftoversOn(context, step, machine);
    if (leftovers.length === 0) return;
    throw new HansaError(`${machine.spec.name} still has ${leftovers.join(', ')} after its reset`, {
      reason: 'ResetFailed',
    });
  },
};

function restoresHost({ inputs }: Step): boolean {
  return inputs.restoreHost !== false;
}

function etcdDataOf({ inputs }: Step): 'keep' | 'delete' {
  return inputs.etcdData === 'delete' ? 'delete' : 'keep';
}

/** A machine whose runtime can't be told any more is reset all the same. */
function socketOf(machine: Machine): string {
  try {
    return criSocketOf(machine);
  } catch {
    return '/run/containerd/containerd.sock';
  }
}

async function leftoversOn(
  { signal, cluster }: StepContext,
  step: Step,
  { transport }: Machine,
): Promise<readonly string[]> {
  const { stdout } = await transport.exec({
    script: `for path in /etc/kubernetes/kubelet.conf /etc/kubernetes/admin.conf /etc/kubernetes/pki /etc/kubernetes/manifests/*.yaml /var/lib/etcd/member /var/lib/kubelet/config.yaml; do
  [ ! -e "$path" ] || echo "$path"
done
[ "$1" = false ] && exit 0
for path in /etc/hansa /etc/kubernetes/hansa "/etc/systemd/system/${haproxyUnit}" "/etc/systemd/system/${keepalivedUnit}"; do
  [ ! -e "$path" ] || echo "$path"
done
! grep -qxF "# hansa: begin $2" /etc/hosts || echo 'lines in /etc/hosts'`,
    args: [String(restoresHost(step)), cluster.name],
    root: true,
    signal,
  });
  return stdout.split('\n').filter((line) => line !== '');
}

async function restoreHosts(context: StepContext, machine: Machine): Promise<void> {
  const { cluster, signal } = context;
  const hosts = (await machine.transport.readFile('/etc/hosts', { signal }))?.toString('utf8') ?? '';
  await putHosts(context, machine, withHostsBlock(hosts, cluster.name, []), hosts);
}

const nodeScript = `${cleanLibrary}
PATH=/usr/local/bin:$PATH
systemctl disable --quiet --now kubelet.service 2>/dev/null || :
clean_node "$1" "$2"
rm -rf /etc/kubernetes/tmp /var/lib/hansa/restore /var/lib/hansa/upgrade
rm -rf /var/log/pods /var/log/containers /etc/kubernetes/hansa/init.yaml /etc/kubernetes/hansa/join.yaml /etc/kubernetes/hansa/pki
`;

const hostScript = `${originalsLibrary}
for unit in ${haproxyUnit} ${keepalivedUnit}; do
  [ -e "/etc/systemd/system/$unit" ] || continue
  systemctl disable --quiet --now "$unit" || :
  rm -f "/etc/systemd/system/$unit"
done
rm -f ${haproxyConfigPath} ${keepalivedConfigPath} ${keepalivedCheckPath}
# Only the lines that Hansa switched off: others may have been written since.
if grep -qF '${fstabMark}' /etc/fstab 2>/dev/null; then
  sed 's/^${fstabMark}//' /etc/fstab >/etc/fstab.hansa-new
  chmod 644 /etc/fstab.hansa-new
  mv /etc/fstab.hansa-new /etc/fstab
fi
rm -f "$originals/%etc%fstab"
if [ -f "$originals/masked-units" ]; then
  while read -r unit; do systemctl unmask --quiet "$unit" || :; done <"$originals/masked-units"
  rm -f "$originals/masked-units"
fi
had_runtime=no
[ -f "$originals/%etc%systemd%system%containerd.service.absent" ] || had_runtime=yes
if [ "$had_runtime" = no ]; then systemctl disable --quiet --now containerd.service 2>/dev/null || :; fi
restore_originals
rmdir /etc/systemd/system/kubelet.service.d /etc/systemd/system/containerd.service.d 2>/dev/null || :
systemctl daemon-reload
if [ "$had_runtime" = yes ] && systemctl is-active -q containerd.service; then systemctl restart containerd.service || :; fi
if [ -f ${installedList} ]; then
  while read -r path; do rm -f -- "$path"; done <${installedList}
fi
# It may be a disk of its own, which stays.
[ "$had_runtime" = yes ] || rm -rf /var/lib/containerd/*
sysctl -q --system >/dev/null 2>&1 || :
rm -rf /etc/hansa /etc/kubernetes/hansa /var/cache/hansa
`;
