import type { Clock } from '../../base/index.ts';
import { HansaError } from '../../base/index.ts';
import type { ModeCall, RolloutMode } from '../mode.ts';
import { observeFederated } from './federated.ts';
import { Kinds } from './find-kind.ts';
import { type ManifestsDeps, manifestsInPlace } from './manifests.ts';
import { Site } from './site.ts';
import { statefulSetInPlace } from './stateful-set.ts';

export interface InPlaceModeDeps extends ManifestsDeps {
  readonly clock: Clock;
}

/**
 * One object in each cluster, whose revision differs between clusters. StatefulSets change by their partition; all else
 * changes at once.
 *
 * *Guarantees*: what was ordered stands in the member's objects; only objects with this rollout's label are removed.
 * *Caveats*: nothing is raised before something is lowered, as there is one object only; a StatefulSet has one pod less
 * while it changes. Without an older revision nothing is put back.
 */
export function createInPlaceMode({ clock, olderObjects }: InPlaceModeDeps): RolloutMode {
  const kinds = new Kinds(clock);
  const applied = new Map<string, string>();
  const manifests = manifestsInPlace({ olderObjects });
  const site = (call: ModeCall) => new Site(call, kinds, applied);

  return {
    arm: async (call) => {
      if (whatOf(call) === 'workload') await statefulSetInPlace.arm(site(call), call);
    },
    tend: async (call) => {
      const what = whatOf(call);
      if (what === 'objects') await manifests.tend(site(call), call);
      if (what === 'workload') await statefulSetInPlace.tend(site(call), call);
    },
    observe: async (call) => {
      if (!call.member.client) {
        return { kind: 'unreachable', message: `member ${call.member.name} can't be reached` };
      }
      switch (whatOf(call)) {
        case 'objects':
          return manifests.observe(site(call), call);
        case 'federated':
          return observeFederated(site(call), call);
        case 'workload':
          return statefulSetInPlace.observe(site(call), call);
      }
    },
    install: async (call) => {
      const what = whatOf(call);
      if (what === 'objects') await manifests.install(site(call), call);
      if (what === 'workload') await statefulSetInPlace.install(site(call), call);
    },
    set: async (call, decision) => {
      const what = whatOf(call);
      if (what === 'objects') await manifests.set(site(call), call, decision);
      if (what === 'workload') await statefulSetInPlace.set(site(call), call, decision);
    },
    finish: async (call) => {
      const what = whatOf(call);
      if (what === 'objects') await manifests.finish(site(call), call);
      if (what === 'workload') await statefulSetInPlace.finish(site(call), call);
    },
    putBack: async (call) => {
      const what = whatOf(call);
      if (what === 'objects') await manifests.putBack(site(call), call);
      if (what === 'workload') await statefulSetInPlace.putBack(site(call), call);
    },
    leave: async (call) => {
      const what = whatOf(call);
      if (what === 'objects') await manifests.leave(site(call), call);
      if (what === 'workload') await statefulSetInPlace.leave(site(call), call);
    },
  };
}

function whatOf({ rollout }: ModeCall): 'objects' | 'federated' | 'workload' {
  const { kind } = rollout.contender.content;
  if (kind === 'workload' && rollout.target?.kind !== 'StatefulSet') {
    throw new HansaError(
      `mode InPlace with source.workloadRef is for StatefulSets, not for a ${rollout.target?.kind}: use mode Gated`,
      { reason: 'InvalidSpec', retry: 'never' },
    );
  }
  return kind;
}
