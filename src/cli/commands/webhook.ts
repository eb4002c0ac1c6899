import type { Command } from 'commander';
import { flagOf, variableOf } from '../../main/controller-options.ts';
import { readWebhookOptions, webhookOptionHelp } from '../../main/webhook-options.ts';

/** `hansa webhook`: the webhook of Gated rollouts as a process of its own, until SIGINT or SIGTERM. */
export function addWebhookCommand(program: Command): void {
  const command = program
    .command('webhook')
    .description('serve the webhook that holds back new pods of Gated rollouts, without the control plane')
    .addHelpText('after', '\nEach flag can be given as an environment variable too; the flag wins.');
  for (const [key, { value, text }] of Object.entries(webhookOptionHelp)) {
    command.option(`${flagOf(key)} ${value}`, `${text} [${variableOf(key)}]`);
  }
  command.action(async (flags: Record<string, unknown>) => {
    const options = readWebhookOptions(flags, process.env);
    const { runWebhookProcess } = await import('../../main/run-webhook-process.ts');
    process.exitCode = await runWebhookProcess(options);
  });
}
