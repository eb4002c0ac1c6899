import type { Command } from 'commander';
import { readOutput } from '../host-options.ts';

export interface ClusterFlags {
  readonly state?: string;
  readonly passphraseFile?: string;
  readonly namespace?: string;
  readonly output?: string;
}

export interface ApplyFlags extends ClusterFlags {
  readonly filename?: string;
  readonly bundle?: string;
  readonly publicKey?: string;
  readonly allowUnsigned?: boolean;
  readonly acceptHostKeys?: boolean;
  readonly yes?: boolean;
}

export interface KubeconfigFlags extends ClusterFlags {
  readonly to?: string;
}

export interface StatusFlags extends ClusterFlags {
  readonly verbose?: boolean;
}

/** `hansa cluster`: machines into clusters, from a file and over SSH. */
export function addClusterCommand(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('make kubeadm clusters of bare machines over SSH, and keep them well');
  addPlan(cluster);
  addApply(cluster);
  addStatus(cluster);
  addKubeconfig(cluster);
  addDelete(cluster);
}

function withState(command: Command): Command {
  return command
    .option(
      '--state <file>',
      'state file with all clusters (default: HANSA_STATE, else below ~/.local/state)',
    )
    .option(
      '--passphrase-file <file>',
      'file with the passphrase that seals its secrets (or HANSA_STATE_PASSPHRASE)',
    );
}

function withMachines(command: Command): Command {
  return withState(command)
    .option('--bundle <path>', 'bundle with programs and images: a tar, or a directory laid out like one')
    .option('--public-key <key>', 'key that the bundle must be signed with: ed25519:… or a PEM file')
    .option('--allow-unsigned', 'take a bundle whose maker is not known')
    .option(
      '--accept-host-keys',
      'trust machines that nobody knows once, and keep their keys (default: ask at a terminal, else refuse)',
    );
}

function addPlan(cluster: Command): void {
  withMachines(cluster.command('plan [name]'))
    .description('look at all machines, and show every step that apply would do, with its reason')
    .option(
      '-f, --filename <file>',
      'YAML with KubeCluster, KubeMachines and Secrets; absent: what was applied last',
    )
    .option('-n, --namespace <namespace>', 'of the cluster, where two have its name')
    .option('-o, --output <format>', 'json or yaml')
    .action(async (name: string | undefined, flags: ApplyFlags) => {
      readOutput(flags.output, ['json', 'yaml']);
      const { runClusterPlan } = await import('../cluster/run-plan.ts');
      process.exitCode = await runClusterPlan(name, flags);
    });
}

function addApply(cluster: Command): void {
  withMachines(cluster.command('apply [name]'))
    .description(
      'bring the clusters of a file to what it says; again at any time, also after an interruption',
    )
    .option(
      '-f, --filename <file>',
      'YAML with KubeCluster, KubeMachines and Secrets; absent: what was applied last',
    )
    .option('-n, --namespace <namespace>', 'of the cluster, where two have its name')
    .option('-y, --yes', 'agree to steps that take data or machines away')
    .option('-o, --output <format>', 'json')
    .action(async (name: string | undefined, flags: ApplyFlags) => {
      readOutput(flags.output, ['json']);
      const { runClusterApply } = await import('../cluster/run-apply.ts');
      process.exitCode = await runClusterApply(name, flags);
    });
}

function addStatus(cluster: Command): void {
  withState(cluster.command('status [name]'))
    .description(
      'the clusters that are kept; with a name: its machines, etcd, nodes and certificates as they are now',
    )
    .option('-n, --namespace <namespace>', 'of the cluster, where two have its name')
    .option('-v, --verbose', 'facts of each machine too')
    .option('-o, --output <format>', 'json or yaml')
    .action(async (name: string | undefined, flags: StatusFlags) => {
      readOutput(flags.output, ['json', 'yaml']);
      const { runClusterStatus } = await import('../cluster/run-status.ts');
      process.exitCode = await runClusterStatus(name, flags);
    });
}

function addKubeconfig(cluster: Command): void {
  withState(cluster.command('kubeconfig <name>'))
    .description("print the cluster's kubeconfig")
    .option('-n, --namespace <namespace>', 'of the cluster, where two have its name')
    .option('--to <file>', 'write it there, readable by you alone')
    .action(async (name: string, flags: KubeconfigFlags) => {
      const { runClusterKubeconfig } = await import('../cluster/run-kubeconfig.ts');
      await runClusterKubeconfig(name, flags);
    });
}

function addDelete(cluster: Command): void {
  withState(cluster.command('delete <name>'))
    .description(
      'let go of a cluster: its machines are reset, or left as they are, as spec.deletionPolicy says',
    )
    .option('-n, --namespace <namespace>', 'of the cluster, where two have its name')
    .option('-y, --yes', 'agree to it')
    .option('-o, --output <format>', 'json')
    .action(async (name: string, flags: ApplyFlags) => {
      readOutput(flags.output, ['json']);
      const { runClusterDelete } = await import('../cluster/run-delete.ts');
      process.exitCode = await runClusterDelete(name, flags);
    });
}
