import type { Command } from 'commander';
import { invalidOption, readOutput } from '../host-options.ts';
import { print } from '../offline/printed.ts';
import { readText } from '../offline/read-text.ts';

export interface RenderFlags {
  readonly filename?: string;
  readonly clusters?: string;
  readonly labels?: readonly string[];
  readonly namespace?: string;
  readonly output?: string;
  readonly batch?: boolean;
}

const examples = `
Examples:
  hansa render -f web.yaml --clusters A,B
  hansa render -f web.yaml --clusters A,B -l A:region=eu,B:region=us -o json
  cat web.yaml | hansa render -f - --clusters A,B,C -l region=eu
  hansa render --batch -f cases.json

-l gives clusters the labels that a clusterSelector looks at: CLUSTER:KEY=VALUE for one, KEY=VALUE for all.
The input may hold several documents. A FederatedNamespace limits the objects in it, and a
ReplicaSchedulingPreference changes its target, as they would on the host.
Each cluster's object is a document of its own, with the cluster in the annotation hansa.dev/cluster, which members
don't get. With -o json a document is a line.
The exit code is 1 when something could not be rendered; the rest is printed all the same.`;

/** `hansa render`: what each member would get, worked out without any cluster. */
export function addRenderCommand(program: Command): void {
  program
    .command('render')
    .description('show offline what each cluster would get')
    .option('-f, --filename <file>', 'YAML or JSON with federated objects; - for standard input')
    .option('--clusters <names>', 'the clusters there are, with commas between them')
    .option('-l, --labels <labels>', 'labels of the clusters; may be repeated', appendTo)
    .option('-n, --namespace <namespace>', 'namespace of objects that name none', 'default')
    .option('-o, --output <format>', 'yaml or json (default: yaml)')
    .option('--batch', 'answer a JSON array of cases, one line of JSON each')
    .addHelpText('after', examples)
    .action(async (flags: RenderFlags) => {
      const format = readOutput(flags.output, ['yaml', 'json']) ?? 'yaml';
      if (flags.batch) {
        const { runBatch } = await import('../offline/run-batch.ts');
        print(runBatch(await readText(flags.filename ?? '-')));
        return;
      }
      if (flags.filename === undefined)
        throw invalidOption('name the file with -f FILE, or -f - for standard input');
      const [{ runRender }, { readMembers }] = await Promise.all([
        import('../offline/run-render.ts'),
        import('../offline/cluster-flags.ts'),
      ]);
      const members = readMembers(flags.clusters, flags.labels);
      const { namespace = 'default' } = flags;
      print(runRender({ text: await readText(flags.filename), members, namespace, format }));
    });
}

function appendTo(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
