import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { clusterExists } from '../plan/apply/configuration.ts';
import { readClusterConfiguration, renderPhaseConfig, writePhaseConfig } from './kubeadm-config.ts';
import {
  type ArgsChange,
  configurationWith,
  differencesIn,
  hasChange,
  manifestWith,
} from './manifest-args.ts';
import { refuseToRiskQuorum } from './quorum-at-restart.ts';
import { mustRunToEnd } from './run-to-end.ts';
import { putBackManifests, staticPodLibrary } from './static-pods.ts';
import { machineOf } from './step-machine.ts';

const change: ArgsChange = { pod: 'etcd', set: [clusterExists], removed: [] };

/**
 * Tells the etcd of one machine that its cluster exists; `inputs.isLast` is true on the last machine, where kubeadm's
 * configuration is brought up to date, so that upgrades write it too.
 *
 * *Guarantees*: etcd and the API server beside it are away for some seconds, never while another member is missing.
 * *Caveats*: the kubelet is stopped meanwhile, and connections to that API server break. A kubelet that runs would ask an
 * API server that hangs before it starts the new etcd, which takes more than a minute.
 */
export const fenceEtcd: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const lacking = differencesIn(await manifestOn(context, machine), change);
    if (lacking.length > 0)
      return { kind: 'todo', why: `etcd on ${machine.spec.name} lacks ${lacking.join(', ')}` };
    if (step.inputs.isLast !== true) return { kind: 'done' };
    return hasChange(await readClusterConfiguration(machine, context.signal), change)
      ? { kind: 'done' }
      : { kind: 'todo', why: "kubeadm's configuration lacks it" };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    await putBackManifests(machine, context.signal);
    const manifest = await manifestOn(context, machine);
    const live = await readClusterConfiguration(machine, context.signal);
    if (differencesIn(manifest, change).length > 0) {
      await refuseToRiskQuorum(context, machine);
      await context.intent({ machine: machine.spec.name, pod: change.pod });
      await mustRunToEnd(context, step, machine, {
        what: 'fence-etcd',
        script: `${staticPodLibrary}\n${fenceScript}`,
        stdin: manifestWith(manifest, change),
        deadlineMs: 8 * 60_000,
        reason: 'StaticPodNotReady',
        mend: 'its manifest is as it was; see its log with "crictl logs" or below /var/log/pods',
      });
    }
    if (step.inputs.isLast !== true) return;
    const config = renderPhaseConfig(machine, configurationWith(live, change));
    await mustRunToEnd(context, step, machine, {
      what: 'upload-config',
      script: 'kubeadm init phase upload-config kubeadm --config "$1"',
      args: [await writePhaseConfig(machine, 'args', config, context.signal)],
      deadlineMs: 2 * 60_000,
      reason: 'ConfigurationNotStored',
      mend: 'etcd runs with the change, but a later upgrade would lose it: try again',
    });
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const lacking = differencesIn(await manifestOn(context, machine), change);
    if (lacking.length === 0) return;
    throw new HansaError(
      `etcd on ${machine.spec.name} lacks ${lacking.join(', ')}: who else writes its manifest?`,
      { reason: 'ArgumentsNotSet' },
    );
  },
};

async function manifestOn({ signal }: StepContext, machine: Machine): Promise<string> {
  const manifest = await machine.transport.readFile('/etc/kubernetes/manifests/etcd.yaml', { signal });
  if (manifest) return manifest.toString('utf8');
  throw new HansaError(`${machine.spec.name} has no manifest of etcd: is it a control plane?`, {
    reason: 'ManifestMissing',
  });
}

// The API server goes first: etcd waits for its watchers before it ends. Written beside and renamed in, so that the manifest
// is never half there; the old one goes back if etcd isn't well with the new one.
const fenceScript = `
mkdir -p -m 700 "$aside"
umask 077
cat >"$aside/etcd.new"
[ -s "$aside/etcd.new" ]
cp -p "$manifests/etcd.yaml" "$aside/etcd.old"
sync "$aside/etcd.new" "$aside/etcd.old"
trap 'systemctl start kubelet' EXIT
systemctl stop kubelet
end_pod_processes KILL $(pids_of kube-apiserver)
end_pod_processes TERM $(pids_of etcd)
end=$(( $(date +%s) + 20 ))
while pids=$(pids_of etcd) && [ -n "$pids" ]; do
  [ "$(date +%s)" -le "$end" ] || end_pod_processes KILL $pids
  sleep 0.2
done
mv "$aside/etcd.new" "$manifests/etcd.yaml"
systemctl start kubelet
if ! wait_well etcd; then
  mv "$aside/etcd.old" "$manifests/etcd.yaml"
  exit 1
fi
rm -f "$aside/etcd.old"
wait_well kube-apiserver
`;
