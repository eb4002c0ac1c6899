import type { Command } from 'commander';
import type { RecoverFlags, RestoreFlags } from '../cluster/run-restore.ts';
import {
  addBackupOptions,
  addRecoverOptions,
  addRestoreOptions,
  addUpgradeOptions,
  backup,
  recover,
  restore,
  snapshot,
  upgrade,
} from './cluster-day-two.ts';
import { addClusterOption, shortForms, shortly } from './short-options.ts';

/** `hansa upgrade cluster`, `snapshot etcd`, `recover etcd`, `backup`, `restore`: the same as below `hansa cluster`. */
export function addShortForms(program: Command): void {
  const upgradeCommand = program
    .command('upgrade')
    .helpGroup(shortForms)
    .description('bring a cluster to another version of Kubernetes');
  addUpgradeOptions(addClusterOption(upgradeCommand.command('cluster [name]')))
    .description('as "hansa cluster upgrade": all machines, in a safe order')
    .action(shortly(upgrade));
  const snapshotCommand = program
    .command('snapshot')
    .helpGroup(shortForms)
    .description('take a snapshot of etcd');
  addBackupOptions(addClusterOption(snapshotCommand.command('etcd [name]')))
    .description('as "hansa cluster snapshot"')
    .action(shortly(snapshot));
  addRecoverEtcd(program);
  addBackupOptions(addClusterOption(program.command('backup [name]')))
    .helpGroup(shortForms)
    .description('take a backup of a cluster: as "hansa cluster backup"')
    .action(shortly(backup));
  addRestoreOptions(addClusterOption(program.command('restore [name]')))
    .helpGroup(shortForms)
    .description('bring etcd back from a backup or a snapshot: as "hansa cluster restore"')
    .action(shortly(restore));
}

function addRecoverEtcd(program: Command): void {
  const command = program
    .command('recover')
    .helpGroup(shortForms)
    .description('bring a cluster back that has lost its quorum');
  addRecoverOptions(addClusterOption(command.command('etcd [name]')))
    .option('--snapshot <machine:path>', 'from this snapshot, as "hansa cluster restore" does')
    .description('as "hansa cluster recover": etcd goes on from what one control plane still has')
    .action(
      shortly((name, flags: RecoverFlags & RestoreFlags) =>
        flags.snapshot === undefined ? recover(name, flags) : restore(name, flags),
      ),
    );
}
