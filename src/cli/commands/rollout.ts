import type { Command } from 'commander';
import { addHostOptions, type HostFlags, invalidOption, readOutput } from '../host-options.ts';

export interface RolloutFlags extends HostFlags {
  readonly namespace?: string;
}

export interface ListFlags extends RolloutFlags {
  readonly allNamespaces?: boolean;
  readonly output?: string;
}

export interface StatusFlags extends RolloutFlags {
  readonly watch?: boolean;
  readonly stay?: boolean;
  readonly timeout?: string;
  readonly output?: string;
}

export interface ApplyFlags extends RolloutFlags {
  readonly filename: string;
  readonly kustomize?: string;
  readonly oci?: string;
  readonly manifests?: readonly string[];
  readonly forceConflicts?: boolean;
  readonly dryRun?: boolean;
  readonly output?: string;
}

interface OutputFlags extends RolloutFlags {
  readonly output?: string;
}

interface PromoteFlags extends RolloutFlags {
  readonly gate?: string;
  readonly full?: boolean;
}

interface UndoFlags extends RolloutFlags {
  readonly to?: string;
  readonly toNumber?: string;
}

const examples = `
Examples:
  hansa rollout apply -f web.yaml -k overlays/production
  hansa rollout status web -w --timeout 30m
  hansa rollout promote web
  hansa rollout abort web --reason "checkout fails, INC-12"
  hansa rollout undo web`;

const exitCodesHelp = `
Exit codes, with -w:
  0    completed: every cluster has the newest revision
  1    failed, taken back or impossible (or the command itself failed)
  2    the command line is wrong
  3    paused, blocked or waiting for approval: a person must say something; --stay waits on
  124  --timeout is over; the rollout goes on
Without -w it prints once, and the code is 0 whatever the rollout does.`;

/** `hansa rollout`: changes that go through clusters in waves and steps. */
export function addRolloutCommand(program: Command): void {
  const rollout = program
    .command('rollout')
    .description('show and steer rollouts: changes that go through clusters in waves and steps')
    .addHelpText('after', examples);
  addShowing(rollout);
  addSteering(rollout);
  addRevisions(rollout);
  addApply(rollout);
}

/** A verb on one Rollout, or on those of a namespace. */
function verb(rollout: Command, words: string, description: string): Command {
  const command = rollout
    .command(words)
    .description(description)
    .option('-n, --namespace <namespace>', "namespace of the rollout (default: the context's)");
  return addHostOptions(command);
}

function addShowing(rollout: Command): void {
  verb(rollout, 'list', 'list rollouts')
    .alias('ls')
    .option('-A, --all-namespaces', 'rollouts of all namespaces')
    .option('-o, --output <format>', 'wide, json or yaml')
    .action(async (flags: ListFlags) => {
      const format = readOutput(flags.output, ['wide', 'json', 'yaml']);
      if (flags.allNamespaces && flags.namespace !== undefined) throw invalidOption('-n and -A: choose one');
      const { runList } = await import('../rollout/run-list.ts');
      await runList({ flags, format });
    });
  verb(rollout, 'status <name>', 'show one rollout: waves, clusters, gates, and what it waits for')
    .option(
      '-w, --watch',
      'stay until it is over or waits for a person: live on a terminal, else a line a change',
    )
    .option('--stay', 'with -w: stay while it waits for a person, too')
    .option('--timeout <duration>', 'with -w: give up after this long, such as 10m')
    .option('-o, --output <format>', 'json; with -w one line a change')
    .addHelpText('after', exitCodesHelp)
    .action(async (name: string, flags: StatusFlags) => {
      const format = readOutput(flags.output, ['json']);
      if (!flags.watch && (flags.timeout !== undefined || flags.stay))
        throw invalidOption('--timeout and --stay go with -w');
      const [{ runStatus }, { readDuration }] = await Promise.all([
        import('../rollout/run-status.ts'),
        import('../rollout/duration-text.ts'),
      ]);
      await runStatus({ name, flags, format, timeoutMs: readDuration('--timeout', flags.timeout) });
    });
}

function addSteering(rollout: Command): void {
  verb(rollout, 'promote <name>', 'let go on what waits for a person, or what a gate holds up')
    .option('--gate <key>', 'this gate or pause alone, as the status names it')
    .option('--full', 'everything that is left: no more pauses, gates and soaks in this run')
    .action(async (name: string, flags: PromoteFlags) => {
      if (flags.full && flags.gate !== undefined) throw invalidOption('--gate and --full: choose one');
      const [{ runVerb }, { promote }] = await Promise.all([
        import('../rollout/run-verb.ts'),
        import('../rollout/promote.ts'),
      ]);
      await runVerb(name, flags, async ({ now, by }) =>
        promote({ gate: flags.gate, full: flags.full ?? false, now, by: await by() }),
      );
    });
  verb(rollout, 'pause <name>', 'stop where it is; what serves goes on serving').action(
    async (name: string, flags: RolloutFlags) => {
      const [{ runVerb }, { pause }] = await Promise.all([
        import('../rollout/run-verb.ts'),
        import('../rollout/pause.ts'),
      ]);
      await runVerb(name, flags, () => pause);
    },
  );
  verb(rollout, 'resume <name>', 'go on after "pause"').action(async (name: string, flags: RolloutFlags) => {
    const [{ runVerb }, { resume }] = await Promise.all([
      import('../rollout/run-verb.ts'),
      import('../rollout/pause.ts'),
    ]);
    await runVerb(name, flags, () => resume);
  });
  verb(rollout, 'abort <name>', 'take the revision under way back everywhere, what served before first')
    .option('--reason <words>', 'why, for those who read it later')
    .action(async (name: string, flags: RolloutFlags & { readonly reason?: string }) => {
      const [{ runVerb }, { abort }] = await Promise.all([
        import('../rollout/run-verb.ts'),
        import('../rollout/abort.ts'),
      ]);
      await runVerb(name, flags, async ({ by }) => abort({ reason: flags.reason, by: await by() }));
    });
  verb(rollout, 'retry <name>', 'start a revision again that failed, stopped or was taken back').action(
    async (name: string, flags: RolloutFlags) => {
      const [{ runVerb }, { retry }] = await Promise.all([
        import('../rollout/run-verb.ts'),
        import('../rollout/retry.ts'),
      ]);
      await runVerb(name, flags, ({ now }) => retry(now));
    },
  );
  verb(
    rollout,
    'set-step <name> <step>',
    'go to a step, forward or back, and stay; "end" goes on to the last',
  )
    .addHelpText('after', '\nSTEP is a number from 0, the name of a step, or "end".')
    .action(async (name: string, step: string, flags: RolloutFlags) => {
      const [{ runVerb }, { setStep }] = await Promise.all([
        import('../rollout/run-verb.ts'),
        import('../rollout/set-step.ts'),
      ]);
      await runVerb(name, flags, () => setStep(step));
    });
}

function addRevisions(rollout: Command): void {
  verb(rollout, 'undo <name>', 'roll an older revision out again, through all steps')
    .option('--to <revision>', 'hash of the revision, or its beginning (default: the one before)')
    .option('--to-number <number>', 'number of the revision, as history shows it')
    .action(async (name: string, flags: UndoFlags) => {
      const { to: revision, toNumber } = flags;
      if (revision !== undefined && toNumber !== undefined)
        throw invalidOption('--to and --to-number: choose one');
      if (toNumber !== undefined && !/^[1-9]\d*$/.test(toNumber))
        throw invalidOption(`--to-number ${toNumber}: write a number from 1`);
      const [{ runVerb }, { undo }, { listRevisions }, { clearSpentUndo }] = await Promise.all([
        import('../rollout/run-verb.ts'),
        import('../rollout/undo.ts'),
        import('../rollout/read-rollout.ts'),
        import('../rollout/spent-undo.ts'),
      ]);
      const wish = { revision, number: toNumber === undefined ? undefined : Number(toNumber) };
      await runVerb(name, flags, async ({ context, ref }) => {
        const revisions = await listRevisions(context.host.client, ref, context.call);
        await clearSpentUndo(context.host.client, ref, context.call);
        return undo(wish, revisions);
      });
    });
  verb(rollout, 'history <name>', 'list the runs of a rollout and what came of them')
    .option('-o, --output <format>', 'json or yaml')
    .action(async (name: string, flags: OutputFlags) => {
      const format = readOutput(flags.output, ['json', 'yaml']);
      const { runHistory } = await import('../rollout/run-history.ts');
      await runHistory({ name, flags, format });
    });
  verb(rollout, 'diff <name> [revisions...]', 'compare two revisions; data of Secrets is hidden')
    .addHelpText(
      'after',
      '\nWithout revisions: the one that clusters come from with the one they go to. Revisions are hashes, their beginnings, or numbers.',
    )
    .action(async (name: string, revisions: readonly string[], flags: RolloutFlags) => {
      const { runDiff } = await import('../rollout/run-diff.ts');
      await runDiff({ name, revisions, flags });
    });
}

function addApply(rollout: Command): void {
  verb(
    rollout,
    'apply',
    'create or change a rollout, with its objects from files, kustomize or an OCI artefact',
  )
    .requiredOption('-f, --filename <file>', 'YAML or JSON with one Rollout; - for standard input')
    .option(
      '-k, --kustomize <dir>',
      'objects from this kustomize directory, rendered with kustomize or kubectl',
    )
    .option('--oci <reference>', 'objects from this OCI artefact, such as registry.example/shop/web:1.2')
    .option('--manifests <paths...>', 'objects from these files and directories')
    .option('--force-conflicts', 'take over fields that others have set')
    .option('--dry-run', 'print the whole Rollout and apply nothing')
    .option('-o, --output <format>', 'json or yaml')
    .action(async (flags: ApplyFlags) => {
      const format = readOutput(flags.output, ['json', 'yaml']);
      const { runApply } = await import('../rollout/run-apply.ts');
      await runApply({ flags, format });
    });
}
