import type { Command } from 'commander';
import {
  addHostNamespaceOption,
  addHostOptions,
  type HostFlags,
  interruptSignal,
  invalidOption,
  readOutput,
} from '../host-options.ts';

export interface GetFlags extends HostFlags {
  readonly hostNamespace: string;
  readonly kubefedNamespace?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly output?: string;
  readonly watch?: boolean;
}

export type GetFormat = 'wide' | 'json' | 'yaml' | 'name';

/** `hansa get`: members and federated objects, a column per state. */
export function addGetCommand(program: Command): void {
  const command = program
    .command('get [kind] [name]')
    .description('show clusters and federated objects; without a kind, all of them')
    .option('-n, --namespace <namespace>', "namespace of the objects (default: the context's)")
    .option('-A, --all-namespaces', 'objects of all namespaces')
    .option('-l, --selector <labels>', 'only objects with these labels')
    .option('-o, --output <format>', 'wide, json, yaml or name')
    .option('-w, --watch', 'stay and show changes');
  addHostNamespaceOption(addHostOptions(command), '--host-namespace <namespace>')
    .addHelpText(
      'after',
      '\nKinds: clusters, fdeploy, fcm, fns, fsecret, fsvc, rsp, rollouts, all; several with commas; KIND/NAME works as well.',
    )
    .action(async (kind: string | undefined, name: string | undefined, flags: GetFlags) => {
      const format = readOutput<GetFormat>(flags.output, ['wide', 'json', 'yaml', 'name']);
      if (flags.watch && format === 'yaml')
        throw invalidOption('--watch can be had with a table, -o name or -o json');
      const { runGet } = await import('../run-get.ts');
      await runGet({ kind, name, flags, format, signal: interruptSignal() });
    });
}
