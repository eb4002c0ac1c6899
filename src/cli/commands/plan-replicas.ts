import type { Command } from 'commander';
import { invalidOption, readOutput } from '../host-options.ts';
import { print } from '../offline/printed.ts';
import { readText } from '../offline/read-text.ts';
import { addPlanRolloutCommand } from './plan-rollout.ts';

export interface PlanFlags {
  readonly filename?: string;
  readonly clusters?: string;
  readonly current?: string;
  readonly capacity?: string;
  readonly key?: string;
  readonly output?: string;
  readonly batch?: boolean;
}

const examples = `
Examples:
  hansa plan replicas -f preference.yaml --clusters A,B,C
  hansa plan replicas -f preference.yaml --clusters A,B,C --current A=3,B=6 --capacity A=5 -o json
  hansa plan replicas --batch -f cases.json

--current says what runs already: it stays where it is unless the preference has "rebalance: true".
--capacity says what a cluster can run at most; without it there is no bound.
--key breaks ties between clusters of equal weight, as the controller does by the target's namespace and name.
"overflow" is what a cluster was due beyond its capacity.`;

/** `hansa plan`: what the planners would decide, worked out without any cluster. */
export function addPlanCommand(program: Command): void {
  const plan = program.command('plan').description('show offline what would be decided');
  addPlanRolloutCommand(plan);
  plan
    .command('replicas')
    .description('divide the replicas of a ReplicaSchedulingPreference over clusters, and say why')
    .option(
      '-f, --filename <file>',
      'YAML or JSON with one ReplicaSchedulingPreference; - for standard input',
    )
    .option('--clusters <names>', 'the ready clusters, with commas between them')
    .option('--current <counts>', 'replicas that run now, such as A=3,B=6')
    .option('--capacity <counts>', 'most that a cluster can run, such as A=5')
    .option('--key <namespace/name>', "what breaks ties (default: the preference's namespace and name)")
    .option('-o, --output <format>', 'json or yaml (default: a table with the reasons)')
    .option('--batch', 'answer a JSON array of cases, one line of JSON each')
    .addHelpText('after', examples)
    .action(async (flags: PlanFlags) => {
      const format = readOutput(flags.output, ['json', 'yaml']);
      if (flags.batch) {
        const { runBatch } = await import('../offline/run-batch.ts');
        print(runBatch(await readText(flags.filename ?? '-')));
        return;
      }
      if (flags.filename === undefined)
        throw invalidOption('name the file with -f FILE, or -f - for standard input');
      const [{ runPlan }, { readCounts, readMembers }] = await Promise.all([
        import('../offline/run-plan.ts'),
        import('../offline/cluster-flags.ts'),
      ]);
      const clusters = readMembers(flags.clusters).map(({ name }) => name);
      const options = {
        clusters,
        currentReplicas: readCounts('--current', flags.current, clusters),
        estimatedCapacity: readCounts('--capacity', flags.capacity, clusters),
        key: flags.key,
        format,
      };
      print(runPlan({ text: await readText(flags.filename), ...options }));
    });
}
