import type { Command } from 'commander';
import {
  addConsentOption,
  addForgetOption,
  addHostKeyOption,
  addMachineOptions,
  addNamespaceOption,
  addOutputOption,
  type ClusterFlags,
  collect,
  type WorkFlags,
} from '../cluster/cluster-options.ts';
import type { BackupFlags } from '../cluster/run-backup.ts';
import type { RecoverFlags, RestoreFlags } from '../cluster/run-restore.ts';
import type { UpgradeFlags } from '../cluster/run-upgrade.ts';
import { addStateOptions } from '../cluster/state-place.ts';
import { readOutput } from '../host-options.ts';

/** What is done with a cluster that is there: the options and actions are shared with the short forms of `short-forms.ts`. */
export function addClusterDayTwo(cluster: Command): void {
  addUpgradeOptions(cluster.command('upgrade <name>'))
    .description('bring it to another version of Kubernetes, minor by minor, with a snapshot first')
    .action(upgrade);
  addReplace(cluster);
  addBackupOptions(cluster.command('backup <name>'))
    .description('take a backup now: etcd, PKI and configuration, sealed, to the place of spec.backup')
    .action(backup);
  addBackups(cluster);
  addBackupOptions(cluster.command('snapshot <name>'))
    .description(
      'the same; where spec.backup names no place, the snapshot of etcd stays on the control planes',
    )
    .action(snapshot);
  addRestoreOptions(cluster.command('restore <name>'))
    .description(
      'bring etcd back on all control planes from a backup or a snapshot; what came after it is lost',
    )
    .action(restore);
  addRecoverOptions(cluster.command('recover <name>'))
    .description('after the loss of quorum: etcd goes on from what one control plane still has')
    .action(recover);
}

export function addUpgradeOptions(command: Command): Command {
  const own = addMachineOptions(command).requiredOption(
    '--to <version>',
    'version of Kubernetes, such as 1.36.3; the bundle must have it, and one of each minor on the way',
  );
  return addOutputOption(addConsentOption(addNamespaceOption(own)), 'json');
}

export async function upgrade(name: string | undefined, flags: UpgradeFlags): Promise<void> {
  readOutput(flags.output, ['json']);
  const { runClusterUpgrade } = await import('../cluster/run-upgrade.ts');
  process.exitCode = await runClusterUpgrade(name, flags);
}

export function addBackupOptions(command: Command): Command {
  const own = addHostKeyOption(addNamespaceOption(addStateOptions(command))).option(
    '--purpose <text>',
    'kept with it (default: by request)',
  );
  return addOutputOption(own, 'json');
}

export async function backup(name: string | undefined, flags: BackupFlags): Promise<void> {
  readOutput(flags.output, ['json']);
  const { runClusterBackup } = await import('../cluster/run-backup.ts');
  process.exitCode = await runClusterBackup(name, flags);
}

export async function snapshot(name: string | undefined, flags: BackupFlags): Promise<void> {
  readOutput(flags.output, ['json']);
  const { runClusterSnapshot } = await import('../cluster/run-backup.ts');
  process.exitCode = await runClusterSnapshot(name, flags);
}

function addBackups(cluster: Command): void {
  addOutputOption(
    addNamespaceOption(addStateOptions(cluster.command('backups <name>'))),
    'json, yaml or name',
  )
    .description('list its backups, newest first; no machine is asked')
    .action(async (name: string, flags: ClusterFlags) => {
      readOutput(flags.output, ['json', 'yaml', 'name']);
      const { runClusterBackups } = await import('../cluster/run-backups.ts');
      process.exitCode = await runClusterBackups(name, flags);
    });
}

export function addRestoreOptions(command: Command): Command {
  return addLossOptions(
    command
      .option('--from <backup>', 'name of a backup, as "hansa cluster backups" lists it, or latest')
      .option('--snapshot <machine:path>', 'snapshot that lies on a control plane'),
  );
}

export async function restore(name: string | undefined, flags: RestoreFlags): Promise<void> {
  readOutput(flags.output, ['json']);
  const { runClusterRestore } = await import('../cluster/run-restore.ts');
  process.exitCode = await runClusterRestore(name, flags);
}

export function addRecoverOptions(command: Command): Command {
  return addLossOptions(
    command.option(
      '--machine <machine>',
      'control plane to go on from (default: the one whose data is furthest)',
    ),
  );
}

export async function recover(name: string | undefined, flags: RecoverFlags): Promise<void> {
  readOutput(flags.output, ['json']);
  const { runClusterRecover } = await import('../cluster/run-restore.ts');
  process.exitCode = await runClusterRecover(name, flags);
}

/** Of what puts etcd back: a machine that may still run must be known to be off. */
function addLossOptions(command: Command): Command {
  const own = addStateOptions(command).option(
    '--without <machine>',
    'this control plane is lost for certain: switched off, or its disk gone; may be repeated',
    collect,
    [],
  );
  return addOutputOption(addConsentOption(addHostKeyOption(addNamespaceOption(own))), 'json');
}

function addReplace(cluster: Command): void {
  const command = addMachineOptions(cluster.command('replace <name> <machine>'));
  addOutputOption(addConsentOption(addForgetOption(addNamespaceOption(command))), 'json')
    .description('take a machine out of the cluster, reset it, and let it join anew')
    .action(async (name: string, machine: string, flags: WorkFlags) => {
      readOutput(flags.output, ['json']);
      const { runClusterReplace } = await import('../cluster/run-replace.ts');
      process.exitCode = await runClusterReplace(name, machine, flags);
    });
}
