import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { chooseRuntime } from '../plan/render/runtime.ts';
import { stampOf } from '../plan/render/stamps.ts';
import { type RenderedFile, renderKubeletUnit, renderProtectionDropIn } from '../plan/render/units.ts';
import type { Step } from '../plan/steps.ts';
import { cniPlacements, mustHave, programPlacements } from './bundle-items.ts';
import { neededItems } from './load-bundle.ts';
import { differingBinaries, installBinaries, type Placement } from './install-binaries.ts';
import { unitOf } from './install-runtime.ts';
import { differingFiles, placeFiles } from './originals.ts';
import { runScript } from './run-script.ts';
import { mayLowerOomScore } from './runtime-sight.ts';
import { readStamps, writeStamp } from './stamps.ts';
import { machineOf } from './step-machine.ts';

const required = ['kubelet', 'kubeadm', 'kubectl'] as const;
const wanted = [...required, 'etcdctl', 'etcdutl', 'crictl'] as const;

/** Puts kubelet, kubeadm and kubectl in place with kubelet's unit. It is enabled, not started: kubeadm starts it. */
export const installKubernetes: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const programs = await differingBinaries(context, machine, await placementsFor(context, step, machine));
    if (programs.length > 0)
      return { kind: 'todo', why: `${programs.join(', ')} not there, or of another version` };
    const files = await differingFiles(context, machine, await filesFor(context, machine));
    if (files.length > 0) return { kind: 'todo', why: `${files[0]} is not as it should be` };
    const stamps = await readStamps(machine, context.signal);
    return stamps['install-kubernetes'] === stamp(context, machine)
      ? { kind: 'done' }
      : { kind: 'todo', why: 'kubelet was not set up by this version of Hansa' };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    const placements = await placementsFor(context, step, machine);
    if (!(await isNode(context, machine))) mustHave(context, machine, placements, required);
    context.update('installing kubelet, kubeadm, kubectl');
    await installBinaries(context, machine, placements);
    await placeFiles(context, machine, await filesFor(context, machine));
    await runScript(context, machine, {
      script: 'systemctl daemon-reload && systemctl enable --quiet kubelet.service',
      reason: 'KubeletNotInstalled',
      mend: 'see "systemctl status kubelet" there',
    });
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const said = await runScript(context, machine, {
      script: `kubelet --version && kubeadm version -o short >/dev/null && kubectl version --client >/dev/null
systemctl is-enabled kubelet.service >/dev/null`,
      reason: 'KubeletNotInstalled',
      mend: 'the programs in /usr/local/bin do not run there: is the bundle made for its processor?',
    });
    const { version } = step.inputs;
    if (typeof version === 'string' && !said.includes(`v${version}`) && !(await isNode(context, machine))) {
      throw new HansaError(
        `${machine.spec.name} has ${said.trim()}, and ${version} was to be installed: is another kubelet in its PATH?`,
        {
          reason: 'KubeletNotInstalled',
        },
      );
    }
    await writeStamp(machine, 'install-kubernetes', stamp(context, machine), context.signal);
  },
};

function stamp({ cluster }: StepContext, { spec }: Machine): string {
  return stampOf('install-kubernetes', { cluster, machine: spec, controlPlanes: [] });
}

/** The programs of a node are replaced by an upgrade only, which drains it first. */
async function placementsFor(
  context: StepContext,
  step: Step,
  machine: Machine,
): Promise<readonly Placement[]> {
  const items = neededItems(context, step, machine);
  const programs = (await isNode(context, machine)) ? [] : programPlacements(items, wanted);
  return [...programs, ...cniPlacements(items)];
}

async function isNode({ signal }: StepContext, machine: Machine): Promise<boolean> {
  const { code } = await machine.transport.exec({
    script:
      '[ -f /etc/kubernetes/kubelet.conf ] && [ -x /usr/local/bin/kubelet ] && systemctl is-active -q kubelet.service',
    root: true,
    signal,
  });
  return code === 0;
}

async function filesFor(context: StepContext, machine: Machine): Promise<readonly RenderedFile[]> {
  const choice = chooseRuntime(machine.facts);
  const means = { mayLowerOomScore: await mayLowerOomScore(context, machine) };
  const protection = renderProtectionDropIn('kubelet.service', context.cluster.protection, means);
  const runtimeUnit = choice.kind === 'refuse' ? '' : unitOf(choice);
  return [...renderKubeletUnit(runtimeUnit), ...(protection ? [protection] : [])];
}
