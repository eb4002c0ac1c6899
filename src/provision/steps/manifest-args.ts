import { parse, stringify } from 'yaml';
import { HansaError, isJsonObject, type Json, type JsonObject } from '../../base/index.ts';
import type { NamedArgument } from '../plan/cluster-spec.ts';
import { withField } from './configuration-fields.ts';
import type { StaticPod } from './static-pods.ts';

/** How the arguments of one static pod shall change. */
export interface ArgsChange {
  readonly pod: StaticPod;
  /** With these values. */
  readonly set: readonly NamedArgument[];
  /** No longer with these; kubeadm's own value comes back where it has one. */
  readonly removed: readonly NamedArgument[];
}

/** Reads a step's `inputs.changes`. @throws HansaError PlanInvalid */
export function readChanges(inputs: Readonly<Record<string, unknown>>): readonly ArgsChange[] {
  const { changes } = inputs;
  if (Array.isArray(changes)) return changes as readonly ArgsChange[];
  throw new HansaError('a step that changes arguments lacks its changes: the plan is wrong', {
    reason: 'PlanInvalid',
    retry: 'never',
  });
}

/** What is not yet so in a manifest, as arguments; empty: nothing. */
export function differencesIn(manifest: string, { set, removed }: ArgsChange): readonly string[] {
  const command = new Set(commandOf(manifest));
  return [
    ...set.map(flagOf).filter((flag) => !command.has(flag)),
    ...removed
      .map(flagOf)
      .filter((flag) => command.has(flag))
      .map((flag) => `no ${flag}`),
  ];
}

const sections: Readonly<Record<Exclude<StaticPod, 'etcd'>, string>> = {
  'kube-apiserver': 'apiServer',
  'kube-controller-manager': 'controllerManager',
  'kube-scheduler': 'scheduler',
};

/** The ClusterConfiguration with an argument's change in it; kubeadm makes manifests from that. */
export function configurationWith(configuration: JsonObject, change: ArgsChange): JsonObject {
  if (change.pod !== 'etcd') {
    const section = sections[change.pod];
    const inner = configuration[section];
    return withField(
      configuration,
      section,
      'extraArgs',
      mergedArgs(isJsonObject(inner) ? inner.extraArgs : undefined, change),
    );
  }
  const etcd = isJsonObject(configuration.etcd) ? configuration.etcd : {};
  const local = isJsonObject(etcd.local) ? etcd.local : undefined;
  return local
    ? { ...configuration, etcd: withField(etcd, 'local', 'extraArgs', mergedArgs(local.extraArgs, change)) }
    : configuration;
}

/** Whether a ClusterConfiguration has a change already: it keeps what it was told, without kubeadm's defaults. */
export function hasChange(configuration: JsonObject, { pod, set, removed }: ArgsChange): boolean {
  const { etcd } = configuration;
  const section =
    pod === 'etcd' ? (isJsonObject(etcd) ? etcd.local : undefined) : configuration[sections[pod]];
  const args =
    isJsonObject(section) && Array.isArray(section.extraArgs) ? (section.extraArgs as readonly Json[]) : [];
  const flags = new Set(
    args.map((argument) => (isJsonObject(argument) ? flagOf(argument as unknown as NamedArgument) : '')),
  );
  return set.every((one) => flags.has(flagOf(one))) && !removed.some((one) => flags.has(flagOf(one)));
}

/**
 * A manifest with its arguments changed by hand. For etcd only: kubeadm would write a manifest whose `initial-cluster`
 * names this member alone, and that turns into an empty cluster of its own should the disk ever be lost.
 */
export function manifestWith(manifest: string, { set, removed }: ArgsChange): string {
  const pod = parse(manifest) as { spec: { containers: { command: string[] }[] } };
  const container = pod.spec.containers[0];
  if (!container) throw noCommand();
  const names = new Set([...set, ...removed].map(({ name }) => name));
  container.command = [
    ...container.command.filter((argument) => !names.has(/^--([^=]+)/.exec(argument)?.[1] ?? '')),
    ...set.map(flagOf),
  ];
  return stringify(pod);
}

function mergedArgs(old: Json | undefined, { set, removed }: ArgsChange): Json {
  const names = new Set([...set, ...removed].map(({ name }) => name));
  const kept = Array.isArray(old) ? (old as readonly Json[]) : [];
  return [
    ...kept.filter(
      (argument) =>
        !(isJsonObject(argument) && typeof argument.name === 'string' && names.has(argument.name)),
    ),
    ...set.map(({ name, value }) => ({ name, value })),
  ];
}

function commandOf(manifest: string): readonly string[] {
  const pod = parse(manifest) as { spec?: { containers?: { command?: string[] }[] } } | null;
  const command = pod?.spec?.containers?.[0]?.command;
  if (command) return command;
  throw noCommand();
}

function flagOf({ name, value }: NamedArgument): string {
  return `--${name}=${value}`;
}

function noCommand(): HansaError {
  return new HansaError('the manifest of a static pod has no command: was it written by kubeadm?', {
    reason: 'ManifestUnreadable',
    retry: 'never',
  });
}
