#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { HansaError, messageOf } from '../base/index.ts';
import { addBundleCommand } from './commands/bundle.ts';
import { addCertsCommand } from './commands/certs.ts';
import { addClusterCommand } from './commands/cluster.ts';
import { addControllerCommand } from './commands/controller.ts';
import { addCreateCommand } from './commands/create.ts';
import { addDeleteCommand } from './commands/delete.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDescribeCommand } from './commands/describe.ts';
import { addGetCommand } from './commands/get.ts';
import { addInstallCommand } from './commands/install.ts';
import { addJoinCommand } from './commands/join.ts';
import { addPivotCommand } from './commands/pivot.ts';
import { addPlanCommand } from './commands/plan-replicas.ts';
import { addRenderCommand } from './commands/render.ts';
import { addRolloutCommand } from './commands/rollout.ts';
import { addSandboxCommand } from './commands/sandbox.ts';
import { addShortForms } from './commands/short-forms.ts';
import { addUnjoinCommand } from './commands/unjoin.ts';
import { addVersionCommand } from './commands/version.ts';
import { addWebhookCommand } from './commands/webhook.ts';

const program = new Command('hansa')
  .description(
    'Makes many Kubernetes clusters work as one: spreads Federated* objects and replicas over them.',
  )
  .showHelpAfterError('(add --help for the options)')
  .configureOutput({ outputError: (text, write) => write(text) })
  .exitOverride();

addInstallCommand(program);
addJoinCommand(program);
addUnjoinCommand(program);
addGetCommand(program);
addDescribeCommand(program);
addRenderCommand(program);
addPlanCommand(program);
addRolloutCommand(program);
addClusterCommand(program);
addCertsCommand(program);
addPivotCommand(program);
addBundleCommand(program);
addControllerCommand(program);
addWebhookCommand(program);
addSandboxCommand(program);
addDemoCommand(program);
addVersionCommand(program);
addCreateCommand(program);
addDeleteCommand(program);
addShortForms(program);

/** 0 done, 1 it failed, 2 the command line is wrong. */
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof HansaError) {
    process.stderr.write(`hansa: ${messageOf(error)}\n`);
    return error.reason === 'InvalidOption' ? 2 : 1;
  }
  // Not foreseen: the stack is what a bug report needs.
  process.stderr.write(`hansa: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
