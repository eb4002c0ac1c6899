import type { ClusterSpec } from '../cluster-spec.ts';
import type { MachineFacts } from '../facts.ts';
import type { ControlPlaneAddress } from '../render/haproxy.ts';
import { type StampedKind, stampOf } from '../render/stamps.ts';
import type { Draft } from './draft.ts';
import type { Seat } from './seats.ts';

export interface Preparation {
  readonly spec: ClusterSpec;
  /** Where endpoints shall lead; undefined: not all can be told, and the executor finds out. */
  readonly controlPlanes: readonly ControlPlaneAddress[] | undefined;
}

/**
 * All that a machine needs before kubeadm. Gives the ids of the steps kubeadm waits for. Machines do this side by side, and
 * what doesn't depend on one another on a machine too: the upload takes the longest.
 */
export function prepareMachine(
  draft: Draft,
  { machine: { name } }: Seat,
  { controlPlanes }: Preparation,
  after: readonly string[],
): readonly string[] {
  const common = { machine: name, reason: `${name} is new to the cluster` };
  const prepared = draft.add({ ...common, kind: 'prepare-host', title: 'prepare the host', needs: after });
  const loaded = draft.add({
    ...common,
    kind: 'load-bundle',
    suffix: 'programs',
    title: 'send programs',
    needs: [prepared],
    inputs: { only: 'programs' },
  });
  // Images are most of it: the machine is set up while they come.
  const images = draft.add({ ...common, kind: 'load-bundle', title: 'send images', needs: [loaded] });
  const runtime = draft.add({
    ...common,
    kind: 'install-runtime',
    title: 'install the container runtime',
    needs: [loaded],
  });
  const installed = draft.add({
    ...common,
    kind: 'install-kubernetes',
    title: 'install kubelet and kubeadm',
    needs: [loaded],
  });
  const imported = draft.add({
    ...common,
    kind: 'import-images',
    title: 'import images',
    needs: [images, runtime],
  });
  const endpoint = draft.add({
    ...common,
    kind: 'set-endpoint',
    title: 'lead to the API server',
    needs: [loaded],
    inputs: controlPlanes ? { controlPlanes } : {},
  });
  return [installed, imported, endpoint];
}

/**
 * What was prepared from other settings than those of now, on a machine that is a node. One that Hansa has never prepared
 * is left as it is: somebody else did, and knows why.
 */
export function renewPreparation(
  draft: Draft,
  { machine, facts }: Seat,
  { spec, controlPlanes }: Preparation,
  after: readonly string[],
): readonly string[] {
  if (!facts || Object.keys(facts.stamps).length === 0) return [];
  const added: string[] = [];
  let loaded: string | undefined;
  for (const { kind, title, usesBundle } of stamped) {
    const isEndpoint = kind === 'set-endpoint';
    if (isEndpoint && !controlPlanes) continue;
    const reason = driftOf(
      kind,
      facts,
      stampOf(kind, { cluster: spec, machine, controlPlanes: controlPlanes ?? [] }),
    );
    if (reason === undefined) continue;
    if (usesBundle) {
      loaded ??= draft.add({
        kind: 'load-bundle',
        machine: machine.name,
        title: 'send programs and images',
        reason,
        needs: after,
      });
    }
    added.push(
      draft.add({
        kind,
        machine: machine.name,
        title,
        reason,
        // One after the other: this machine is at work meanwhile.
        needs: [...after, loaded, added.at(-1)],
        inputs: isEndpoint ? { controlPlanes } : {},
      }),
    );
  }
  return added;
}

const stamped = [
  { kind: 'prepare-host', title: 'prepare the host', usesBundle: false },
  { kind: 'install-runtime', title: 'set up the container runtime', usesBundle: true },
  { kind: 'install-kubernetes', title: 'set up kubelet', usesBundle: true },
  { kind: 'set-endpoint', title: 'lead to the API server', usesBundle: false },
] as const satisfies readonly {
  readonly kind: StampedKind;
  readonly title: string;
  readonly usesBundle: boolean;
}[];

function driftOf(kind: StampedKind, { stamps }: MachineFacts, wanted: string): string | undefined {
  if (stamps[kind] === wanted) return undefined;
  return stamps[kind] === undefined
    ? 'it is not seen to have been done'
    : 'the spec asks for something else than was done';
}
