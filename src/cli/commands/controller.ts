import type { Command } from 'commander';

import {
  controllerOptionHelp,
  flagOf,
  readControllerOptions,
  variableOf,
} from '../../main/controller-options.ts';

/** `hansa controller`: the control plane as one process, until SIGINT or SIGTERM. */
export function addControllerCommand(program: Command): void {
  const command = program
    .command('controller')
    .description('run the control plane against a host cluster')
    .addHelpText('after', '\nEach flag can be given as an environment variable too; the flag wins.');
  for (const [key, { value, text }] of Object.entries(controllerOptionHelp)) {
    command.option(`${flagOf(key)} ${value}`, `${text} [${variableOf(key)}]`);
  }
  command.action(async (flags: Record<string, unknown>) => {
    const options = readControllerOptions(flags, process.env);
    const { runControllerProcess } = await import('../../main/run-controller-process.ts');
    process.exitCode = await runControllerProcess(options);
  });
}
