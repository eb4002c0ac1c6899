import type { Command } from 'commander';
import {
  addHostNamespaceOption,
  addHostOptions,
  type HostFlags,
  interruptSignal,
  readOutput,
} from '../host-options.ts';

export interface DescribeFlags extends HostFlags {
  readonly hostNamespace: string;
  readonly kubefedNamespace?: string;
  readonly namespace?: string;
  readonly output?: string;
}

/** `hansa describe KIND NAME`: one object, cluster by cluster. */
export function addDescribeCommand(program: Command): void {
  const command = program
    .command('describe <kind> [name]')
    .description('show a federated object cluster by cluster, with message and age; or a cluster or rollout')
    .option('-n, --namespace <namespace>', "namespace of the object (default: the context's)")
    .option('-o, --output <format>', 'json or yaml');
  addHostNamespaceOption(addHostOptions(command), '--host-namespace <namespace>').action(
    async (kind: string, name: string | undefined, flags: DescribeFlags) => {
      const format = readOutput(flags.output, ['json', 'yaml']);
      const { runDescribe } = await import('../run-describe.ts');
      await runDescribe({ kind, name, flags, format, signal: interruptSignal() });
    },
  );
}
