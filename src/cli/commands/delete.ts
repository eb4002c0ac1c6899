import { type Command, Option } from 'commander';
import {
  addConsentOption,
  addForgetOption,
  addHostKeyOption,
  addOutputOption,
} from '../cluster/cluster-options.ts';
import type { DeleteMachineOptions } from '../cluster/run-delete-machine.ts';
import { addStateOptions } from '../cluster/state-place.ts';
import type { VerbFlags } from '../cluster/verb-state.ts';
import { readOutput } from '../host-options.ts';
import { addDeleteOptions, deleteCluster } from './cluster.ts';
import { addClusterOption, addKeptClusterOptions, shortForms, shortly } from './short-options.ts';

/** `hansa delete machine|cluster|credential`. */
export function addDeleteCommand(program: Command): void {
  const command = program
    .command('delete')
    .helpGroup(shortForms)
    .description('take a machine out of its cluster, let go of a cluster, or forget its credential');
  addMachine(command);
  addDeleteOptions(addClusterOption(command.command('cluster [name]')))
    .description('as "hansa cluster delete"')
    .action(shortly(deleteCluster));
  addKeptClusterOptions(addStateOptions(command.command('credential')))
    .description('forget the SSH credential of a cluster that has no machines')
    .action(async (flags: VerbFlags) => {
      const { runDeleteCredential } = await import('../cluster/run-create-credential.ts');
      await runDeleteCredential(flags);
    });
}

function addMachine(parent: Command): void {
  const command = addHostKeyOption(addKeptClusterOptions(addStateOptions(parent.command('machine [name]'))))
    .description('drain it, take it out of etcd, reset it and delete its Node')
    .option('--ip <address>', 'the machine at this address, in place of its name')
    .option('--force', 'only forget it here; its Node and its member of etcd stay')
    .option(
      '--drain-timeout <duration>',
      'time for all pods to go, such as 5m (default: as spec.rollout.drain says)',
    )
    .option('--drain-grace-period <seconds>', 'grace period of the pods; -1: their own')
    .option('--drain-delete-local-data', 'pods with emptyDir volumes go too, and lose them')
    .option('--drain-force', 'pods without a controller go too, and nobody brings them back')
    .addOption(new Option('--skip-drain-delete', 'not offered').hideHelp());
  addOutputOption(addConsentOption(addForgetOption(command)), 'json').action(
    async (name: string | undefined, flags: DeleteMachineOptions) => {
      readOutput(flags.output, ['json']);
      const { runDeleteMachine } = await import('../cluster/run-delete-machine.ts');
      process.exitCode = await runDeleteMachine(name, flags);
    },
  );
}
