import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { uncordonIfOurs } from './cordon.ts';
import { awaitNodeVersion, readNodeVersion } from './node-version.ts';
import { mustRunToEnd } from './run-to-end.ts';
import { commandPost, machineOf, textInput } from './step-machine.ts';
import { forgetSaved, installPrograms, putBackFiles, restartKubelet, saveFiles } from './upgrade-files.ts';
import { writeUpgradeConfig } from './upgrade-config.ts';

/**
 * Brings a worker to `inputs.version`: kubeadm, kubelet's configuration, kubelet. If the new kubelet doesn't come up, the
 * old one goes back and the node takes pods again.
 */
export const upgradeWorker: Executor = {
  async observe(context, step) {
    const { machine, post, version } = await seats(context, step);
    const { kubelet } = await readNodeVersion(context, post, machine.spec.nodeName);
    return kubelet === version
      ? { kind: 'done' }
      : { kind: 'todo', why: `its kubelet is ${kubelet ?? 'unknown'}` };
  },

  async apply(context, step) {
    const { machine, version } = await seats(context, step);
    await context.intent({ machine: machine.spec.name, version });
    await saveFiles(context, machine, version);
    await installPrograms(context, machine, version, ['kubeadm']);
    await mustRunToEnd(context, step, machine, {
      what: 'upgrade-node',
      script: 'kubeadm upgrade node --config "$1"',
      args: [await writeUpgradeConfig(context, machine, version)],
      deadlineMs: 5 * 60_000,
      reason: 'UpgradeFailed',
      mend: 'the old version is put back',
    });
    await installPrograms(context, machine, version, ['kubelet', 'kubectl']);
    await restartKubelet(context, step, machine);
  },

  async verify(context, step) {
    const { machine, post, version } = await seats(context, step);
    await awaitNodeVersion(context, post, machine.spec.nodeName, version);
    await forgetSaved(context, machine);
  },

  async undo(context, step) {
    const machine = machineOf(context, step);
    await putBackFiles(context, step, machine, textInput(step, 'version'), { manifests: false });
    await uncordonIfOurs(context, machine);
  },
};

async function seats(
  context: StepContext,
  step: Step,
): Promise<{ readonly machine: Machine; readonly post: Machine; readonly version: string }> {
  const machine = machineOf(context, step);
  return {
    machine,
    post: await commandPost(context, machine.spec.name),
    version: textInput(step, 'version'),
  };
}
