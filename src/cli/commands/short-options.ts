import type { Command } from 'commander';
import { addNamespaceOption } from '../cluster/cluster-options.ts';
import { nameFor, type VerbFlags } from '../cluster/verb-state.ts';

/** Heading in the list of commands. */
export const shortForms = 'Short forms, as cctl has them:';

export function addClusterOption(command: Command): Command {
  return command.option('--cluster <name>', 'the cluster (default: the only one of the state file)');
}

export function addKeptClusterOptions(command: Command): Command {
  return addNamespaceOption(addClusterOption(command));
}

/** Turns the action of a long form, which has the name first, into that of a short one. */
export function shortly<Flags>(
  action: (name: string | undefined, flags: Flags) => Promise<void>,
): (name: string | undefined, flags: Flags & Pick<VerbFlags, 'cluster'>) => Promise<void> {
  return (name, flags) => action(nameFor(name, flags), flags);
}
