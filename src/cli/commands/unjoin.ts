import type { Command } from 'commander';
import { HansaError } from '../../base/index.ts';
import type { PropagatedChoice, UnjoinResult } from '../../members/join/index.ts';
import {
  addHostNamespaceOption,
  addHostOptions,
  addMemberOptions,
  type Host,
  interruptSignal,
  invalidOption,
  type MemberFlags,
  openHost,
  openMember,
  printData,
  readOutput,
} from '../host-options.ts';

interface UnjoinFlags extends MemberFlags {
  readonly namespace: string;
  readonly kubefedNamespace?: string;
  readonly propagated: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly output?: string;
}

const choices: readonly PropagatedChoice[] = ['keep', 'unlabel', 'delete'];

/** `hansa unjoin NAME`: lets a member go. */
export function addUnjoinCommand(program: Command): void {
  const command = program
    .command('unjoin <name>')
    .description('let a member go: takes away what its join made there and on the host');
  addHostNamespaceOption(addHostOptions(addMemberOptions(command)))
    .option(
      '--propagated <choice>',
      'objects that Hansa put there: keep them, unlabel them (they stay, unmanaged), or delete them',
      'keep',
    )
    .option('--force', "go on without a member that can't be reached")
    .option('--dry-run', 'look at everything, take nothing away')
    .option('-o, --output <format>', 'json or yaml')
    .action(async (name: string, flags: UnjoinFlags) => {
      const format = readOutput(flags.output, ['json', 'yaml']);
      const result = await run(name, flags);
      for (const warning of result.warnings) process.stderr.write(`warning: ${warning}\n`);
      if (format) await printData(result, format);
      else process.stdout.write(`${renderUnjoin(result)}\n`);
    });
}

async function run(name: string, flags: UnjoinFlags): Promise<UnjoinResult> {
  const propagated = choices.find((choice) => choice === flags.propagated);
  if (!propagated)
    throw invalidOption(`--propagated ${flags.propagated}: choose one of ${choices.join(', ')}`);
  const host = await openHost(flags);
  const member = await openIfThere(name, flags);
  const { unjoinMember } = await import('../../members/join/index.ts');
  const { systemClock } = await import('../../kube/index.ts');
  const { createProgress } = await import('../progress.ts');
  try {
    return await unjoinMember({
      name,
      hostClient: host.client,
      memberClient: member?.client,
      namespace: flags.kubefedNamespace ?? flags.namespace,
      propagated,
      force: flags.force ?? false,
      dryRun: flags.dryRun ?? false,
      clock: systemClock,
      progress: createProgress(),
      signal: interruptSignal(),
    });
  } finally {
    await Promise.all([host.client.close(), member?.client.close()]);
  }
}

/** With --force the context of a cluster that is gone for good may be gone too. */
async function openIfThere(name: string, flags: UnjoinFlags): Promise<Host | undefined> {
  try {
    return await openMember(name, flags);
  } catch (error) {
    if (flags.force && error instanceof HansaError && error.reason === 'ContextNotFound') return undefined;
    throw error;
  }
}

/** What happened, for people. */
export function renderUnjoin({ name, dryRun, removed, propagated }: UnjoinResult): string {
  const lines = removed.map((object) => `  ${object.where}: ${object.kind} ${object.name}`);
  const objects = `${propagated.objects} propagated object${propagated.objects === 1 ? '' : 's'}`;
  const about = {
    keep: 'Propagated objects stay as they are.',
    unlabel: `${objects} ${dryRun ? 'would lose' : 'lost'} the label kubefed.io/managed.`,
    delete: `${objects} ${dryRun ? 'would be' : 'were'} deleted.`,
  }[propagated.choice];
  return [
    dryRun ? `Dry run: unjoining ${name} would take away` : `${name} has left. Taken away:`,
    ...lines,
    about,
  ].join('\n');
}
