import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { rolloutAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { servedKinds } from '../../api/served-kinds.ts';
import { HansaError } from '../../base/index.ts';
import {
  type ApiClient,
  apiVersionOf,
  type KubeObject,
  type ResourceType,
  systemClock,
} from '../../kube/index.ts';
import { canDrawLive, liveBlock } from '../demo/live-block.ts';
import { cliName, during, type Run, type Scenario, type Stage, step } from '../demo/run-demo.ts';
import { printData } from '../host-options.ts';
import { changeLines } from '../rollout/change-lines.ts';
import { colourFor } from '../rollout/colour.ts';
import { followRollout } from '../rollout/follow-rollout.ts';
import { renderRolloutTree } from '../rollout/render-tree.ts';
import { isUpToDate, type RolloutObject } from '../rollout/rollout-object.ts';
import { verdictOn } from '../rollout/verdict.ts';
import { freePort, type RunningPrometheus, startPrometheus } from './prometheus.ts';
import { countByImage, startShopTraffic } from './shop-traffic.ts';

const namespace = 'shop';
const name = 'web';
const labelSelector = 'app=web';
const files = ['00-namespace.yaml', '01-deployment.yaml', '02-rollout.yaml'] as const;
const image = 'registry.example.com/shop/web';
const replicas = 5;
/** Where the example looks for Prometheus. */
const examplePrometheus = 'http://127.0.0.1:9090';

/** One version on its way out, and what should come of it. */
interface Act {
  readonly title: string;
  readonly image: string;
  readonly expected: 'completed' | 'failed';
  /** Image that every pod should have when it is over. */
  readonly left: string;
}

const acts: readonly Act[] = [
  {
    title: 'Version 2 fails 40 % of the requests',
    image: `${image}:2-bad`,
    expected: 'failed',
    left: `${image}:1`,
  },
  { title: 'Version 3 is good', image: `${image}:3`, expected: 'completed', left: `${image}:3` },
];

interface Played {
  readonly title: string;
  readonly verdict: string;
  readonly message: string;
  readonly tookMs: number;
  /** Ready pods in each member by image, when it was over. */
  readonly pods: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly ok: boolean;
}

/** Three regions, two waves, one bad version that a Prometheus query catches, one good version. */
export const rolloutScenario: Scenario = {
  controllerArgs: async () => {
    // Members reach the webhook on loopback, as everything of a sandbox.
    const port = await freePort();
    return [
      '--webhook-url',
      `https://127.0.0.1:${port}`,
      '--webhook-port',
      `${port}`,
      '--webhook-bind',
      '127.0.0.1',
    ];
  },
  async play(run, stage) {
    const { clients } = stage;
    await using held = new AsyncDisposableStack();
    const traffic = held.use(await startShopTraffic(clients.members, { namespace, labelSelector }));
    const prometheus = await startMonitoring(run, stage, traffic);
    held.use(prometheus);
    await step(run, 'apply', 'Apply examples/demo-rollout', () => applyFiles(stage, prometheus.url));
    await during(run.progress, 'Roll version 1 out to all three regions', (update) =>
      firstVersion(stage, update),
    );
    const played: Played[] = [];
    for (const act of acts) played.push(await run.stopwatch.time('rollout', () => play(run, stage, act)));
    return await tell(run, stage, played, prometheus);
  },
};

async function startMonitoring(
  run: Run,
  { sandbox, signal }: Stage,
  traffic: Parameters<typeof startPrometheus>[0],
): Promise<RunningPrometheus> {
  const shown = run.progress.step('Start Prometheus');
  const prometheus = await startPrometheus(traffic, { dir: sandbox.dir, signal });
  shown.done(
    prometheus.kind === 'real'
      ? prometheus.url
      : 'this machine has no "prometheus": a stand-in answers its query API',
  );
  return prometheus;
}

async function applyFiles({ clients: { host }, signal }: Stage, prometheusUrl: string): Promise<void> {
  const { parseAllDocuments } = await import('yaml');
  for (const file of files) {
    const text = (await readExample(file)).replaceAll(examplePrometheus, prometheusUrl);
    for (const document of parseAllDocuments(text, { merge: true })) {
      const object = document.toJS() as KubeObject;
      await host.apply(typeOf(object), object, { fieldManager: 'hansa-demo', force: true, signal });
    }
  }
}

async function readExample(file: string): Promise<string> {
  // Beside `src/` in a checkout, beside the bundle in a release.
  for (const path of ['../../../examples/demo-rollout/', '../examples/demo-rollout/']) {
    const text = await readFile(fileURLToPath(new URL(`${path}${file}`, import.meta.url)), 'utf8').catch(
      () => undefined,
    );
    if (text !== undefined) return text;
  }
  throw new HansaError('the directory examples/demo-rollout/ is missing from this installation of Hansa', {
    reason: 'ExamplesMissing',
    retry: 'never',
  });
}

function typeOf(object: KubeObject): ResourceType {
  const found = servedKinds
    .map(({ address }) => address)
    .find((address) => address.kind === object.kind && apiVersionOf(address) === object.apiVersion);
  return found ?? { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
}

/** Edits the image in the federated object, as a person or a pipeline would, and follows what becomes of it. */
async function play(run: Run, stage: Stage, act: Act): Promise<Played> {
  const { clients, signal, late } = stage;
  const begun = systemClock.monotonic();
  const before = await readRollout(clients.host, signal);
  if (!run.format) process.stdout.write(`\n${act.title}: the image becomes ${act.image}\n\n`);
  await editImage(clients.host, act.image, signal);
  const view = run.format ? { tell() {}, end() {} } : viewOn(process.stdout);
  let end: Awaited<ReturnType<typeof followRollout>>;
  try {
    end = await followRollout({
      client: clients.host,
      ref: { namespace, name },
      signal: AbortSignal.any([signal, late]),
      timeoutMs: undefined,
      judge: (rollout) => {
        // The last act's result stands until the controller has seen the edit.
        if (rollout.status?.revision === before.status?.revision) return undefined;
        const verdict = verdictOn(rollout);
        return verdict.kind === 'under-way' ? undefined : verdict;
      },
      tell: view.tell,
    });
  } finally {
    view.end();
  }
  signal.throwIfAborted();
  const kind = end.kind === 'verdict' ? end.verdict.kind : end.kind;
  const message = end.kind === 'verdict' && 'message' in end.verdict ? end.verdict.message : '';
  const settled = kind === act.expected && (await reaches(stage, act.left));
  return {
    title: act.title,
    verdict: kind,
    message,
    tookMs: Math.round(systemClock.monotonic() - begun),
    pods: await podsByImage(stage),
    ok: settled,
  };
}

async function readRollout(host: ApiClient, signal: AbortSignal): Promise<RolloutObject> {
  return (await host.get(rolloutAddress, { namespace, name }, { signal })) as RolloutObject;
}

async function editImage(host: ApiClient, to: string, signal: AbortSignal): Promise<void> {
  const type = servedKinds
    .map(({ address }) => address)
    .find(({ kind, group }) => kind === 'FederatedDeployment' && group === 'types.kubefed.io');
  if (!type) throw new Error('FederatedDeployment is not served');
  await host.patch(
    type,
    { namespace, name },
    [{ op: 'replace', path: '/spec/template/spec/template/spec/containers/0/image', value: to }],
    { type: 'json', fieldManager: 'hansa-demo', signal },
  );
}

interface View {
  readonly tell: (rollout: RolloutObject) => void;
  readonly end: () => void;
}

const redrawMs = 500;

/** The tree over itself on a terminal, a line a change elsewhere. */
function viewOn(stream: NodeJS.WriteStream): View {
  if (!canDrawLive(stream)) {
    let before: RolloutObject | undefined;
    return {
      tell: (rollout) => {
        for (const line of changeLines(before, rollout)) stream.write(`  ${line}\n`);
        before = rollout;
      },
      end: () => {},
    };
  }
  const block = liveBlock(stream);
  const colour = colourFor(stream);
  let seen: RolloutObject | undefined;
  const lines = (maxLines?: number) =>
    seen
      ? renderRolloutTree({
          namespace,
          name,
          spec: seen.spec,
          status: seen.status,
          upToDate: isUpToDate(seen),
          nowMs: systemClock.now(),
          width: stream.columns ?? 80,
          colour,
          ...(maxLines === undefined ? {} : { maxLines }),
        })
      : [];
  const draw = () => block.draw(lines((stream.rows ?? 24) - 1));
  const timer = setInterval(draw, redrawMs);
  return {
    tell: (rollout) => {
      seen = rollout;
      draw();
    },
    end: () => {
      clearInterval(timer);
      block.end(lines());
    },
  };
}

async function podsByImage({ clients, signal }: Stage): Promise<Played['pods']> {
  return Object.fromEntries(
    await Promise.all(
      clients.members.map(
        async ({ name: member, client }) =>
          [member, await countByImage(client, namespace, labelSelector, signal)] as const,
      ),
    ),
  );
}

const podsLimitMs = 60_000;

/** The first version goes through the same waves and steps; what comes later can be taken back to it. */
async function firstVersion(stage: Stage, update: (detail: string) => void): Promise<void> {
  const end = await followRollout({
    client: stage.clients.host,
    ref: { namespace, name },
    signal: AbortSignal.any([stage.signal, stage.late]),
    timeoutMs: undefined,
    judge: (rollout) => {
      const verdict = verdictOn(rollout);
      return verdict.kind === 'under-way' ? undefined : verdict;
    },
    tell: ({ status }) => update(status?.summary ?? ''),
  });
  stage.signal.throwIfAborted();
  if (end.kind === 'verdict' && end.verdict.kind === 'completed' && (await reaches(stage, `${image}:1`)))
    return;
  throw new HansaError('version 1 did not come to run in all three regions in time', {
    reason: 'TookTooLong',
    retry: 'never',
  });
}

/** Waits until each member runs that image alone, in full. */
async function reaches(stage: Stage, wanted: string): Promise<boolean> {
  const giveUpAt = systemClock.monotonic() + podsLimitMs;
  while (systemClock.monotonic() < giveUpAt && !stage.late.aborted) {
    const pods = Object.values(await podsByImage(stage));
    if (pods.every((images) => JSON.stringify(images) === JSON.stringify({ [wanted]: replicas })))
      return true;
    await systemClock.sleep(200, stage.signal);
  }
  return false;
}

async function tell(
  run: Run,
  { sandbox }: Stage,
  played: readonly Played[],
  prometheus: RunningPrometheus,
): Promise<boolean> {
  const ok = played.length === acts.length && played.every((act) => act.ok);
  if (run.format) {
    await printData(
      { ok, prometheus: prometheus.kind, acts: played, tookMs: run.stopwatch.tookMs },
      run.format,
    );
    return ok;
  }
  const out = [
    '',
    ok ? '✓ The bad version was taken back in the first wave, the good one is everywhere.' : '',
  ];
  for (const { title, verdict, message, pods, tookMs, ok: good } of played) {
    out.push(
      `${good ? '✓' : '✗'} ${title}: ${verdict} after ${Math.round(tookMs / 1000)} s ${message}`.trimEnd(),
    );
    for (const [member, images] of Object.entries(pods)) {
      const counts = Object.entries(images).map(([version, count]) => `${count} × ${version}`);
      out.push(`    ${member.padEnd(10)} ${counts.join(', ')}`);
    }
  }
  if (!run.flags.exit) {
    out.push(
      '',
      'What to try next, in another terminal:',
      `  export KUBECONFIG=${sandbox.kubeconfigPath}`,
      `  ${cliName()} rollout status web -n shop -w`,
      `  ${cliName()} rollout history web -n shop`,
      `  ${cliName()} rollout undo web -n shop`,
      '',
      'Ctrl-C ends the demo.',
    );
  }
  process.stdout.write(`${out.filter((line, at) => at > 0 || line !== '').join('\n')}\n`);
  return ok;
}
