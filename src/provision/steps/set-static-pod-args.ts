import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { readClusterConfiguration, renderPhaseConfig, writePhaseConfig } from './kubeadm-config.ts';
import {
  type ArgsChange,
  configurationWith,
  differencesIn,
  hasChange,
  manifestWith,
  readChanges,
} from './manifest-args.ts';
import { lastWords, mustRunToEnd, runToEnd } from './run-to-end.ts';
import { awaitStaticPod, putBackManifests, type StaticPod, staticPodLibrary } from './static-pods.ts';
import { machineOf } from './step-machine.ts';

/**
 * Changes arguments of static pods on one machine, one pod after the other; each must be well before the next. If one is
 * not, all manifests of the step go back to what they were. `inputs.changes` has what shall change; `inputs.isLast` is
 * true on the last machine, where kubeadm's configuration is brought up to date, so that an upgrade keeps the change.
 */
export const setStaticPodArgs: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    for (const change of readChanges(step.inputs)) {
      const differences = await differencesOn(context, machine, change);
      if (differences.length > 0) {
        return {
          kind: 'todo',
          why: `${change.pod} on ${machine.spec.name} shall have ${differences.join(', ')}`,
        };
      }
    }
    return step.inputs.isLast === true && !(await isStored(context, step, machine))
      ? { kind: 'todo', why: "kubeadm's configuration lacks the change" }
      : { kind: 'done' };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    await putBackManifests(machine, context.signal);
    const changes = readChanges(step.inputs);
    const live = await readClusterConfiguration(machine, context.signal);
    const wanted = changes.reduce(configurationWith, live);
    const path = await writePhaseConfig(machine, 'args', renderPhaseConfig(machine, wanted), context.signal);
    for (const change of changes) {
      if ((await differencesOn(context, machine, change)).length === 0) continue;
      await context.intent({ machine: machine.spec.name, pod: change.pod });
      await changePod(context, step, machine, change, path);
    }
    if (step.inputs.isLast === true) {
      await mustRunToEnd(context, step, machine, {
        what: 'upload-config',
        script: 'kubeadm init phase upload-config kubeadm --config "$1"',
        args: [path],
        deadlineMs: 2 * 60_000,
        reason: 'ConfigurationNotStored',
        mend: 'the pods run with the change, but a later upgrade would lose it: try again',
      });
    }
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    for (const change of readChanges(step.inputs)) {
      const differences = await differencesOn(context, machine, change);
      if (differences.length > 0) {
        throw new HansaError(
          `${change.pod} on ${machine.spec.name} lacks ${differences.join(', ')}: does a patch of spec.kubeadm.patches set it otherwise?`,
          { reason: 'ArgumentsNotSet', retry: 'never' },
        );
      }
    }
    await machine.transport.exec({
      script: 'rm -rf -- "$1"',
      args: [keptManifests],
      root: true,
      signal: context.signal,
    });
  },

  async undo(context, step) {
    const machine = machineOf(context, step);
    for (const { pod } of readChanges(step.inputs)) {
      const result = await runToEnd(context, step, machine, {
        what: `put-back-${pod}`,
        script: `${staticPodLibrary}\n${undoScript}`,
        args: [pod, keptManifests],
        deadlineMs: 8 * 60_000,
      });
      if (result.code !== 0) {
        throw new HansaError(
          `${pod} on ${machine.spec.name} has its old manifest again and is not well yet: ${lastWords(result)}`,
          { reason: 'StaticPodNotReady' },
        );
      }
    }
  },
};

/** Manifests as they were; not below the manifests, where kubelet would run them. */
const keptManifests = '/etc/kubernetes/tmp/hansa-args';

async function differencesOn(
  context: StepContext,
  machine: Machine,
  change: ArgsChange,
): Promise<readonly string[]> {
  return differencesIn(await readManifest(context, machine, change.pod), change);
}

async function readManifest({ signal }: StepContext, machine: Machine, pod: StaticPod): Promise<string> {
  const manifest = await machine.transport.readFile(`/etc/kubernetes/manifests/${pod}.yaml`, { signal });
  if (manifest) return manifest.toString('utf8');
  throw new HansaError(`${machine.spec.name} has no manifest of ${pod}: is it a control plane?`, {
    reason: 'ManifestMissing',
  });
}

async function isStored(context: StepContext, step: Step, machine: Machine): Promise<boolean> {
  const live = await readClusterConfiguration(machine, context.signal);
  return readChanges(step.inputs).every((change) => hasChange(live, change));
}

async function changePod(
  context: StepContext,
  step: Step,
  machine: Machine,
  change: ArgsChange,
  configPath: string,
): Promise<void> {
  const { pod } = change;
  context.update(`changing ${pod}`);
  const byHand = pod === 'etcd' ? manifestWith(await readManifest(context, machine, pod), change) : '';
  const { stdout } = await mustRunToEnd(context, step, machine, {
    what: `change-${pod}`,
    script: changeScript,
    args: [pod, keptManifests, configPath],
    stdin: byHand,
    deadlineMs: 2 * 60_000,
    reason: 'ManifestNotWritten',
    mend: 'the old one is in place',
  });
  const changedAt = Number(/^changed-at (\d+)$/m.exec(stdout)?.[1]);
  await awaitStaticPod(context, step, machine, pod, changedAt);
}

// Written beside and renamed in: kubelet must never read half a manifest. kubeadm writes its own in place.
const changeScript = `
mkdir -p -m 700 "$2"
[ -f "$2/$1.yaml" ] || { cp -p "/etc/kubernetes/manifests/$1.yaml" "$2/$1.yaml"; sync "$2/$1.yaml"; }
patches=
[ ! -d /etc/kubernetes/hansa/patches ] || patches='--patches /etc/kubernetes/hansa/patches'
echo "changed-at $(date +%s)"
case $1 in
  etcd)
    umask 077
    cat >"$2/etcd.new"
    [ -s "$2/etcd.new" ]
    sync "$2/etcd.new"
    mv "$2/etcd.new" /etc/kubernetes/manifests/etcd.yaml ;;
  *) kubeadm init phase control-plane "\${1#kube-}" --config "$3" $patches ;;
esac
`;

const undoScript = `
[ -f "$2/$1.yaml" ] || exit 0
at=$(date +%s)
if cmp -s "$2/$1.yaml" "$manifests/$1.yaml"; then at=0; else cp -p "$2/$1.yaml" "$2/$1.back" && mv "$2/$1.back" "$manifests/$1.yaml"; fi
wait_new "$1" "$at"
rm -f "$2/$1.yaml"
`;
