import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import type { Transport } from '../transport/transport.ts';
import { lastWords, runToEnd } from './run-to-end.ts';

/** In the order in which they are restarted: each needs the ones before. */
export const staticPods = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
export type StaticPod = (typeof staticPods)[number];

/** Not below the manifests: kubelet runs every file there, `x.yaml.bak` too. On the same disk, so that moving is atomic. */
export const asideDirectory = '/etc/kubernetes/tmp/hansa';

/**
 * Stops a static pod, waits until its process is gone, starts it and waits until it is well. All on the machine, so a
 * lost connection never leaves the manifest out.
 */
export async function restartStaticPod(
  context: StepContext,
  step: Step,
  machine: Machine,
  pod: StaticPod,
): Promise<void> {
  context.update(`restarting ${pod}`);
  const result = await runToEnd(context, step, machine, {
    what: `restart-${pod}`,
    script: `${staticPodLibrary}\nrestart_pod "$1"`,
    args: [pod],
    deadlineMs: 8 * 60_000,
  });
  if (result.code !== 0) throw podFailed(machine, pod, lastWords(result));
}

/** Waits until a pod whose manifest changed runs anew (its process started after `changedAtSeconds`) and is well. */
export async function awaitStaticPod(
  context: StepContext,
  step: Step,
  machine: Machine,
  pod: StaticPod,
  changedAtSeconds: number,
): Promise<void> {
  context.update(`waiting for ${pod}`);
  const result = await runToEnd(context, step, machine, {
    what: `await-${pod}`,
    script: `${staticPodLibrary}\nwait_new "$1" "$2"`,
    args: [pod, String(changedAtSeconds)],
    deadlineMs: 8 * 60_000,
  });
  if (result.code !== 0) throw podFailed(machine, pod, lastWords(result));
}

/** Puts back manifests that a crash left aside. */
export async function putBackManifests(
  machine: { readonly transport: Transport },
  signal?: AbortSignal,
): Promise<void> {
  await machine.transport.exec({
    script: `for file in ${asideDirectory}/*.yaml; do
  [ -f "$file" ] || continue
  [ -f "/etc/kubernetes/manifests/\${file##*/}" ] || mv "$file" /etc/kubernetes/manifests/
done`,
    root: true,
    ...(signal && { signal }),
  });
}

/** When the running process of each static pod started, by the machine's clock; absent: it doesn't run. */
export async function staticPodStarts(
  machine: { readonly transport: Transport },
  signal?: AbortSignal,
): Promise<Readonly<Partial<Record<StaticPod, number>>>> {
  const { stdout } = await machine.transport.exec({
    script: `${staticPodLibrary}\nfor name in "$@"; do started=$(started_at "$name"); [ -z "$started" ] || echo "$name $started"; done`,
    args: [...staticPods],
    root: true,
    ...(signal && { signal }),
  });
  const pairs = stdout
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([name, started]) => name && started)
    .map(([name, started]) => [name, Number(started)]);
  return Object.fromEntries(pairs) as Partial<Record<StaticPod, number>>;
}

function podFailed(machine: Machine, pod: StaticPod, said: string): HansaError {
  return new HansaError(
    `${pod} on ${machine.spec.name} did not come back: ${said}; see its log there with "crictl logs" or below /var/log/pods`,
    { reason: 'StaticPodNotReady' },
  );
}

/** The look at its manifests comes every 20 s at worst; then a pod of kubeadm's has 30 s to end. */
const kubeletGraceSeconds = 55;

/**
 * Shell functions about static pods. Processes are told by name and by the host's network, which kubeadm's pods share and
 * a user's own etcd in a pod doesn't; that works with every runtime and while the runtime hangs.
 */
export const staticPodLibrary = `
PATH=/usr/local/bin:$PATH
manifests=/etc/kubernetes/manifests
aside=${asideDirectory}
# Without any credential kubectl would ask for one; these servers answer /healthz to everybody.
nobody='--username hansa --password none'
pids_of() {
  comm=$(printf %.15s "$1")
  for file in $(grep -lx -- "$comm" /proc/[0-9]*/comm 2>/dev/null); do
    if [ "$(readlink "\${file%/comm}/ns/net" 2>/dev/null)" = "$(readlink /proc/1/ns/net)" ]; then
      file=\${file%/comm}
      echo "\${file#/proc/}"
    fi
  done
}
started_at() {
  pid=$(pids_of "$1" | head -n 1)
  [ -n "$pid" ] || return 0
  ticks=$(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null) || return 0
  echo $(( $(sed -n 's/^btime //p' /proc/stat) + ticks / $(getconf CLK_TCK) ))
}
# A kubelet that was started while no API server answers removes no pod, so as not to remove one that the API server still
# wants. Once the time is over that kubelet itself would have given it, the process is ended here; nobody starts it again.
end_pod_processes() {
  signal=$1
  shift
  for pid in "$@"; do
    if grep -q kubepods "/proc/$pid/cgroup" 2>/dev/null; then kill "-$signal" "$pid" 2>/dev/null || :; fi
  done
}
wait_gone() {
  since=\${taken_out_at:-$(date +%s)}
  end=$(( $(date +%s) + 150 ))
  asked=
  while pids=$(pids_of "$1") && [ -n "$pids" ]; do
    now=$(date +%s)
    if [ "$now" -gt "$end" ]; then echo "$1 still runs although its manifest is gone: is kubelet well?" >&2; return 1; fi
    if [ $((now - since)) -gt ${kubeletGraceSeconds} ] && [ -z "$asked" ]; then
      echo "kubelet leaves $1 running: it is ended by its process"
      end_pod_processes TERM $pids
      asked=$now
    elif [ -n "$asked" ] && [ $((now - asked)) -gt 30 ]; then
      end_pod_processes KILL $pids
    fi
    sleep 0.5
  done
}
api_port() {
  port=$(sed -n 's/.*--secure-port=//p' "$manifests/kube-apiserver.yaml" | tr -d '" ')
  echo "\${port:-6443}"
}
is_well() {
  case $1 in
    etcd) kubectl --kubeconfig /dev/null --server http://127.0.0.1:2381 --request-timeout=5s get --raw '/health?serializable=true' ;;
    kube-apiserver) kubectl --kubeconfig /etc/kubernetes/admin.conf --server "https://127.0.0.1:$(api_port)" --tls-server-name kubernetes --request-timeout=5s get --raw /readyz ;;
    kube-controller-manager) kubectl --kubeconfig /dev/null --server https://127.0.0.1:10257 --insecure-skip-tls-verify $nobody --request-timeout=5s get --raw /healthz ;;
    kube-scheduler) kubectl --kubeconfig /dev/null --server https://127.0.0.1:10259 --insecure-skip-tls-verify $nobody --request-timeout=5s get --raw /healthz ;;
  esac
}
last_log() {
  file=$(ls -1t /var/log/pods/kube-system_$1-*/$1/*.log 2>/dev/null | head -n 1)
  [ -z "$file" ] || tail -n 1 "$file" | cut -c 1-300
}
wait_well() {
  end=$(( $(date +%s) + 240 ))
  said=
  until said=$(is_well "$1" 2>&1); do
    if [ "$(date +%s)" -gt "$end" ]; then echo "$1 is not well: $said $(last_log "$1")" >&2; return 1; fi
    sleep 1
  done
}
wait_new() {
  end=$(( $(date +%s) + 240 ))
  until started=$(started_at "$1") && [ -n "$started" ] && [ "$started" -ge "$2" ]; do
    if [ "$(date +%s)" -gt "$end" ]; then echo "the new $1 does not keep running: $(last_log "$1")" >&2; return 1; fi
    sleep 0.5
  done
  wait_well "$1"
}
start_kubelet() {
  systemctl is-active -q kubelet || systemctl start kubelet
}
take_out() {
  mkdir -p -m 700 "$aside"
  [ ! -f "$manifests/$1.yaml" ] || mv -f "$manifests/$1.yaml" "$aside/$1.yaml"
  taken_out_at=$(date +%s)
}
put_back() {
  if [ -f "$aside/$1.yaml" ]; then mv -f "$aside/$1.yaml" "$manifests/$1.yaml"; fi
}
restart_pod() {
  [ -f "$manifests/$1.yaml" ] || [ -f "$aside/$1.yaml" ] || return 0
  start_kubelet
  name=$1
  trap 'put_back "$name"' EXIT
  take_out "$1"
  wait_gone "$1"
  put_back "$1"
  wait_well "$1"
}
`;
