import { join } from 'node:path';
import { defaultHostNamespace } from '../../api/names.ts';
import { HansaError, messageOf, type Progress, silentProgress } from '../../base/index.ts';
import { type ApiClient, createApiClient, loadAccess, systemClock } from '../../kube/index.ts';
import { joinMember } from '../../members/join/index.ts';
import {
  type ControlPlane,
  ensureBinaries,
  hostName,
  listSandboxes,
  type Sandbox,
  startSandbox,
} from '../../sandbox/index.ts';
import type { DemoFlags } from '../commands/demo.ts';
import { installHost, readCrds } from '../commands/install.ts';
import { invalidOption, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { readNumber } from '../sandbox-wishes.ts';
import { type DemoRow, isComplete, rowsOf } from './demo-rows.ts';
import { demoResult } from './demo-result.ts';
import { demoMembers, expectations } from './expectations.ts';
import { readHostWords } from './host-words.ts';
import { nextStepsText } from './next-steps.ts';
import { type Phase, startStopwatch, type Stopwatch } from './phases.ts';
import { applyQuickstart, readQuickstart } from './quickstart.ts';
import { shortfallsOf } from './shortfalls.ts';
import { pictureOn, showUntilComplete } from './show-pods.ts';
import { type RunningController, startController } from './start-controller.ts';
import { watchMembers } from './watch-members.ts';

const clock = systemClock;

/** The controller is starting meanwhile. */
const readyLimitMs = 60_000;

export interface Run {
  readonly flags: DemoFlags;
  readonly format: 'json' | undefined;
  readonly progress: Progress;
  readonly stopwatch: Stopwatch;
  readonly limitMs: number;
  /** Ends everything: an interrupt, a `down` elsewhere, or a part of the demo that ended by itself. */
  readonly stop: AbortController;
  /** What has been started, ended in reverse order. */
  readonly held: AsyncDisposableStack;
}

/** What is shown once host, members and controller are there. */
export interface Scenario {
  /** Further arguments of the controller. */
  readonly controllerArgs?: () => Promise<readonly string[]>;
  /** Plays it; gives whether all went as it should. */
  play(run: Run, stage: Stage): Promise<boolean>;
}

export interface Stage {
  readonly sandbox: Sandbox;
  readonly controller: RunningController;
  readonly clients: Clients;
  /** Aborts when it took too long. */
  readonly late: AbortSignal;
  readonly signal: AbortSignal;
}

const quickstart: Scenario = {
  async play(run, { sandbox, controller, clients, late, signal }) {
    await step(run, 'apply', 'Apply examples/quickstart', async (update) =>
      applyQuickstart(clients.host, await readQuickstart(), { signal, onFile: update }),
    );
    const rows = await showPods(run, clients, late);
    return tell(run, { sandbox, controller, hostClient: clients.host, rows });
  },
};

/**
 * Runs the demo; gives the exit code.
 *
 * *Flow*: programs; host and members; CRDs; controller and joins side by side; quickstart; the table until the members
 * hold what the documents say; then it stays up until it is told to end.
 * *Guarantees*: whatever happens, what was started is ended: here, and after a `kill -9` by the sandbox's watchdog and
 * the controller's own eye on us.
 */
export async function runDemo(flags: DemoFlags, scenario: Scenario = quickstart): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const run: Run = {
    flags,
    format,
    limitMs: 1000 * readNumber('--timeout', flags.timeout, { min: 1, max: 3600 }),
    progress: format ? silentProgress : createProgress(),
    stopwatch: startStopwatch(clock),
    stop: stopOnSignals(),
    held: new AsyncDisposableStack(),
  };
  assertNoOther(flags.name);
  try {
    const ok = await perform(run, scenario);
    if (!flags.exit) await stayUp(run);
    return ok ? 0 : 1;
  } finally {
    await end(run);
  }
}

/** Told at once, rather than after the programs were looked for. */
function assertNoOther(name: string): void {
  const standing = listSandboxes().find((each) => each.name === name)?.standing;
  if (standing !== 'up' && standing !== 'busy' && standing !== 'degraded') return;
  throw new HansaError(
    `a demo runs already, as sandbox "${name}": use it, end it with "hansa sandbox down ${name}", ` +
      'or start another one beside it with --name',
    { reason: 'AlreadyRunning', retry: 'never' },
  );
}

/** Does all of it; gives whether it went as it should. */
async function perform(run: Run, scenario: Scenario): Promise<boolean> {
  const { stop, stopwatch, progress, flags, held } = run;
  const binaries = await stopwatch.time('programs', () =>
    ensureBinaries({ kubernetesVersion: flags.kubernetesVersion, progress, signal: stop.signal }),
  );
  using limit = limitOf(run);
  const signal = AbortSignal.any([stop.signal, limit.late]);
  const sandbox = await stopwatch.time('controlPlanes', () =>
    startSandbox({
      name: flags.name,
      members: demoMembers,
      parts: 'full',
      hostParts: 'full',
      nodesPerMember: 2,
      binaries,
      progress,
      signal,
    }),
  );
  held.use(sandbox);
  stopWhenSandboxEnds(run, sandbox);
  const clients = await openClients(run, sandbox);

  await stopwatch.time('install', async () =>
    installHost({
      hostClient: clients.host,
      namespace: defaultHostNamespace,
      crds: await readCrds(),
      clock,
      progress,
      signal,
    }),
  );
  const [controller] = await together(
    signal,
    async (either) => runController(run, sandbox, (await scenario.controllerArgs?.()) ?? [], either),
    (either) => stopwatch.time('join', () => joinAll(run, clients, either)),
  );
  // Awaited here, since the limit ends with this function.
  return await scenario.play(run, { sandbox, controller, clients, late: limit.late, signal });
}

/** From the first program's start; getting the programs may take minutes and has limits of its own. */
function limitOf({ limitMs, flags }: Run): Disposable & { readonly late: AbortSignal } {
  const controller = new AbortController();
  const cancel = clock.after(limitMs, () =>
    controller.abort(
      new HansaError(`the demo was not up after ${flags.timeout} s: give it longer with --timeout`, {
        reason: 'TookTooLong',
      }),
    ),
  );
  return { late: controller.signal, [Symbol.dispose]: cancel };
}

export interface MemberClient {
  readonly name: string;
  readonly plane: ControlPlane;
  readonly client: ApiClient;
}

export interface Clients {
  readonly host: ApiClient;
  readonly members: readonly MemberClient[];
}

async function openClients({ held }: Run, { host, members }: Sandbox): Promise<Clients> {
  const open = async ({ name, adminKubeconfig }: ControlPlane): Promise<ApiClient> => {
    const { access } = await loadAccess({ text: adminKubeconfig });
    const client = createApiClient(access, { name, userAgent: 'hansa-demo' });
    held.defer(() => client.close());
    return client;
  };
  return {
    host: await open(host),
    members: await Promise.all(
      members.map(async (plane) => ({ name: plane.name, plane, client: await open(plane) })),
    ),
  };
}

async function runController(
  run: Run,
  sandbox: Sandbox,
  args: readonly string[],
  signal: AbortSignal,
): Promise<RunningController> {
  const controller = await step(run, 'controller', 'Start the controller', () =>
    startController({
      cliPath: cliPath(),
      kubeconfigPath: sandbox.kubeconfigPath,
      context: hostName,
      logPath: join(sandbox.dir, 'controller.log'),
      args,
      signal,
    }),
  );
  run.held.use(controller);
  void controller.ended.then((sentence) =>
    run.stop.abort(new HansaError(sentence, { reason: 'ControllerEnded', retry: 'never' })),
  );
  return controller;
}

/** Does both at once. When one fails the other is given up and waited for: nothing goes on behind our back. */
async function together<A, B>(
  signal: AbortSignal,
  one: (signal: AbortSignal) => Promise<A>,
  other: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const giveUp = (error: unknown): never => {
    failed.abort(error);
    throw error;
  };
  const work = [one(either).catch(giveUp), other(either).catch(giveUp)] as const;
  await Promise.allSettled(work);
  // The first error is the one to tell.
  failed.signal.throwIfAborted();
  return Promise.all(work);
}

async function joinAll(run: Run, { host, members }: Clients, signal: AbortSignal): Promise<void> {
  await Promise.all(
    members.map(async ({ name, plane, client }) => {
      const { region, alias, labels } = plane.spec ?? {};
      await during(run.progress, `Join ${name} (region ${region}, alias ${alias})`, async () =>
        joinMember({
          hostClient: host,
          memberClient: client,
          memberAccess: (await loadAccess({ text: plane.adminKubeconfig })).access,
          name,
          namespace: defaultHostNamespace,
          hostName,
          labels: labels ?? {},
          alias,
          // Replicas that are divided before a member is ready stay where they are, unless they may be moved.
          waitMs: readyLimitMs,
          clock,
          signal,
        }),
      );
    }),
  );
}

async function showPods(run: Run, { members }: Clients, late: AbortSignal): Promise<readonly DemoRow[]> {
  const { stopwatch, progress, stop, format } = run;
  await using watch = watchMembers(members, { clock, rng: Math.random });
  const names = demoMembers.map(({ name }) => name);
  const picture = format ? { update() {}, end() {} } : pictureOn(process.stdout, progress);
  // Awaited here, since the watches end with this function.
  return await stopwatch.time('pods', async () =>
    showUntilComplete(() => rowsOf(expectations, names, watch.view()), {
      picture,
      elapsedMs: () => stopwatch.elapsedMs(),
      clock,
      signal: stop.signal,
      late,
    }),
  );
}

/** Says how it went and what to do now. */
async function tell(
  run: Run,
  {
    sandbox,
    controller,
    hostClient,
    rows,
  }: {
    readonly sandbox: Sandbox;
    readonly controller: RunningController;
    readonly hostClient: ApiClient;
    readonly rows: readonly DemoRow[];
  },
): Promise<boolean> {
  const { stopwatch, stop, flags, format } = run;
  const ok = isComplete(rows);
  const elapsedMs = stopwatch.elapsedMs();
  const words = await readHostWords(hostClient, rows, { signal: stop.signal });
  const missing = shortfallsOf(rows, (row) => words.get(row));
  const places = { kubeconfigPath: sandbox.kubeconfigPath, kubectlPath: sandbox.kubectlPath };
  if (format) {
    const { kubernetesVersion } = sandbox;
    await printData(
      demoResult({
        ok,
        kubernetesVersion,
        ...places,
        controller,
        rows,
        missing,
        tookMs: stopwatch.tookMs,
        elapsedMs,
      }),
      format,
    );
    return ok;
  }
  for (const sentence of missing) process.stderr.write(`✗ ${sentence}\n`);
  if (!flags.exit) {
    const text = nextStepsText({ ...places, sandbox: sandbox.name, controller, hansa: cliName() });
    process.stdout.write(`\n${text}\n`);
  }
  return ok;
}

/** Waits for the end; resolves if a person asked for it. */
async function stayUp({ stop: { signal } }: Run): Promise<void> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
  if (!isWanted(signal.reason)) throw signal.reason;
}

function isWanted(reason: unknown): boolean {
  return reason instanceof HansaError && ['Cancelled', 'TakenDown'].includes(reason.reason);
}

/** A closed terminal and a service manager's stop end the demo as Ctrl-C does. */
function stopOnSignals(): AbortController {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => stop.abort(new HansaError('the demo was interrupted', { reason: 'Cancelled' })));
  }
  return stop;
}

function stopWhenSandboxEnds({ stop, flags }: Run, sandbox: Sandbox): void {
  sandbox.watchForEnd(stop.signal).then(
    (how) => {
      switch (how.kind) {
        case 'taken-down':
          stop.abort(new HansaError('the sandbox of the demo was taken down', { reason: 'TakenDown' }));
          return;
        case 'process-ended':
          stop.abort(
            new HansaError(
              `${how.component} of ${how.controlPlane} ended by itself, so the demo "${flags.name}" ends too: start it again`,
              { reason: 'ComponentEnded', retry: 'never' },
            ),
          );
      }
    },
    (error: unknown) => {
      if (!stop.signal.aborted) stop.abort(error);
    },
  );
}

async function end({ stop, held, progress }: Run): Promise<void> {
  // What still watches is told first, so that the end of each part is no alarm.
  stop.abort(new HansaError('the demo has ended', { reason: 'Cancelled' }));
  const ending = progress.step('End the demo');
  try {
    await held.disposeAsync();
    ending.done();
  } catch (error) {
    ending.fail(messageOf(error));
    throw error;
  }
}

/** One step on the screen and on the stopwatch. */
export function step<T>(
  { stopwatch, progress }: Run,
  phase: Phase,
  title: string,
  work: (update: (detail: string) => void) => Promise<T>,
): Promise<T> {
  return stopwatch.time(phase, () => during(progress, title, work));
}

export async function during<T>(
  progress: Progress,
  title: string,
  work: (update: (detail: string) => void) => Promise<T>,
): Promise<T> {
  const shown = progress.step(title);
  try {
    const result = await work((detail) => shown.update(detail));
    shown.done();
    return result;
  } catch (error) {
    shown.fail(messageOf(error));
    throw error;
  }
}

function cliPath(): string {
  const [, path] = process.argv;
  if (path) return path;
  throw invalidOption('the demo starts this program again for the controller, and found no file to start');
}

/** How a person calls this program: in a checkout it is no command of its own. */
export function cliName(): string {
  return cliPath().endsWith('.ts') ? 'npm run -s hansa --' : 'hansa';
}
