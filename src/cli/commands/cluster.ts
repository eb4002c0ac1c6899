import type { Command } from 'commander';
import {
  addConsentOption,
  addForgetOption,
  addMachineOptions,
  addNamespaceOption,
  addOutputOption,
  type ApplyFlags,
} from '../cluster/cluster-options.ts';
import { addFederationOptions } from '../cluster/federation.ts';
import type { DeleteFlags } from '../cluster/run-delete.ts';
import type { KubeconfigFlags } from '../cluster/run-kubeconfig.ts';
import type { StatusFlags } from '../cluster/run-status.ts';
import { addStateOptions } from '../cluster/state-place.ts';
import { readOutput } from '../host-options.ts';
import { addClusterDayTwo } from './cluster-day-two.ts';

/** `hansa cluster`: machines into clusters, from a file and over SSH. */
export function addClusterCommand(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('make kubeadm clusters of bare machines over SSH, and keep them well');
  addPlan(cluster);
  addApply(cluster);
  addStatus(cluster);
  addKubeconfig(cluster);
  addClusterDayTwo(cluster);
  addDelete(cluster);
}

function addFileOption(command: Command): Command {
  return command.option(
    '-f, --filename <file>',
    'YAML with KubeCluster, KubeMachines and Secrets; absent: what was applied last',
  );
}

function addPlan(cluster: Command): void {
  const command = addFileOption(addMachineOptions(cluster.command('plan [name]')));
  addOutputOption(addForgetOption(addNamespaceOption(command)), 'json or yaml')
    .description('look at all machines, and show every step that apply would do, with its reason')
    .action(async (name: string | undefined, flags: ApplyFlags) => {
      readOutput(flags.output, ['json', 'yaml']);
      const { runClusterPlan } = await import('../cluster/run-plan.ts');
      process.exitCode = await runClusterPlan(name, flags);
    });
}

function addApply(cluster: Command): void {
  const command = addFileOption(addMachineOptions(cluster.command('apply [name]')));
  addOutputOption(addConsentOption(addForgetOption(addNamespaceOption(command))), 'json')
    .description(
      'bring the clusters of a file to what it says; again at any time, also after an interruption',
    )
    .action(async (name: string | undefined, flags: ApplyFlags) => {
      readOutput(flags.output, ['json']);
      const { runClusterApply } = await import('../cluster/run-apply.ts');
      process.exitCode = await runClusterApply(name, flags);
    });
}

function addStatus(cluster: Command): void {
  const command = addNamespaceOption(addStateOptions(cluster.command('status [name]')));
  addOutputOption(command.option('-v, --verbose', 'facts of each machine too'), 'json or yaml')
    .description(
      'the clusters that are kept; with a name: machines, etcd, certificates, backups and open work, and what to do next',
    )
    .action(async (name: string | undefined, flags: StatusFlags) => {
      readOutput(flags.output, ['json', 'yaml']);
      const { runClusterStatus } = await import('../cluster/run-status.ts');
      process.exitCode = await runClusterStatus(name, flags);
    });
}

function addKubeconfig(cluster: Command): void {
  addNamespaceOption(addStateOptions(cluster.command('kubeconfig <name>')))
    .description("print the cluster's kubeconfig")
    .option('--to <file>', 'write it there, readable by you alone')
    .action(async (name: string, flags: KubeconfigFlags) => {
      const { runClusterKubeconfig } = await import('../cluster/run-kubeconfig.ts');
      await runClusterKubeconfig(name, flags);
    });
}

function addDelete(cluster: Command): void {
  addDeleteOptions(cluster.command('delete <name>'))
    .description(
      'let go of a cluster: its machines are reset, or left as they are, as spec.deletionPolicy says',
    )
    .action(deleteCluster);
}

export function addDeleteOptions(command: Command): Command {
  const own = addNamespaceOption(addFederationOptions(addStateOptions(command))).option(
    '--force',
    'forget it here, and leave its machines as they are, whatever its deletionPolicy',
  );
  return addOutputOption(addConsentOption(addForgetOption(own)), 'json');
}

export async function deleteCluster(name: string | undefined, flags: DeleteFlags): Promise<void> {
  readOutput(flags.output, ['json']);
  const { runClusterDelete } = await import('../cluster/run-delete.ts');
  process.exitCode = await runClusterDelete(name, flags);
}
