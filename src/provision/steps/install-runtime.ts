import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { chooseRuntime, type RuntimeChoice } from '../plan/render/runtime.ts';
import {
  containerdConfigPath,
  containerdSatisfies,
  crioConfigPath,
  type RuntimeSettings,
  renderContainerdConfig,
  renderCrioConfig,
} from '../plan/render/runtime-config.ts';
import { stampOf } from '../plan/render/stamps.ts';
import { type RenderedFile, renderContainerdUnit, renderProtectionDropIn } from '../plan/render/units.ts';
import type { Step } from '../plan/steps.ts';
import { mustHave, programPlacements, sandboxImage } from './bundle-items.ts';
import { neededItems } from './load-bundle.ts';
import { adoptCriDockerd, criDockerdComplaint } from './cri-dockerd.ts';
import { installBinaries } from './install-binaries.ts';
import { differingFiles, placeFiles } from './originals.ts';
import { runScript } from './run-script.ts';
import { lookAtContainerd, mayLowerOomScore } from './runtime-sight.ts';
import { readStamps, writeStamp } from './stamps.ts';
import { machineOf } from './step-machine.ts';
import { untilNoComplaint } from './until.ts';

/**
 * Gives a machine a container runtime that kubelet can use: the one it has, if it has one, else containerd of the bundle.
 * Its pause image and its cgroup driver are made those of the cluster. It is restarted only if something changed.
 */
export const installRuntime: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const choice = chooseRuntime(machine.facts);
    if (choice.kind === 'refuse') return { kind: 'blocked', reason: choice.reason, message: choice.message };
    const complaint = await complaintOf(context, step, machine, choice);
    if (complaint !== undefined) return { kind: 'todo', why: complaint };
    const stamps = await readStamps(machine, context.signal);
    return stamps['install-runtime'] === stamp(context, machine)
      ? { kind: 'done' }
      : { kind: 'todo', why: 'the runtime was not set up by this version of Hansa' };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    const choice = usableChoice(machine);
    const settings = await settingsFor(context, step, machine);
    switch (choice.runtime) {
      case 'containerd':
        return setUpContainerd(context, step, machine, settings);
      case 'crio':
        return setUpCrio(context, machine, settings);
      case 'cri-dockerd':
        return adoptCriDockerd(context, machine, settings);
    }
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const choice = usableChoice(machine);
    const complaint = await untilNoComplaint(context, { timeoutMs: 60_000, everyMs: 1000 }, () =>
      complaintOf(context, step, machine, choice),
    );
    if (complaint !== undefined) {
      throw new HansaError(
        `${machine.spec.name}: ${complaint}; see "journalctl -u ${unitOf(choice)}" there`,
        { reason: 'RuntimeNotReady' },
      );
    }
    await writeStamp(machine, 'install-runtime', stamp(context, machine), context.signal);
  },
};

type UsableChoice = Exclude<RuntimeChoice, { readonly kind: 'refuse' }>;

function usableChoice({ facts }: Machine): UsableChoice {
  const choice = chooseRuntime(facts);
  if (choice.kind !== 'refuse') return choice;
  throw new HansaError(choice.message, { reason: choice.reason, retry: 'never' });
}

export function unitOf({ runtime }: Pick<UsableChoice, 'runtime'>): string {
  switch (runtime) {
    case 'containerd':
      return 'containerd.service';
    case 'crio':
      return 'crio.service';
    case 'cri-dockerd':
      return 'cri-docker.service';
  }
}

function stamp({ cluster }: StepContext, { spec }: Machine): string {
  return stampOf('install-runtime', { cluster, machine: spec, controlPlanes: [] });
}

async function settingsFor(context: StepContext, step: Step, machine: Machine): Promise<RuntimeSettings> {
  return {
    sandboxImage: sandboxImage(context, neededItems(context, step, machine)),
    cgroupDriver: context.cluster.cgroupDriver,
    restrictOomScore: !(await mayLowerOomScore(context, machine)),
  };
}

async function dropIn(context: StepContext, machine: Machine): Promise<readonly RenderedFile[]> {
  const means = { mayLowerOomScore: await mayLowerOomScore(context, machine) };
  const file = renderProtectionDropIn(unitOf(usableChoice(machine)), context.cluster.protection, means);
  return file ? [file] : [];
}

/** Why the runtime is not yet as it should be; undefined: it is. */
async function complaintOf(
  context: StepContext,
  step: Step,
  machine: Machine,
  { runtime, socket }: UsableChoice,
): Promise<string | undefined> {
  const settings = await settingsFor(context, step, machine);
  if (runtime === 'containerd') {
    const sight = await lookAtContainerd(context, machine);
    if (sight.missing.length > 0) return `it has no ${sight.missing.join(', ')}`;
    if (!containerdSatisfies(sight.dump, settings)) {
      return 'containerd is not set up for the pause image and the cgroup driver of the cluster';
    }
    if (!sight.isActive) return 'containerd does not run';
    if (!sight.isReady) return 'containerd does not answer, or its CRI plugin is not well';
    const [differing] = await differingFiles(context, machine, await dropIn(context, machine));
    return differing === undefined ? undefined : `${differing} is not as it should be`;
  }
  if (runtime === 'cri-dockerd') {
    const complaint = await criDockerdComplaint(context, machine, settings);
    if (complaint !== undefined) return complaint;
  } else {
    const file = { path: crioConfigPath, content: renderCrioConfig(settings), mode: 0o644 };
    if ((await differingFiles(context, machine, [file])).length > 0)
      return `${crioConfigPath} is not as it should be`;
  }
  const { code } = await machine.transport.exec({
    script: '[ -S "$1" ] && systemctl is-active -q "$2"',
    args: [socket, unitOf({ runtime })],
    root: true,
    signal: context.signal,
  });
  return code === 0 ? undefined : `${unitOf({ runtime })} does not run`;
}

async function setUpContainerd(
  context: StepContext,
  step: Step,
  machine: Machine,
  settings: RuntimeSettings,
): Promise<void> {
  const before = await lookAtContainerd(context, machine);
  const placements = programPlacements(neededItems(context, step, machine), before.missing);
  mustHave(context, machine, placements, before.missing);
  if (before.missing.length > 0) context.update(`installing ${before.missing.join(', ')}`);
  const installed = await installBinaries(context, machine, placements);
  const unit = before.hasUnit ? [] : [renderContainerdUnit()];
  const sight = installed.length > 0 ? await lookAtContainerd(context, machine) : before;
  const config = containerdSatisfies(sight.dump, settings)
    ? []
    : [
        {
          path: containerdConfigPath,
          content: renderContainerdConfig(settings, sight.majorVersion),
          mode: 0o644,
        },
      ];
  const changed = await placeFiles(context, machine, [
    ...unit,
    ...(await dropIn(context, machine)),
    ...config,
  ]);
  const mustRestart =
    installed.length > 0 || changed.length > 0 || sight.isOutdated || !sight.isActive || !sight.isReady;
  if (mustRestart) context.update('restarting containerd');
  await restart(context, machine, 'containerd.service', mustRestart);
}

async function setUpCrio(context: StepContext, machine: Machine, settings: RuntimeSettings): Promise<void> {
  const files = [
    { path: crioConfigPath, content: renderCrioConfig(settings), mode: 0o644 },
    ...(await dropIn(context, machine)),
  ];
  const changed = await placeFiles(context, machine, files);
  await restart(context, machine, 'crio.service', changed.length > 0);
}

async function restart(context: StepContext, machine: Machine, unit: string, must: boolean): Promise<void> {
  await runScript(context, machine, {
    script: `systemctl daemon-reload
systemctl enable --quiet "$1"
if [ "$2" = true ]; then systemctl restart "$1"; else systemctl start "$1"; fi`,
    args: [unit, String(must)],
    deadlineMs: 2 * 60_000,
    reason: 'RuntimeNotReady',
    mend: `see "journalctl -u ${unit}" there`,
  });
}
