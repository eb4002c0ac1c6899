import { hostWithPort } from '../../../base/index.ts';
import type { ClusterSpec, NamedArgument } from '../cluster-spec.ts';
import { apiServerProtection, etcdProtection } from '../render/protection.ts';
import type { Refusal } from '../steps.ts';
import { type Draft, refuse } from './draft.ts';

/** kubeadm's ClusterConfiguration, as the cluster keeps it. */
export type LiveConfiguration = Readonly<Record<string, unknown>>;

/** What a cluster keeps for life. A spec that asks for another is refused before anything is half changed. */
export function refuseImmutable(spec: ClusterSpec, live: LiveConfiguration | undefined): readonly Refusal[] {
  if (!live) return [];
  const { network, endpoint } = spec;
  return [
    ...differs(
      textAt(live, 'networking', 'podSubnet'),
      network.pods.join(','),
      'spec.network.pods',
      'pod network',
    ),
    ...differs(
      textAt(live, 'networking', 'serviceSubnet'),
      network.services.join(','),
      'spec.network.services',
      'service network',
    ),
    ...differs(textAt(live, 'networking', 'dnsDomain'), network.domain, 'spec.network.domain', 'DNS domain'),
    ...differs(
      textOf(live['controlPlaneEndpoint']),
      hostWithPort(endpoint.host, endpoint.port),
      'spec.endpoint',
      'endpoint',
    ),
  ];
}

function differs(is: string | undefined, wanted: string, field: string, what: string): readonly Refusal[] {
  if (is === undefined || is === wanted) return [];
  return [
    refuse(
      'Immutable',
      `the cluster was made with the ${what} ${is}, and the spec says ${wanted}: a cluster keeps it for life. Put ${is} back, or make another cluster`,
      { field },
    ),
  ];
}

/**
 * Names in certificates and arguments of static pods that the spec wants otherwise: one control plane after the other.
 * Gives the id of the last step.
 */
export function changeConfiguration(
  draft: Draft,
  spec: ClusterSpec,
  live: LiveConfiguration | undefined,
  machines: readonly string[],
): string | undefined {
  if (!live) return undefined;
  const sans = spec.certSANs.filter((name) => !textsAt(live, 'apiServer', 'certSANs').includes(name));
  const changes = changesOf(spec, live);
  let last: string | undefined;
  const onEach = (step: Omit<Parameters<Draft['add']>[0], 'needs' | 'machine'>) => {
    for (const machine of machines) {
      last = draft.add({
        ...step,
        machine,
        needs: [last],
        exclusive: 'etcd',
        inputs: { ...step.inputs, isLast: machine === machines.at(-1) },
      });
    }
  };
  if (sans.length > 0) {
    onEach({
      kind: 'set-sans',
      title: 'add names to the certificate of the API server',
      reason: `it doesn't answer to ${sans.join(', ')}`,
      inputs: { sans: spec.certSANs },
    });
  }
  if (changes.length > 0) {
    onEach({
      kind: 'set-static-pod-args',
      title: 'change arguments of the control plane',
      reason: changes.map(tellChange).join('; '),
      inputs: { changes },
    });
  }
  return last;
}

/**
 * With an empty disk, the etcd that was made first (its manifest: `initial-cluster` of itself, and `new`) comes up as a
 * cluster of its own with nothing in it, and so does any after an upgrade; its API server would answer for the whole one.
 * Told that its cluster exists, it does not start. With its data in place it reads neither.
 */
export const clusterExists: NamedArgument = { name: 'initial-cluster-state', value: 'existing' };

interface ArgsChange {
  readonly pod: 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'etcd';
  readonly set: readonly NamedArgument[];
  readonly removed: readonly NamedArgument[];
}

function changesOf(spec: ClusterSpec, live: LiveConfiguration): readonly ArgsChange[] {
  const { kubeadm } = spec;
  return [
    changeOf('kube-apiserver', kubeadm.apiServerArgs, argumentsIn(live, 'apiServer'), [
      // A machine of little memory has these, whichever made the cluster.
      ...apiServerProtection({ protection: { ...spec.protection, enabled: true } }, 0),
    ]),
    changeOf(
      'kube-controller-manager',
      kubeadm.controllerManagerArgs,
      argumentsIn(live, 'controllerManager'),
    ),
    changeOf('kube-scheduler', kubeadm.schedulerArgs, argumentsIn(live, 'scheduler')),
    ...(spec.etcd.kind === 'external'
      ? []
      : [
          changeOf('etcd', kubeadm.etcdArgs, argumentsIn(live, 'etcd', 'local'), [
            ...etcdProtection({ protection: { ...spec.protection, enabled: true } }),
            clusterExists,
          ]),
        ]),
  ].filter(({ set, removed }) => set.length > 0 || removed.length > 0);
}

/** By name: an argument may be given several times, and is then changed as a whole. `ours` are Hansa's own, and stay. */
function changeOf(
  pod: ArgsChange['pod'],
  wanted: readonly NamedArgument[],
  live: readonly NamedArgument[],
  ours: readonly NamedArgument[] = [],
): ArgsChange {
  const names = [...new Set([...wanted, ...live].map(({ name }) => name))];
  const set: NamedArgument[] = [];
  const removed: NamedArgument[] = [];
  for (const name of names) {
    const isWanted = wanted.filter((each) => each.name === name);
    const is = live.filter((each) => each.name === name);
    if (isWanted.length === 0 && ours.some((each) => each.name === name)) continue;
    if (textOfArgs(isWanted) === textOfArgs(is)) continue;
    set.push(...isWanted);
    removed.push(...is.filter(({ value }) => !isWanted.some((each) => each.value === value)));
  }
  return { pod, set, removed };
}

function tellChange({ pod, set, removed }: ArgsChange): string {
  const parts = [
    ...set.map(({ name, value }) => `--${name}=${value}`),
    ...removed
      .filter(({ name }) => !set.some((each) => each.name === name))
      .map(({ name }) => `no --${name}`),
  ];
  return `${pod} shall have ${parts.join(', ')}`;
}

function textOfArgs(args: readonly NamedArgument[]): string {
  return JSON.stringify(args.map(({ value }) => value));
}

/** `extraArgs` of a section, such as `etcd.local`. */
export function argumentsIn(live: LiveConfiguration, ...path: readonly string[]): readonly NamedArgument[] {
  const section = path.reduce<LiveConfiguration | undefined>(recordAt, live);
  const args = section?.['extraArgs'];
  if (!Array.isArray(args)) return [];
  return (args as readonly unknown[]).flatMap((each) => {
    const { name, value } = (each ?? {}) as { readonly name?: unknown; readonly value?: unknown };
    return typeof name === 'string' ? [{ name, value: typeof value === 'string' ? value : '' }] : [];
  });
}

function recordAt(from: LiveConfiguration | undefined, field: string): LiveConfiguration | undefined {
  const value = from?.[field];
  return typeof value === 'object' && value !== null ? (value as LiveConfiguration) : undefined;
}

function textAt(live: LiveConfiguration, section: string, field: string): string | undefined {
  return textOf(recordAt(live, section)?.[field]);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function textsAt(live: LiveConfiguration, section: string, field: string): readonly string[] {
  const value = recordAt(live, section)?.[field];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
