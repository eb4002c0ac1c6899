import type { Command } from 'commander';

export interface DemoFlags {
  readonly name: string;
  readonly exit?: boolean;
  readonly timeout: string;
  readonly kubernetesVersion?: string;
  readonly output?: string;
  readonly rollout?: boolean;
}

/** `hansa demo`: a host, three members and the quickstart on this machine. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description(
      'start a host and three members on this machine, spread the quickstart over them and show it',
    )
    .option(
      '--exit',
      'end after the check, with exit code 0 if the members hold what the documents say, else 1',
    )
    .option('--timeout <seconds>', 'how long it may take once the programs are there', '120')
    .option('--name <name>', 'name of the sandbox', 'demo')
    .option('--kubernetes-version <version>', 'such as 1.36 or 1.36.3')
    .option('-o, --output <format>', 'json: the result and how long each phase took')
    .option('--rollout', 'instead of the quickstart, show a stepped rollout: a bad version, then a good one')
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import('../demo/run-demo.ts');
      const scenario = flags.rollout
        ? (await import('../demo-rollout/scenario.ts')).rolloutScenario
        : undefined;
      process.exitCode = await runDemo(flags, scenario);
    });
}
