import type { Command } from 'commander';
import { hansaVersion } from '../../main/version.ts';

export function addVersionCommand(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .option('-o, --output <format>', 'json')
    .action(({ output }: { output?: string }) => {
      const version = { hansa: hansaVersion, node: process.version };
      process.stdout.write(
        output === 'json'
          ? `${JSON.stringify(version)}\n`
          : `hansa ${version.hansa} (node ${version.node})\n`,
      );
    });
}
