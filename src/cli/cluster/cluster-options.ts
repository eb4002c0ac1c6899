import type { Command } from 'commander';
import { addFederationOptions, type FederationFlags } from './federation.ts';
import { addStateOptions, type StateFlags } from './state-place.ts';

/** Options of each command that works on clusters of the state file. */
export interface ClusterFlags extends StateFlags {
  readonly namespace?: string;
  readonly output?: string;
}

/** Of commands that reach machines, and may install programs on them. */
export interface MachineFlags extends FederationFlags {
  readonly bundle?: string;
  readonly publicKey?: string;
  readonly allowUnsigned?: boolean;
  readonly acceptHostKeys?: boolean;
}

/** Of commands that change machines or clusters. */
export interface WorkFlags extends ClusterFlags, MachineFlags {
  readonly yes?: boolean;
  readonly forgetUnreachable?: readonly string[];
}

export interface ApplyFlags extends WorkFlags {
  readonly filename?: string;
}

export function addNamespaceOption(command: Command): Command {
  return command.option('-n, --namespace <namespace>', 'of the cluster, where two have its name');
}

export function addHostKeyOption(command: Command): Command {
  return command.option(
    '--accept-host-keys',
    'trust machines that nobody knows once, and keep their keys (default: refuse them)',
  );
}

export function addMachineOptions(command: Command): Command {
  return addHostKeyOption(
    addFederationOptions(addStateOptions(command))
      .option('--bundle <path>', 'bundle with programs and images: a tar, or a directory laid out like one')
      .option('--public-key <key>', 'key that the bundle must be signed with: ed25519:… or a PEM file')
      .option('--allow-unsigned', 'take a bundle whose maker is not known'),
  );
}

export function addForgetOption(command: Command): Command {
  return command.option(
    '--forget-unreachable <machine>',
    'this machine is switched off for good and may be forgotten without a reset; may be repeated',
    collect,
    [],
  );
}

export function addConsentOption(command: Command): Command {
  return command.option(
    '-y, --yes',
    "agree to steps that take data or machines away (default: ask for the cluster's name at a terminal)",
  );
}

export function addOutputOption(command: Command, formats: string): Command {
  return command.option('-o, --output <format>', formats);
}

/** For options that may be repeated. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
