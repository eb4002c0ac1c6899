import { HansaError, hostWithPort } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { clusterUidEvidence } from '../plan/cluster-identity.ts';
import { renderInitConfig } from '../plan/render/kubeadm-config.ts';
import { addressUrl } from '../plan/render/address-url.ts';
import type { Step } from '../plan/steps.ts';
import { readClusterConfiguration } from './kubeadm-config.ts';
import { cleanLibrary, initConfigPath, writePatches } from './kubeadm-node.ts';
import { askKubectl, getObject } from './kubectl.ts';
import { criSocketOf, nodeInputOf } from './node-input.ts';
import { pkiInStore, pkiLibrary, stagePki, storePki } from './pki-files.ts';
import { hasBegun, mustRunToEnd } from './run-to-end.ts';
import { machineOf } from './step-machine.ts';
import { tellPhase } from './tell-phase.ts';
import { untilNoComplaint } from './until.ts';

/**
 * Makes the first control plane. Killed in the midst of it, it goes on: before etcd has written, from a clean machine;
 * after that, over what is there, so that the cluster keeps its identity.
 */
export const initControlPlane: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const state = await look(context, machine);
    const complaint = state.hasManifest
      ? await complaintOf(context, machine)
      : 'no control plane was made there yet';
    if (
      state.hasEtcdData &&
      !isOurs(context, step) &&
      !(complaint === undefined && (await isThisCluster(context, machine)))
    ) {
      return {
        kind: 'blocked',
        reason: 'EtcdDataPresent',
        message: `${machine.spec.name} has data of an etcd in /var/lib/etcd that this cluster did not put there: if nobody needs it, run "kubeadm reset" there and move /var/lib/etcd/member away`,
      };
    }
    return complaint === undefined ? { kind: 'done' } : { kind: 'todo', why: complaint };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    const work = {
      what: 'kubeadm-init',
      script: initScript,
      args: [initConfigPath, criSocketOf(machine)],
      deadlineMs: 15 * 60_000,
    };
    if (!(await hasBegun(context, step, machine, work))) await prepare(context, step, machine);
    await context.intent({
      machine: machine.spec.name,
      node: machine.spec.nodeName,
      peerUrl: addressUrl(machine.internalAddress, 2380),
    });
    context.update('kubeadm init');
    await mustRunToEnd(context, step, machine, {
      ...work,
      onLine: tellPhase(context, 'kubeadm init'),
      reason: 'InitFailed',
      mend: `it is tried again from what is there; see "journalctl -u kubelet" on ${machine.spec.name}`,
    });
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const complaint = await untilNoComplaint(context, { timeoutMs: 2 * 60_000, everyMs: 1000 }, () =>
      complaintOf(context, machine),
    );
    if (complaint !== undefined) {
      throw new HansaError(`the first control plane, ${machine.spec.name}, is not whole: ${complaint}`, {
        reason: 'InitIncomplete',
      });
    }
    await storePki(context, machine);
    const system = await getObject(machine, ['namespace', 'kube-system'], { signal: context.signal });
    const { uid } = (system?.metadata ?? {}) as { readonly uid?: string };
    if (uid !== undefined) context.note({ [clusterUidEvidence]: uid });
  },
};

async function prepare(context: StepContext, step: Step, machine: Machine): Promise<void> {
  const input = nodeInputOf(context, step, machine);
  await writePatches(context, machine, input);
  await stagePki(context, machine, await pkiInStore(context));
  await machine.transport.writeFile(
    { path: initConfigPath, content: renderInitConfig(input), mode: 0o600 },
    context.signal,
  );
}

/** An intent of this very step is the proof that what lies there is the work of an earlier attempt. */
function isOurs({ journal }: StepContext, step: Step): boolean {
  return journal.some((record) => record.step === step.id && record.event === 'intent');
}

/** Without a journal, a control plane that is whole speaks for itself. */
async function isThisCluster({ cluster, signal }: StepContext, machine: Machine): Promise<boolean> {
  const { clusterName, controlPlaneEndpoint } = await readClusterConfiguration(machine, signal);
  const { host, port } = cluster.endpoint;
  return clusterName === cluster.name && controlPlaneEndpoint === hostWithPort(host, port);
}

interface Sight {
  readonly hasManifest: boolean;
  readonly hasEtcdData: boolean;
}

async function look({ signal }: StepContext, machine: Machine): Promise<Sight> {
  const { stdout } = await machine.transport.exec({
    script: `[ ! -f /etc/kubernetes/manifests/kube-apiserver.yaml ] || echo manifest
[ ! -d /var/lib/etcd/member ] || echo etcd`,
    root: true,
    signal,
  });
  return { hasManifest: stdout.includes('manifest'), hasEtcdData: stdout.includes('etcd') };
}

/**
 * What kubeadm would have made and isn't there. An API that answers is not enough: kubeadm killed after that leaves a cluster
 * that nobody can join and that resolves no names.
 */
async function complaintOf(context: StepContext, machine: Machine): Promise<string | undefined> {
  const { cluster, signal } = context;
  const address = addressUrl(machine.internalAddress, 6443);
  try {
    await askKubectl(machine, ['--server', address, '--request-timeout=10s', 'get', '--raw', '/readyz'], {
      signal,
    });
    const wanted = [
      'configmap/kubeadm-config',
      'configmap/kubelet-config',
      'deployment.apps/coredns',
      ...(cluster.proxy.mode === 'none' ? [] : ['daemonset.apps/kube-proxy']),
    ];
    const found = await askKubectl(
      machine,
      ['--server', address, '-n', 'kube-system', 'get', ...wanted, '--ignore-not-found', '-o', 'name'],
      { signal },
    );
    const missing = wanted.filter((name) => !found.split('\n').includes(name));
    const info = await askKubectl(
      machine,
      [
        '--server',
        address,
        '-n',
        'kube-public',
        'get',
        'configmap/cluster-info',
        '--ignore-not-found',
        '-o',
        'name',
      ],
      { signal },
    );
    const node = await getObject(machine, ['--server', address, 'node', machine.spec.nodeName], { signal });
    if (missing.length > 0) return `it lacks ${missing.join(', ')}`;
    if (info.trim() === '') return 'it lacks configmap/cluster-info, by which others join';
    return node === undefined ? `there is no Node ${machine.spec.nodeName}` : undefined;
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'KubectlFailed') return error.message;
    throw error;
  }
}

// As long as etcd has not written, there is nothing to lose; half-written certificates would only stop the next attempt.
const initScript = `${pkiLibrary}${cleanLibrary}
PATH=/usr/local/bin:$PATH
if [ -d /var/lib/etcd/member ]; then
  kubeadm init --config "$1" --skip-token-print --skip-phases preflight
else
  if has_leftovers; then clean_node "$2" delete; fi
  install_pki
  kubeadm init --config "$1" --skip-token-print
fi
drop_staged_pki
`;
