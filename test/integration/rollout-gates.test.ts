import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, type LogFields, type Logger } from '../../src/base/index.ts';
import { type KubeObject, type ResourceType, systemClock } from '../../src/kube/index.ts';
import { noRolloutMetrics } from '../../src/rollout/controller/metrics.ts';
import { createGateProbes, type GateTimeouts, removeGateJobs } from '../../src/rollout/gates/index.ts';
import type { GateAnswer, GateProbes } from '../../src/rollout/gates.ts';
import type { RolloutView } from '../../src/rollout/mode.ts';
import { createNotifier } from '../../src/rollout/notify/index.ts';
import type { GateQuestion, Transition } from '../../src/rollout/plan/steps/types.ts';
import { startHttpStandIn } from '../support/http-stand-in.ts';
import { until } from '../support/look.ts';
import { startPrometheusStandIn } from '../support/prometheus-stand-in.ts';
import { findPrometheus, startPrometheus } from '../support/real-prometheus.ts';
import { gateQuestion, rolloutView } from '../support/rollout-view.ts';
import { find, startWorld, types, type World } from '../support/world.ts';

const jobType: ResourceType = {
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  namespaced: true,
};
const podType = types['Pod'] as ResourceType;
const deploymentType = types['Deployment'] as ResourceType;
const never = new AbortController().signal;

let world: World;
const prometheusProgram = await findPrometheus();

beforeAll(async () => {
  world = await startWorld({ members: [{ name: 'm1' }], parts: 'full' });
  await until(() => expect(world.hansa.plane.members.get('m1')?.health.kind).toBe('ready'));
  for (const [name, extra] of [
    ['credentials', { stringData: { token: 's3cret-t0ken\n' } }],
    ['other', { stringData: { token: 'wr0ng-t0ken' } }],
    [
      'account',
      {
        type: 'kubernetes.io/service-account-token',
        metadata: { annotations: { 'kubernetes.io/service-account.name': 'default' } },
      },
    ],
  ] as const) {
    await applySecret(name, extra);
  }
});
afterAll(() => world?.down());

async function applySecret(
  name: string,
  extra: { readonly metadata?: object; readonly [field: string]: unknown },
) {
  const metadata = { ...extra.metadata, name, namespace: 'default' };
  await world.apply({ apiVersion: 'v1', kind: 'Secret', ...extra, metadata });
}

function probes(timeouts: Partial<GateTimeouts> = {}): GateProbes {
  return createGateProbes({
    clock: systemClock,
    host: world.host.client,
    members: world.hansa.plane.members,
    timeouts,
  });
}

function ask(
  question: GateQuestion,
  {
    rollout = rolloutView(),
    timeouts = {},
  }: { rollout?: RolloutView; timeouts?: Partial<GateTimeouts> } = {},
): Promise<GateAnswer> {
  return probes(timeouts).ask(question, rollout, never);
}

const errorRate = 'error_rate{cluster="{{cluster}}", revision="{{revision}}"}';

describe('a gate that asks Prometheus', () => {
  const gate = (url: string, rest: object = {}) =>
    gateQuestion({ prometheus: { url, query: errorRate, success: 'result < 0.01', ...rest } });

  it('is good, bad or neither, as the numbers are', async () => {
    let value: number | undefined = 0.001;
    await using prometheus = await startPrometheusStandIn({ answer: () => value });
    expect(await ask(gate(prometheus.url))).toMatchObject({ kind: 'good' });
    expect(prometheus.queries).toEqual(['error_rate{cluster="m1", revision="3f2a9c01"}']);
    value = 0.2;
    expect(await ask(gate(`${prometheus.url}/`))).toEqual({
      kind: 'bad',
      message: 'result is 0.2; good is result < 0.01',
    });
    value = undefined;
    expect(await ask(gate(prometheus.url))).toEqual({
      kind: 'inconclusive',
      message: 'the query found no data',
    });
  });

  it('shows what it needs and nobody else learns it', async () => {
    await using prometheus = await startPrometheusStandIn({ answer: () => 0, token: 's3cret-t0ken' });
    const withSecret = (name: string) => ask(gate(prometheus.url, { secretRef: { name } }));
    expect(await withSecret('credentials')).toMatchObject({ kind: 'good' });
    const refused = await withSecret('other');
    expect(refused).toEqual({
      kind: 'inconclusive',
      message: `${prometheus.url}/api/v1/query answered 401: check the Secret that secretRef names`,
    });
    expect(await withSecret('missing')).toEqual({
      kind: 'inconclusive',
      message: 'the Secret default/missing does not exist: create it, or change secretRef',
    });
    expect(prometheus.queries).toHaveLength(1);
  });

  it('does not hand the token of an account to an address of somebody’s choice', async () => {
    await using thief = await startHttpStandIn(() => ({ code: 200 }));
    await until(async () => {
      const secret = await world.get<{ data?: { token?: string } }>('Secret', 'account', 'default');
      expect(secret?.data?.token).toBeDefined();
    });
    expect(await ask(gate(thief.url, { secretRef: { name: 'account' } }))).toMatchObject({
      kind: 'inconclusive',
      message: expect.stringContaining('holds a token for a cluster, which must not be sent elsewhere'),
    });
    expect(thief.asked).toEqual([]);
  });

  it('tells what Prometheus says of a bad query', async () => {
    await using prometheus = await startPrometheusStandIn({ answer: () => 0 });
    const answer = await ask(gate(prometheus.url, { query: 'rate(errors[5m]' }));
    expect(answer.kind).toBe('inconclusive');
    expect(answer.message).toContain('Prometheus refused the query (bad_data): invalid parameter "query"');
  });

  it.each([
    ['a redirect', { code: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'redirects are not followed'],
    ['another page', { code: 404, body: 'no' }, 'the url must be the base address'],
    ['a page of a proxy', { code: 200, body: '<html></html>' }, "no answer of Prometheus' query API"],
    ['too much', { code: 200, body: ' '.repeat(2 * 1024 * 1024) }, 'the answer has more than 1048576 bytes'],
    ['nothing in time', undefined, 'gave no answer within 0.2 s'],
  ])('says nothing when it gets %s', async (_, said, message) => {
    await using server = await startHttpStandIn(() => said);
    const answer = await ask(gate(server.url), { timeouts: { webMs: 200 } });
    expect(answer.kind).toBe('inconclusive');
    expect(answer.message).toContain(message);
    expect(server.asked).toHaveLength(1);
  });

  it('says nothing when nobody is there, and does not show who was asked for', async () => {
    const answer = await ask(gate('http://me:hunter2@127.0.0.1:1/prometheus?key=hunter3'));
    expect(answer.kind).toBe('inconclusive');
    expect(answer.message).toMatch(/^http:\/\/127\.0\.0\.1:1\/prometheus\/api\/v1\/query: .*ECONNREFUSED/);
    expect(answer.message).not.toMatch(/hunter/);
  });

  it('ends with the signal', async () => {
    await using server = await startHttpStandIn(() => undefined);
    const stop = new AbortController();
    const asking = probes().ask(gate(server.url), rolloutView(), stop.signal);
    await until(() => expect(server.asked).toHaveLength(1));
    stop.abort(new Error('stopped'));
    await expect(asking).rejects.toThrow('stopped');
  });
});

describe(`the queries of gates, put to ${prometheusProgram ? 'a real Prometheus' : 'the stand-in, as no Prometheus can be had here'}`, () => {
  const samples = {
    'eu.1': { total: 100, errors: 0 },
    'eu-2': { total: 100, errors: 7 },
    'us-1': { total: 0, errors: 0 },
  };
  const page = Object.entries(samples)
    .flatMap(([cluster, { total, errors }]) => [
      `requests{cluster="${cluster}"} ${total}`,
      `errors{cluster="${cluster}"} ${errors}`,
    ])
    .join('\n');
  let url = '';
  const started: AsyncDisposable[] = [];

  beforeAll(async () => {
    if (!prometheusProgram) {
      const standIn = await startPrometheusStandIn({ answer: (query) => standInAnswer(query, samples) });
      url = standIn.url;
      started.push(standIn);
      return;
    }
    const app = await startHttpStandIn(() => ({
      code: 200,
      body: `${page}\n`,
      headers: { 'content-type': 'text/plain; version=0.0.4' },
    }));
    started.push(app);
    const prometheus = await startPrometheus(prometheusProgram, { target: new URL(app.url).host });
    started.unshift(prometheus);
    url = prometheus.url;
    await until(async () => {
      const answer = await askRate('errors', 'result >= 0', { members: ['eu-2'] });
      expect(answer).toMatchObject({ kind: 'good' });
    });
  });
  afterAll(async () => {
    for (const each of started) await each[Symbol.asyncDispose]();
  });

  const askRate = (what: string, success: string, changed: Partial<GateQuestion>) =>
    ask(
      gateQuestion(
        {
          prometheus: { url, query: what.includes('{') ? what : `${what}{cluster=~"{{clusters}}"}`, success },
        },
        { scope: 'Wave', member: undefined, ...changed },
      ),
    );

  it('ask for the clusters of the scope and for no other', async () => {
    expect(await askRate('errors', 'result < 1', { members: ['eu.1'] })).toMatchObject({ kind: 'good' });
    expect(await askRate('errors', 'result < 1', { members: ['eu.1', 'eu-2'] })).toMatchObject({
      kind: 'bad',
      message: expect.stringMatching(/cluster="eu-2".* is 7; good is result < 1$/),
    });
    // A dot in a name is a dot, not any letter.
    expect(await askRate('errors', 'result < 1', { members: ['eu.2'] })).toMatchObject({
      message: 'the query found no data',
    });
  });

  it('of an empty set find nothing', async () => {
    const query = 'errors{cluster=~"{{rolled}}"}';
    expect(await askRate(query, 'result < 1', { rolled: [] })).toMatchObject({
      kind: 'inconclusive',
      message: 'the query found no data',
    });
  });

  it('compare the clusters that have the new revision with those that do not', async () => {
    const rate = (set: string) => `sum(errors{cluster=~"{{${set}}}"}) / sum(requests{cluster=~"{{${set}}}"})`;
    const query = `${rate('rolled')} - ${rate('notRolled')}`;
    expect(await askRate(query, 'result < 0.01', { rolled: ['eu-2'], notRolled: ['eu.1'] })).toEqual({
      kind: 'bad',
      message: 'result is 0.07; good is result < 0.01',
    });
    expect(await askRate(query, 'result < 0.01', { rolled: ['eu.1'], notRolled: ['eu-2'] })).toMatchObject({
      kind: 'good',
    });
  });

  it('give NaN for nothing divided by nothing, which is no verdict unless one is asked for', async () => {
    const query = 'sum(errors{cluster=~"{{clusters}}"}) / sum(requests{cluster=~"{{clusters}}"})';
    expect(await askRate(query, 'result < 0.01', { members: ['us-1'] })).toMatchObject({
      kind: 'inconclusive',
    });
    expect(await askRate(query, 'result < 0.01 or isNaN(result)', { members: ['us-1'] })).toMatchObject({
      kind: 'good',
    });
  });

  it('cannot be changed by a name', async () => {
    const evil = '"} or vector(0) or errors{cluster="';
    expect(
      await ask(
        gateQuestion(
          { prometheus: { url, query: 'errors{cluster="{{cluster}}"}', success: 'result < 1' } },
          { member: evil },
        ),
      ),
    ).toEqual({
      kind: 'inconclusive',
      message: 'the query found no data',
    });
  });

  it('are refused with the words of Prometheus', async () => {
    const answer = await askRate('sum(errors{cluster=~"{{clusters}}"}', 'result < 1', {});
    expect(answer.kind).toBe('inconclusive');
    expect(answer.message).toMatch(/^Prometheus refused the query \(bad_data\): .*parse error/);
  });
});

/** Just enough of PromQL for the queries above. */
function standInAnswer(query: string, samples: Readonly<Record<string, Readonly<Record<string, number>>>>) {
  const select = (name: string, operator: string, pattern: string) => {
    const text = JSON.parse(`"${pattern}"`) as string;
    const fits = (cluster: string) =>
      operator === '=' ? cluster === text : new RegExp(`^(?:${text})$`).test(cluster);
    const key = name === 'requests' ? 'total' : 'errors';
    return Object.entries(samples)
      .filter(([cluster]) => fits(cluster))
      .map(([cluster, numbers]) => ({ labels: { __name__: name, cluster }, value: numbers[key] ?? 0 }));
  };
  const selector = /^(\w+)\{cluster(=~?)"((?:[^"\\]|\\.)*)"\}$/.exec(query);
  if (selector) return select(selector[1] ?? '', selector[2] ?? '', selector[3] ?? '');
  const sums = [...query.matchAll(/sum\((\w+)\{cluster(=~?)"((?:[^"\\]|\\.)*)"\}\)/g)].map((match) =>
    select(match[1] ?? '', match[2] ?? '', match[3] ?? '').reduce((sum, { value }) => sum + value, 0),
  );
  const rates = [0, 2].map((at) => (sums[at] ?? 0) / (sums[at + 1] ?? 0));
  return sums.length > 2 ? (rates[0] ?? 0) - (rates[1] ?? 0) : rates[0];
}

describe('a gate that asks a web service', () => {
  const gate = (url: string, rest: object = {}) => gateQuestion({ webhook: { url, ...rest } });

  it.each([
    [200, 'good'],
    [204, 'good'],
    [425, 'later'],
    [429, 'later'],
    [302, 'bad'],
    [403, 'bad'],
    [500, 'bad'],
  ])('that answers %d is %s', async (code, kind) => {
    await using server = await startHttpStandIn(() => ({
      code,
      headers: { location: '/other' },
      body: code === 204 ? '' : '{"message": "as\\nit is"}',
    }));
    const answer = await ask(gate(`${server.url}/ask?key=hunter2`));
    expect(answer).toEqual({
      kind,
      message: `${server.url}/ask answered ${code}${code === 204 ? '' : ': as it is'}`,
    });
    expect(server.asked).toHaveLength(1);
  });

  it('tells what it asks about', async () => {
    await using server = await startHttpStandIn(() => ({ code: 200 }));
    await ask(gate(server.url, { secretRef: { name: 'credentials' } }));
    expect(server.asked[0]).toMatchObject({
      method: 'POST',
      path: '/',
      headers: { authorization: 'Bearer s3cret-t0ken', 'content-type': 'application/json' },
    });
    expect(JSON.parse(server.asked[0]?.body ?? '')).toEqual({
      rollout: 'web',
      namespace: 'default',
      revision: '3f2a9c01',
      stableRevision: '77aa0011',
      gate: 'check',
      scope: 'Cluster',
      wave: 'first',
      step: 'canary',
      cluster: 'm1',
      rolled: ['m1'],
      notRolled: ['m2'],
    });
  });

  it('hides the token where the service repeats it', async () => {
    await using server = await startHttpStandIn(({ headers }) => ({
      code: 403,
      body: `not with ${String(headers.authorization)}`,
    }));
    const { message } = await ask(gate(server.url, { secretRef: { name: 'credentials' } }));
    expect(message).toContain('not with Bearer [hidden]');
    expect(message).not.toContain('s3cret');
  });

  it('says nothing without an answer in time', async () => {
    await using server = await startHttpStandIn(() => undefined);
    expect(await ask(gate(server.url), { timeouts: { webMs: 200 } })).toEqual({
      kind: 'inconclusive',
      message: `${server.url}/: gave no answer within 0.2 s`,
    });
  });
});

describe('a gate that runs a Job', () => {
  const jobs = async () => {
    const found: KubeObject[] = [];
    for await (const { items } of world.member('m1').client.list(jobType, { namespace: 'default' }))
      found.push(...items);
    return found;
  };
  const gate = (name: string, podSpec: object, changed: Partial<GateQuestion> = {}) =>
    gateQuestion(
      {
        name,
        job: {
          template: {
            spec: {
              backoffLimit: 0,
              template: { spec: { containers: [{ name: 'main', image: 'check' }], ...podSpec } },
            },
          },
        },
      },
      changed,
    );
  const podOf = async (job: string): Promise<KubeObject> => {
    const { client } = world.member('m1');
    return until(async () => {
      for await (const { items } of client.list(podType, {
        namespace: 'default',
        labelSelector: `batch.kubernetes.io/job-name=${job}`,
      })) {
        if (items[0]) return items[0];
      }
      throw new Error('the pod is not there yet');
    });
  };

  it('is good once the Job is complete, and runs it once however often it is asked', async () => {
    const question = gate('smoke', {});
    expect(await ask(question)).toMatchObject({
      kind: 'later',
      message: expect.stringMatching(/^m1: the Job web-smoke-[0-9a-f]{8} was started$/),
    });
    const [first] = await jobs();
    await until(async () => {
      expect(await ask(question)).toMatchObject({
        kind: 'good',
        message: expect.stringContaining('is complete'),
      });
    });
    const after = await jobs();
    expect(after.map(({ metadata }) => metadata.uid)).toEqual([first?.metadata.uid]);

    // Asked anew, another Job is started, and the finished one goes.
    expect(await ask({ ...question, attempt: 'again' })).toMatchObject({ kind: 'later' });
    await until(async () => {
      const names = (await jobs()).map(({ metadata }) => metadata.uid);
      expect(names).toHaveLength(1);
      expect(names).not.toEqual([first?.metadata.uid]);
    });
  });

  it('is bad once the Job failed, with the last words of its pod', async () => {
    // No node fits, so that nobody but this test says how the pod ends.
    const question = gate('load', { nodeSelector: { nowhere: 'true' } });
    expect(await ask(question)).toMatchObject({ kind: 'later' });
    const job = (await jobs()).find(({ metadata }) => metadata.name.startsWith('web-load-'));
    const pod = await podOf(job?.metadata.name ?? '');
    expect(await ask(question)).toMatchObject({ kind: 'later', message: expect.stringContaining('runs') });
    await world.member('m1').client.patch(
      podType,
      { namespace: 'default', name: pod.metadata.name },
      {
        status: {
          phase: 'Failed',
          containerStatuses: [
            {
              name: 'main',
              image: 'check',
              imageID: '',
              ready: false,
              restartCount: 0,
              state: { terminated: { exitCode: 3, reason: 'Error', message: 'p99 is 3 s' } },
            },
          ],
        },
      },
      { type: 'merge', subresource: 'status' },
    );
    await until(async () => {
      expect(await ask(question)).toEqual({
        kind: 'bad',
        message: `m1: the Job ${job?.metadata.name} failed (BackoffLimitExceeded): p99 is 3 s`,
      });
    });
  });

  it('says nothing where a cluster is away or refuses', async () => {
    expect(await ask(gate('away', {}, { member: 'm9' }))).toEqual({
      kind: 'inconclusive',
      message: 'm9: the cluster does not answer, so no Job can run there',
    });
    const answer = await ask(gate('elsewhere', {}), { rollout: rolloutView({ namespace: 'nowhere' }) });
    expect(answer.kind).toBe('inconclusive');
    expect(answer.message).toMatch(/^m1: the Job web-elsewhere-.*nowhere/);
  });

  it('leaves nothing when the rollout is over', async () => {
    expect((await jobs()).length).toBeGreaterThan(0);
    const client = world.hansa.plane.members.get('m1')?.client;
    if (!client) throw new Error('m1 has no client');
    await removeGateJobs(
      client,
      { namespace: 'default', name: 'other' },
      { signal: never, deadlineMs: 5_000 },
    );
    expect((await jobs()).length).toBeGreaterThan(0);
    await removeGateJobs(client, { namespace: 'default', name: 'web' }, { signal: never, deadlineMs: 5_000 });
    await until(async () => expect(await jobs()).toEqual([]));
  });
});

describe('a gate that asks for room', () => {
  const rollout = (replicas: number, cpu: string) =>
    rolloutView({
      contender: {
        hash: '3f2a9c01',
        number: 2,
        content: {
          kind: 'objects',
          objects: [
            deployment('web', replicas, cpu),
            { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
          ],
        },
      },
    });
  const deployment = (name: string, replicas: number, cpu: string): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{ name: 'main', image: 'web', resources: { requests: { cpu, memory: '1Gi' } } }],
        },
      },
    },
  });
  const question = gateQuestion({ room: {} });

  it('knows what the nodes have left', async () => {
    // Two nodes with 32 cpu each; the next step adds 9 of 10 pods.
    expect(await ask(question, { rollout: rollout(10, '7') })).toMatchObject({
      kind: 'bad',
      message: expect.stringMatching(
        /^m1: room for 8 of the 9 pods of the next step \(9 × web with 7 cpu and 1Gi memory\)/,
      ),
    });
    expect(await ask(question, { rollout: rollout(10, '6') })).toMatchObject({ kind: 'good' });
    expect(await ask({ ...question, step: 1 }, { rollout: rollout(10, '7') })).toMatchObject({
      kind: 'good',
    });
  });

  it('counts what runs, as the cluster has it', async () => {
    const { client } = world.member('m1');
    await client.apply(deploymentType, deployment('web', 4, '10'), { fieldManager: 'test', force: true });
    await until(async () => {
      const found = await find<{ status?: { readyReplicas?: number } }>(client, deploymentType, {
        namespace: 'default',
        name: 'web',
      });
      expect(found?.status?.readyReplicas).toBe(4);
    });
    // 24 cpu are left, on two nodes: enough for two of the three pods that come.
    expect(await ask(question)).toMatchObject({
      kind: 'bad',
      message: expect.stringContaining('room for 2 of the 3 pods'),
    });
    await client.remove(deploymentType, { namespace: 'default', name: 'web' });
    await until(async () => {
      expect(await ask(question)).toMatchObject({
        kind: 'inconclusive',
        message: 'm1: Deployment web is not there',
      });
    });
  });
});

describe('gates of time and people', () => {
  it('are answered from the clock, or later', async () => {
    expect(await ask(gateQuestion({ window: { from: '00:00', to: '00:00' } }))).toMatchObject({
      kind: 'good',
    });
    expect(await ask(gateQuestion({ approval: {} }))).toMatchObject({ kind: 'later' });
    expect(await ask(gateQuestion({ ready: {} }))).toMatchObject({ kind: 'good' });
  });
});

describe('notifications', () => {
  const transition = (reason: string): Transition => ({
    type: 'Normal',
    reason,
    message: `it is ${reason}`,
    wave: 'first',
  });
  const told = (notifications: RolloutView['spec']['notifications']) => {
    const base = rolloutView();
    return { ...base, spec: { ...base.spec, ...(notifications ? { notifications } : {}) } };
  };
  const recorder = () => {
    const lines: string[] = [];
    const outcomes: string[] = [];
    const write = (message: string, fields?: LogFields) =>
      void lines.push(JSON.stringify({ message, ...fields }));
    const logger: Logger = { ...silentLogger, warn: write, error: write, info: write, child: () => logger };
    const metrics = {
      ...noRolloutMetrics,
      onNotification: ({ outcome }: { outcome: string }) => void outcomes.push(outcome),
    };
    const notifier = createNotifier({
      clock: systemClock,
      rng: () => 0,
      host: world.host.client,
      logger,
      metrics,
    });
    return { notifier, lines, outcomes };
  };

  it('arrive in their order though the receiver fails twice', async () => {
    await using server = await startHttpStandIn((_, count) => ({ code: count <= 2 ? 503 : 200 }));
    const { notifier, outcomes, lines } = recorder();
    const rollout = told([{ url: `${server.url}/hook` }]);
    for (const reason of ['Started', 'StepReached', 'Completed']) notifier.tell(rollout, transition(reason));
    await until(() => expect(outcomes).toEqual(['sent', 'sent', 'sent']));
    await notifier.close();
    const reasons = server.asked.map(({ body }) => (JSON.parse(body) as { reason: string }).reason);
    expect(reasons).toEqual(['Started', 'Started', 'Started', 'StepReached', 'Completed']);
    expect(JSON.parse(server.asked[0]?.body ?? '')).toEqual({
      rollout: 'web',
      namespace: 'default',
      revision: '3f2a9c01',
      type: 'Normal',
      reason: 'Started',
      message: 'it is Started',
      wave: 'first',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    expect(lines).toEqual([]);
  });

  it('to one receiver do not wait for another, and are given up after three tries', async () => {
    await using silent = await startHttpStandIn(() => ({ code: 500 }));
    await using gone = await startHttpStandIn(() => ({ code: 410 }));
    await using quick = await startHttpStandIn(() => ({ code: 200 }));
    const { notifier, outcomes, lines } = recorder();
    notifier.tell(
      told([{ url: silent.url }, { url: gone.url }, { url: quick.url, format: 'Slack' }]),
      transition('Started'),
    );
    await until(() => expect(quick.asked).toHaveLength(1));
    expect(JSON.parse(quick.asked[0]?.body ?? '')).toMatchObject({
      text: '*default/web* Started: it is Started',
    });
    await until(() => expect(outcomes.toSorted()).toEqual(['failed', 'failed', 'sent']));
    expect([silent.asked.length, gone.asked.length]).toEqual([3, 1]);
    expect(lines.join('\n')).toContain('answered 410');
    await notifier.close();
  });

  it('go to addresses from Secrets, which nobody sees', async () => {
    await using server = await startHttpStandIn(({ path }) => ({
      code: path.includes('good') ? 200 : 403,
      body: path,
    }));
    const path = 'services/T000/B000/hunter2';
    await applySecret('good-hook', {
      stringData: { url: `${server.url}/${path}/good\n`, token: 't0ken-of-hook' },
    });
    await applySecret('bad-hook', { stringData: { url: `${server.url}/${path}` } });
    await applySecret('dead-hook', { stringData: { url: `http://127.0.0.1:1/${path}` } });
    await applySecret('empty-hook', { stringData: { other: 'x' } });
    const { notifier, outcomes, lines } = recorder();
    const names = ['good-hook', 'bad-hook', 'dead-hook', 'empty-hook', 'no-hook'];
    notifier.tell(told(names.map((name) => ({ secretRef: { name } }))), transition('Started'));
    await until(() => expect(outcomes.toSorted()).toEqual(['failed', 'failed', 'failed', 'failed', 'sent']));
    expect(server.asked.find(({ path: each }) => each.endsWith('good'))?.headers.authorization).toBe(
      'Bearer t0ken-of-hook',
    );
    const text = lines.join('\n');
    for (const words of [
      'the address in Secret default/bad-hook answered 403',
      'the address in Secret default/dead-hook: ',
      'the Secret default/empty-hook has no key url',
      'the Secret default/no-hook does not exist',
    ]) {
      expect(text).toContain(words);
    }
    expect(text).not.toMatch(/hunter2|T000|127\.0\.0\.1/);
    await notifier.close();
  });

  it('keep only the newest while a receiver is slow, and end with the notifier', async () => {
    await using silent = await startHttpStandIn(() => undefined);
    const { notifier, outcomes, lines } = recorder();
    const rollout = told([{ url: silent.url }]);
    for (let i = 0; i < 60; i++) notifier.tell(rollout, transition(`Change${i}`));
    expect(outcomes).toEqual(Array.from({ length: 9 }, () => 'dropped'));
    const started = performance.now();
    await notifier.close();
    expect(performance.now() - started).toBeLessThan(9_000);
    expect(outcomes).toHaveLength(60);
    expect(outcomes).not.toContain('sent');
    notifier.tell(rollout, transition('Late'));
    expect(lines.join('\n')).not.toContain('Late');
  });
});
