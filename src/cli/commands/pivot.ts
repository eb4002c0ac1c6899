import { type Command, Option } from 'commander';
import { addStateOptions, type StateFlags } from '../cluster/state-place.ts';
import { addHostOptions, type HostFlags, readOutput } from '../host-options.ts';

export interface PivotFlags extends StateFlags, HostFlags {
  readonly hostKubeconfig?: string;
  readonly namespace?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly hostIsLost?: boolean;
  readonly output?: string;
}

/** `hansa pivot`: a cluster changes its home, between the state file and a host with a controller. */
export function addPivotCommand(program: Command): void {
  const pivot = program
    .command('pivot')
    .description('move clusters between the state file and a host, where a controller keeps them');
  addDirection(pivot.command('to-host [name...]'))
    .description(
      'from the state file to KubeClusters on a host; again at any time, also after an interruption',
    )
    .option('--all', 'every cluster of the state file')
    .action((names: string[], flags: PivotFlags) => run('to-host', names, flags));
  addDirection(pivot.command('to-file <name...>'))
    .description('from a host to the state file; again at any time, also after an interruption')
    .option(
      '--host-is-lost',
      "the host is gone for good: take the state file's own copy, as it was when the cluster moved away",
    )
    .action((names: string[], flags: PivotFlags) => run('to-file', names, flags));
}

function addDirection(command: Command): Command {
  return addHostOptions(addStateOptions(command))
    .addOption(new Option('--host-kubeconfig <file>', 'as --kubeconfig').hideHelp())
    .option('-n, --namespace <namespace>', 'of the cluster, where two have its name')
    .option('--dry-run', 'look at everything, change nothing')
    .option('-o, --output <format>', 'json');
}

async function run(
  direction: 'to-host' | 'to-file',
  names: readonly string[],
  flags: PivotFlags,
): Promise<void> {
  readOutput(flags.output, ['json']);
  const { runPivot } = await import('../pivot/run-pivot.ts');
  process.exitCode = await runPivot(direction, names, flags);
}
