import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { readMembers } from '../etcd/read-members.ts';
import type { Step } from '../plan/steps.ts';
import { compareVersions, readVersion, versionOf } from '../plan/version.ts';
import { uncordonIfOurs } from './cordon.ts';
import { readClusterConfiguration } from './kubeadm-config.ts';
import { runKubectl } from './kubectl.ts';
import { awaitNodeVersion, readNodeVersion } from './node-version.ts';
import { mustRunToEnd } from './run-to-end.ts';
import { commandPost, machineOf, textInput } from './step-machine.ts';
import { writeUpgradeConfig } from './upgrade-config.ts';
import {
  forgetSaved,
  installPrograms,
  markApplied,
  putBackFiles,
  readMark,
  restartKubelet,
  saveFiles,
} from './upgrade-files.ts';
import { untilNoComplaint } from './until.ts';

/**
 * Brings a control plane to `inputs.version`: kubeadm, the static pods (`upgrade apply` on the first of the cluster,
 * `upgrade node` on the others), kubelet.
 *
 * *Guarantees*: what was there is saved first. Until kubeadm has brought the new control plane up, a failure puts all of
 * it back; after that only the kubelet goes back, since the new API server has written: the control plane stays new,
 * which an older kubelet may follow.
 */
export const upgradeControlPlane: Executor = {
  async observe(context, step) {
    const { machine, post, version } = await seats(context, step);
    const runs = await apiServerVersion(context, machine);
    if (runs !== version) return { kind: 'todo', why: `its API server is ${runs ?? 'unknown'}` };
    const { kubelet } = await readNodeVersion(context, post, machine.spec.nodeName);
    return kubelet === version
      ? { kind: 'done' }
      : { kind: 'todo', why: `its kubelet is ${kubelet ?? 'unknown'}` };
  },

  async apply(context, step) {
    const { machine, post, version } = await seats(context, step);
    const before = await membersOf(context, machine);
    if ((await apiServerVersion(context, machine)) !== version) {
      await context.intent({ machine: machine.spec.name, version });
      await saveFiles(context, machine, version);
      await installPrograms(context, machine, version, ['kubeadm']);
      await upgradePods(context, step, machine, { post, version });
      await markApplied(context, machine, version);
    }
    await installPrograms(context, machine, version, ['kubeadm', 'kubelet', 'kubectl']);
    await restartKubelet(context, step, machine);
    // The kubelet may make static pods anew, and what comes next asks the only API server there may be.
    await awaitReady(context, machine);
    context.note({ membersBefore: before.join(',') });
    await sameMembers(context, machine, before);
  },

  async verify(context, step) {
    const { machine, post, version } = await seats(context, step);
    await awaitNodeVersion(context, post, machine.spec.nodeName, version);
    const runs = await apiServerVersion(context, machine);
    if (runs !== version) {
      throw new HansaError(`the API server of ${machine.spec.name} is ${runs ?? 'unknown'}, not ${version}`, {
        reason: 'UpgradeFailed',
      });
    }
    await forgetSaved(context, machine);
  },

  async undo(context, step) {
    const machine = machineOf(context, step);
    const version = textInput(step, 'version');
    const mark = await readMark(context, machine, version);
    if (mark === 'none') return;
    // Without an API server to ask: that of the only control plane may be what is broken.
    await putBackFiles(context, step, machine, version, { manifests: mark === 'saved' });
    await uncordonIfOurs(context, machine);
  },
};

interface Seats {
  readonly machine: Machine;
  readonly post: Machine;
  readonly version: string;
}

async function seats(context: StepContext, step: Step): Promise<Seats> {
  const machine = machineOf(context, step);
  return {
    machine,
    post: await commandPost(context, machine.spec.name),
    version: textInput(step, 'version'),
  };
}

async function upgradePods(
  context: StepContext,
  step: Step,
  machine: Machine,
  { post, version }: { readonly post: Machine; readonly version: string },
): Promise<void> {
  // The cluster's own record tells whether another control plane did the first part, in whatever run.
  const { kubernetesVersion } = await readClusterConfiguration(post, context.signal);
  const recorded = readVersion(typeof kubernetesVersion === 'string' ? kubernetesVersion : '');
  const isFirst = recorded === undefined || compareVersions(recorded, versionOf(version)) < 0;
  context.update(isFirst ? 'kubeadm upgrade apply' : 'kubeadm upgrade node');
  await mustRunToEnd(context, step, machine, {
    what: isFirst ? 'upgrade-apply' : 'upgrade-node',
    script: isFirst ? 'kubeadm upgrade apply --config "$1"' : 'kubeadm upgrade node --config "$1"',
    args: [await writeUpgradeConfig(context, machine, version)],
    deadlineMs: 20 * 60_000,
    onLine: (line) => context.update(line),
    reason: 'UpgradeFailed',
    mend: 'the old version is put back',
  });
}

async function awaitReady(context: StepContext, machine: Machine): Promise<void> {
  const complaint = await untilNoComplaint(context, { timeoutMs: 3 * 60_000 }, async () => {
    const { code, stderr } = await askOwnApiServer(context, machine, '/readyz');
    return code === 0 ? undefined : (stderr.trim().split('\n').at(-1) ?? '');
  });
  if (complaint === undefined) return;
  throw new HansaError(
    `the API server of ${machine.spec.name} is not ready after its kubelet was restarted: ${complaint}`,
    { reason: 'UpgradeFailed' },
  );
}

function askOwnApiServer({ signal }: StepContext, machine: Machine, path: string) {
  return runKubectl(machine, ['--request-timeout=10s', 'get', '--raw', path], { signal });
}

async function apiServerVersion(context: StepContext, machine: Machine): Promise<string | undefined> {
  const { stdout } = await askOwnApiServer(context, machine, '/version');
  return readVersion(/"gitVersion":\s*"([^"]*)"/.exec(stdout)?.[1] ?? '')?.text;
}

async function membersOf(context: StepContext, machine: Machine): Promise<readonly string[]> {
  if (context.cluster.etcd.kind === 'external') return [];
  const members = await readMembers(machine, { signal: context.signal });
  return members.map(({ id, isLearner }) => `${id}${isLearner ? ' learner' : ''}`).toSorted();
}

/** etcd 3.5 to 3.6 can bring removed members back and turn voters into learners: whoever runs it must hear of it. */
async function sameMembers(context: StepContext, machine: Machine, before: readonly string[]): Promise<void> {
  const after = await membersOf(context, machine);
  if (JSON.stringify(after) === JSON.stringify(before)) return;
  throw new HansaError(
    `the members of etcd changed while ${machine.spec.name} was upgraded: before ${before.join(', ')}; after ${after.join(', ')}. ` +
      'Stop here, and compare "etcdctl member list" with the machines',
    { reason: 'EtcdMembersChanged', retry: 'never' },
  );
}
