import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { lastWords, mustRunToEnd, runToEnd } from './run-to-end.ts';
import { staticPodLibrary } from './static-pods.ts';

/** Where a machine keeps what an upgrade replaced, until it is done. */
export const savedDirectory = '/var/lib/hansa/upgrade';

export type Program = 'kubeadm' | 'kubelet' | 'kubectl';

/** Saves programs, manifests and kubelet's configuration; once per target, so a second attempt saves no half-new state. */
export async function saveFiles(context: StepContext, machine: Machine, version: string): Promise<void> {
  const { code, stderr } = await machine.transport.exec({
    script: saveScript,
    args: [savedDirectory, version],
    root: true,
    signal: context.signal,
  });
  if (code === 0) return;
  throw new HansaError(
    code === 96
      ? `${machine.spec.name} has too little room for an upgrade: ${stderr.trim()}; free space below /var/lib and /etc`
      : `the files of ${machine.spec.name} could not be saved before the upgrade: ${stderr.trim()}`,
    { reason: code === 96 ? 'DiskFull' : 'SaveFailed', retry: code === 96 ? 'never' : 'backoff' },
  );
}

/** Puts programs of a version in place, from the blobs that lie on the machine. @throws HansaError BundleItemMissing */
export async function installPrograms(
  context: StepContext,
  machine: Machine,
  version: string,
  programs: readonly Program[],
): Promise<void> {
  const items = context.bundle.items({ arch: machine.facts.arch, role: machine.spec.role, version });
  const pairs = programs.map((program) => {
    const item = items.find(({ kind, name }) => kind === 'binary' && name === program);
    if (item) return `${program} ${item.sha256}`;
    throw new HansaError(
      `the bundle holds no ${program} ${version} for ${machine.facts.arch}: make one with "hansa bundle create --versions ${version}"`,
      { reason: 'BundleItemMissing', retry: 'never' },
    );
  });
  const result = await machine.transport.exec({
    script: installScript,
    args: pairs,
    root: true,
    deadlineMs: 5 * 60_000,
    signal: context.signal,
  });
  if (result.code === 0) return;
  throw new HansaError(
    `${programs.join(', ')} ${version} could not be put in place on ${machine.spec.name}: ${lastWords(result)}`,
    { reason: 'InstallFailed' },
  );
}

/** Starts the kubelet anew and waits until systemd and its own health port say it runs. */
export async function restartKubelet(context: StepContext, step: Step, machine: Machine): Promise<void> {
  context.update('restarting kubelet');
  await mustRunToEnd(context, step, machine, {
    what: 'restart-kubelet',
    script: restartKubeletScript,
    deadlineMs: 4 * 60_000,
    reason: 'KubeletNotStarted',
    mend: `see "journalctl -u kubelet" on ${machine.spec.name}`,
    // systemd has tried it several times already.
    retry: 'never',
  });
}

/** How far an upgrade came on a machine. */
export type UpgradeMark = 'none' | 'saved' | 'applied';

export async function readMark(
  context: StepContext,
  machine: Machine,
  version: string,
): Promise<UpgradeMark> {
  const { stdout } = await machine.transport.exec({
    script: 'cat "$1/$2/mark" 2>/dev/null || echo none',
    args: [savedDirectory, version],
    root: true,
    signal: context.signal,
  });
  const mark = stdout.trim();
  return mark === 'saved' || mark === 'applied' ? mark : 'none';
}

/** From here on the control plane of the new version has written. */
export async function markApplied(context: StepContext, machine: Machine, version: string): Promise<void> {
  await machine.transport.exec({
    script: 'echo applied >"$1/$2/mark"; sync "$1/$2/mark"',
    args: [savedDirectory, version],
    root: true,
    signal: context.signal,
  });
}

/** Puts back what was saved: programs and kubelet's configuration, and with `manifests` the control plane too. */
export async function putBackFiles(
  context: StepContext,
  step: Step,
  machine: Machine,
  version: string,
  { manifests }: { readonly manifests: boolean },
): Promise<void> {
  context.update('putting back the old version');
  const result = await runToEnd(context, step, machine, {
    what: 'put-back',
    script: `${staticPodLibrary}\n${putBackScript}`,
    args: [`${savedDirectory}/${version}`, manifests ? 'manifests' : 'programs'],
    deadlineMs: 15 * 60_000,
  });
  if (result.code === 0) return;
  throw new HansaError(
    `${machine.spec.name} could not be put back to its old version: ${lastWords(result)}; its files are in ${savedDirectory}/${version} there`,
    { reason: 'RollbackFailed', retry: 'never' },
  );
}

/** The upgrade is done: what it saved goes, and what kubeadm copied of etcd, which fills disks. */
export async function forgetSaved(context: StepContext, machine: Machine): Promise<void> {
  await machine.transport.exec({
    script: 'rm -rf -- "$1" /etc/kubernetes/tmp/kubeadm-backup-* /etc/kubernetes/tmp/kubeadm-upgraded-*',
    args: [savedDirectory],
    root: true,
    signal: context.signal,
  });
}

// kubeadm copies etcd's whole directory aside before it upgrades it, and leaves the copy when it fails.
const saveScript = `
to=$1/$2
[ ! -f "$to/mark" ] || exit 0
used=$(du -sb /var/lib/etcd 2>/dev/null | cut -f1) || used=0
free=$(df --output=avail -B1 /etc | tail -n 1 | tr -d ' ')
if [ "$free" -lt $((2 * \${used:-0} + 524288000)) ]; then
  echo "$free bytes are free, and twice the $used bytes of etcd and 500 MB are needed" >&2
  exit 96
fi
rm -rf -- "$1"
mkdir -p -m 700 "$to/bin" "$to/manifests" "$to/kubelet"
for program in kubeadm kubelet kubectl; do
  path=$(command -v "$program") || continue
  cp -p "$path" "$to/bin/"
  echo "$path" >"$to/bin/$program.path"
done
for file in /etc/kubernetes/manifests/*.yaml; do [ ! -f "$file" ] || cp -p "$file" "$to/manifests/"; done
for file in config.yaml kubeadm-flags.env instance-config.yaml; do
  [ ! -f "/var/lib/kubelet/$file" ] || cp -p "/var/lib/kubelet/$file" "$to/kubelet/"
done
sync
echo saved >"$to/mark"
`;

const installScript = `
for pair in "$@"; do
  program=\${pair% *}
  blob=/var/cache/hansa/blobs/sha256/\${pair#* }
  if [ ! -s "$blob" ]; then echo "$program has not been loaded onto this machine" >&2; exit 1; fi
  path=$(command -v "$program" || echo "/usr/local/bin/$program")
  cp "$blob" "$path.new"
  chmod 755 "$path.new"
  sync "$path.new"
  mv "$path.new" "$path"
done
`;

// systemd's own words about a unit are left out of the log: they come last and say nothing of the cause.
const kubeletWell = `
kubelet_well() {
  systemctl is-active -q kubelet &&
    kubectl --kubeconfig /dev/null --server http://127.0.0.1:10248 --request-timeout=5s get --raw /healthz >/dev/null 2>&1
}
wait_kubelet() {
  end=$(( $(date +%s) + 120 ))
  until kubelet_well; do
    starts=$(systemctl show -p NRestarts --value kubelet 2>/dev/null) || starts=0
    if [ "$(date +%s)" -gt "$end" ] || [ "\${starts:-0}" -ge 10 ]; then
      echo "kubelet does not run: $(journalctl _SYSTEMD_UNIT=kubelet.service -n 1 --no-pager -o cat 2>/dev/null | tr '\\n' ' ' | cut -c 1-400)" >&2
      return 1
    fi
    sleep 1
  done
}
`;

// Healthy once is not enough: a kubelet that dies after some seconds answers in between.
const restartKubeletScript = `
PATH=/usr/local/bin:$PATH
${kubeletWell}
systemctl daemon-reload
systemctl reset-failed kubelet 2>/dev/null || true
systemctl restart kubelet
wait_kubelet
sleep 5
wait_kubelet
`;

// A newer minor of etcd has changed its files, which the older can't read; the older API server can use the newer etcd.
const putBackScript = `
${kubeletWell}
saved=$1
[ -f "$saved/mark" ] || exit 0
for file in "$saved"/bin/*.path; do
  [ -f "$file" ] || continue
  program=\${file##*/}; program=\${program%.path}; path=$(cat "$file")
  cmp -s "$saved/bin/$program" "$path" && continue
  cp -p "$saved/bin/$program" "$path.new"
  mv "$path.new" "$path"
done
for file in "$saved"/kubelet/*; do [ ! -f "$file" ] || cp -p "$file" /var/lib/kubelet/; done
minor_of() { sed -n 's/.*image:.*etcd:v*\\([0-9]*\\.[0-9]*\\)\\..*/\\1/p' "$1" | head -n 1; }
if [ "$2" = manifests ]; then
  for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    old=$saved/manifests/$name.yaml
    [ -f "$old" ] || continue
    if cmp -s "$old" "$manifests/$name.yaml"; then continue; fi
    if [ "$name" = etcd ] && [ "$(minor_of "$old")" != "$(minor_of "$manifests/etcd.yaml")" ]; then continue; fi
    cp -p "$old" "$saved/$name.back"
    mv "$saved/$name.back" "$manifests/$name.yaml"
  done
fi
systemctl daemon-reload
systemctl reset-failed kubelet 2>/dev/null || true
systemctl restart kubelet
wait_kubelet
# kubeadm may have put manifests back itself a moment ago: whoever changed them, all must be well again.
if [ "$2" = manifests ]; then
  for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    [ ! -f "$manifests/$name.yaml" ] || wait_well "$name"
  done
  rm -rf /etc/kubernetes/tmp/kubeadm-backup-* /etc/kubernetes/tmp/kubeadm-upgraded-*
fi
rm -rf -- "$saved"
`;
