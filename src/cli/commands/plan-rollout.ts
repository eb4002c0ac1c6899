import type { Command } from 'commander';
import { invalidOption, readOutput } from '../host-options.ts';
import { print } from '../offline/printed.ts';
import { readText } from '../offline/read-text.ts';

interface PlanRolloutFlags {
  readonly filename?: string;
  readonly clusters?: string;
  readonly labels?: readonly string[];
  readonly replicas?: string;
  readonly output?: string;
  readonly batch?: boolean;
}

const examples = `
Examples:
  hansa plan rollout -f rollout.yaml --clusters eu1,us1,us2 -l eu1:region=eu -l us1:region=us -l us2:region=us
  hansa plan rollout -f rollout.yaml --clusters eu1,us1 --replicas 20
  hansa plan rollout -f rollout.yaml --clusters eu1,us1 --replicas eu1=20,us1=8 -o json
  hansa plan rollout --batch -f cases.json

NEW and OLD are pods of the new and of the old revision once the step is reached; TRAFFIC are shares in percent.`;

/** `hansa plan rollout`: what a rollout would do, before anything happens. */
export function addPlanRolloutCommand(plan: Command): void {
  plan
    .command('rollout')
    .description('show every wave, step and cluster of a Rollout, with numbers of replicas')
    .option('-f, --filename <file>', 'YAML or JSON with one Rollout; - for standard input')
    .option('--clusters <names>', 'the clusters, with commas between them')
    .option(
      '-l, --labels <label>',
      'label of all clusters (region=eu) or of one (A:region=eu); may be repeated',
      (label: string, before: readonly string[] | undefined) => [...(before ?? []), label],
    )
    .option('--replicas <number>', 'replicas of the workload, such as 20 or A=20,B=8')
    .option('-o, --output <format>', 'json or yaml (default: a table)')
    .option('--batch', 'answer a JSON array of cases, one line of JSON each')
    .addHelpText('after', examples)
    .action(async (flags: PlanRolloutFlags) => {
      const format = readOutput(flags.output, ['json', 'yaml']);
      if (flags.batch) {
        const { runRolloutBatch } = await import('../offline/rollout-batch.ts');
        print(runRolloutBatch(await readText(flags.filename ?? '-')));
        return;
      }
      if (flags.filename === undefined)
        throw invalidOption('name the file with -f FILE, or -f - for standard input');
      const [{ runPlanRollout }, { readCounts, readMembers }] = await Promise.all([
        import('../offline/plan-rollout.ts'),
        import('../offline/cluster-flags.ts'),
      ]);
      const members = readMembers(flags.clusters, flags.labels);
      const isOneNumber = flags.replicas !== undefined && /^[0-9]+$/.test(flags.replicas);
      const names = members.map(({ name }) => name);
      print(
        runPlanRollout({
          text: await readText(flags.filename),
          members,
          replicas: isOneNumber ? Number(flags.replicas) : undefined,
          replicasByCluster: isOneNumber ? {} : readCounts('--replicas', flags.replicas, names),
          format,
        }),
      );
    });
}
