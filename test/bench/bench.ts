/**
 * `npm run bench`: Hansa beside a `raw` run, in which this process itself writes straight to the members with
 * everything in parallel. Both are measured in turn on the same API servers, since only ratios of one run count.
 * How to read the figures: docs/benchmarks.md.
 */
import { availableParallelism, totalmem } from 'node:os';
import { systemClock } from '../../src/kube/index.ts';
import { federatedDeployment, types } from '../support/world.ts';
import {
  type Controller,
  type CpuUsed,
  type Member,
  namespace,
  rawNamespace,
  setStage,
  type Stage,
  writesSeenBy,
} from './stage.ts';

const rounds = Number(process.env.HANSA_BENCH_ROUNDS ?? 100);
const many = Number(process.env.HANSA_BENCH_OBJECTS ?? 1_000);
const most = Number(process.env.HANSA_BENCH_MOST ?? 5_000);
/** Requests under way at once to one server, by the benchmark itself. */
const parallel = 32;

const figures: Record<string, number> = {};

function note(name: string, value: number, unit: string): void {
  figures[name] = Math.round(value * 100) / 100;
  process.stderr.write(`${name.padEnd(48)} ${figures[name]} ${unit}\n`);
}

/** (a) create on the host until present in the last member, one by one, raw and Hansa in turn. */
async function measureLatency({ host, members }: Stage): Promise<void> {
  const hansa: number[] = [];
  const raw: number[] = [];
  for (let i = 0; i < rounds; i++) {
    let started = performance.now();
    const name = `one-${i}`;
    void host.create(
      types['FederatedDeployment'] as never,
      federatedDeployment(name, namespace, { replicas: 3 }),
    );
    await arrival(members, namespace, name);
    hansa.push(performance.now() - started);
    // The status is written when the members have answered; it is part of the work, not of the next round.
    await systemClock.sleep(60);
    started = performance.now();
    for (const { client } of members) void client.create(types['Deployment'] as never, plainDeployment(name));
    await arrival(members, rawNamespace, name);
    raw.push(performance.now() - started);
    await systemClock.sleep(20);
  }
  for (const [name, values] of Object.entries({ hansa, raw })) {
    note(`create, ${name} p50`, percentile(values, 0.5), 'ms');
    note(`create, ${name} p99`, percentile(values, 0.99), 'ms');
  }
  note('create, hansa p50 / raw p50', percentile(hansa, 0.5) / percentile(raw, 0.5), '×');
}

/** (c) a field changed in a member until it is back. */
async function measureDrift({ members }: Stage): Promise<void> {
  const times: number[] = [];
  const [{ client, deployments }] = members as [Member];
  for (let i = 0; i < Math.min(rounds, 50); i++) {
    const ref = { name: `one-${i}`, namespace };
    const key = `${namespace}/${ref.name}`;
    const spoilt = waitFor(deployments, key, (seen) => seen?.image === 'spoilt');
    const started = performance.now();
    await client.patch(
      types['Deployment'] as never,
      ref,
      { spec: { template: { spec: { containers: [{ name: 'main', image: 'spoilt' }] } } } },
      { type: 'merge', fieldManager: 'drift' },
    );
    await spoilt;
    await waitFor(deployments, key, (seen) => seen?.image === 'nginx');
    times.push(performance.now() - started);
  }
  note('drift repaired, p50', percentile(times, 0.5), 'ms');
  note('drift repaired, p99', percentile(times, 0.99), 'ms');
}

/** (b) many objects at once: create, update; raw first and last, so that a slow machine shows on both. */
async function measureBulk(stage: Stage, running: Controller): Promise<void> {
  const { host, members } = stage;
  const rawCpuBefore = running.cpuUsed();
  const rawSeconds = [await rawBulk(stage, 'first')];
  noteCpu('raw', rawCpuBefore, running.cpuUsed());
  const cpuBefore = running.cpuUsed();
  const hostWritesBefore = await writesSeenBy(host, 'federateddeployments');
  const started = performance.now();
  void inParallel(many, (i) =>
    host.create(
      types['FederatedDeployment'] as never,
      federatedDeployment(`bulk-${i}`, namespace, { replicas: 3 }),
    ),
  );
  await until(() => hasAll(stage, (member) => countNamed(member, `${namespace}/bulk-`) === many));
  const created = (performance.now() - started) / 1000;
  note(`bulk create of ${many}, hansa`, created, 's');
  noteCpu('hansa', cpuBefore, running.cpuUsed());
  await quiet(running);
  noteCpu('hansa, statuses included', cpuBefore, running.cpuUsed());
  const hostWrites = (await writesSeenBy(host, 'federateddeployments')) - hostWritesBefore - many;
  note('host writes of hansa a created object', hostWrites / many, '');
  rawSeconds.push(await rawBulk(stage, 'second'));
  const raw = rawSeconds.reduce((a, b) => a + b) / rawSeconds.length;
  note(`bulk create of ${many}, raw (mean of before and after)`, raw, 's');
  note('bulk create, hansa / raw', created / raw, '×');
  note(`memory with ${many} objects`, running.rssMb(), 'MB');

  const updateStarted = performance.now();
  void inParallel(many, (i) =>
    host.patch(
      types['FederatedDeployment'] as never,
      { name: `bulk-${i}`, namespace },
      {
        spec: {
          template: { spec: { template: { spec: { containers: [{ name: 'main', image: 'nginx:2' }] } } } },
        },
      },
      { type: 'merge' },
    ),
  );
  await until(() => hasAll(stage, (member) => countNamed(member, `${namespace}/bulk-`, 'nginx:2') === many));
  const updated = (performance.now() - updateStarted) / 1000;
  note(`bulk update of ${many}, hansa`, updated, 's');
  await quiet(running);
  const rawUpdateStarted = performance.now();
  await Promise.all(
    members.map(({ client }) =>
      inParallel(many, (i) =>
        client.patch(
          types['Deployment'] as never,
          { name: `first-${i}`, namespace: rawNamespace },
          { spec: { template: { spec: { containers: [{ name: 'main', image: 'nginx:2' }] } } } },
          { type: 'merge' },
        ),
      ),
    ),
  );
  const rawUpdated = (performance.now() - rawUpdateStarted) / 1000;
  note(`bulk update of ${many}, raw`, rawUpdated, 's');
  note('bulk update, hansa / raw', updated / rawUpdated, '×');
}

function noteCpu(what: string, before: CpuUsed, after: CpuUsed): void {
  for (const part of ['members', 'host', 'controller'] as const) {
    note(`CPU a created object, ${what}: ${part}`, ((after[part] - before[part]) * 1000) / many, 'ms');
  }
}

async function rawBulk({ members }: Stage, prefix: string): Promise<number> {
  const started = performance.now();
  await Promise.all(
    members.map(({ client }) =>
      inParallel(many, (i) => client.create(types['Deployment'] as never, plainDeployment(`${prefix}-${i}`))),
    ),
  );
  await until(() => members.every((member) => countNamed(member, `${rawNamespace}/${prefix}-`) === many));
  return (performance.now() - started) / 1000;
}

/** (d) a new process with everything in place: until it is ready and calm, and what it wrote to members. */
async function measureRestart(stage: Stage, before: Controller): Promise<Controller> {
  await before.stop((process.env.KILLSIG ?? 'SIGKILL') as NodeJS.Signals);
  const writesBefore = await memberWrites(stage);
  const started = performance.now();
  const next = await stage.startController();
  note(`restart with ${many}: ready`, next.startedInMs, 'ms');
  await quiet(next);
  note(`restart with ${many}: calm`, performance.now() - started - quietMs, 'ms');
  note(`restart with ${many}: writes to members`, (await memberWrites(stage)) - writesBefore, '');
  return next;
}

/** (e) memory with the most objects. */
async function measureMemory(stage: Stage, running: Controller): Promise<void> {
  const { host } = stage;
  await inParallel(most - many, (i) =>
    host.create(
      types['FederatedDeployment'] as never,
      federatedDeployment(`most-${i}`, namespace, { replicas: 3 }),
    ),
  );
  await until(() => hasAll(stage, (member) => countNamed(member, `${namespace}/most-`) === most - many));
  await quiet(running);
  await systemClock.sleep(5_000);
  note(`memory with ${most} objects`, running.rssMb(), 'MB');
}

async function measureDeletion(stage: Stage): Promise<void> {
  const { host, members } = stage;
  const started = performance.now();
  void inParallel(many, (i) =>
    host.remove(types['FederatedDeployment'] as never, { name: `bulk-${i}`, namespace }),
  );
  await until(() => hasAll(stage, (member) => countNamed(member, `${namespace}/bulk-`) === 0));
  const deleted = (performance.now() - started) / 1000;
  note(`bulk deletion of ${many}, hansa`, deleted, 's');
  await systemClock.sleep(2_000);
  const rawStarted = performance.now();
  await Promise.all(
    members.map(({ client }) =>
      inParallel(many, (i) =>
        client.remove(types['Deployment'] as never, { name: `second-${i}`, namespace: rawNamespace }),
      ),
    ),
  );
  const rawDeleted = (performance.now() - rawStarted) / 1000;
  note(`bulk deletion of ${many}, raw`, rawDeleted, 's');
  note('bulk deletion, hansa / raw', deleted / rawDeleted, '×');
}

function plainDeployment(name: string) {
  const { spec } = federatedDeployment(name, rawNamespace, { replicas: 3 }) as unknown as {
    spec: { template: object };
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    ...spec.template,
    metadata: { name, namespace: rawNamespace, labels: { app: name } },
  };
}

async function arrival(members: readonly Member[], where: string, name: string): Promise<void> {
  await Promise.all(
    members.map(({ deployments }) => waitFor(deployments, `${where}/${name}`, (seen) => seen !== undefined)),
  );
}

/** Resolves in the tick in which the watch shows it; each cache has one listener that serves all waits. */
const waits = new WeakMap<Member['deployments'], Map<string, () => void>>();

function waitFor(
  cache: Member['deployments'],
  key: string,
  holds: (seen: ReturnType<Member['deployments']['get']>) => boolean,
): Promise<void> {
  if (holds(cache.get(key))) return Promise.resolve();
  let known = waits.get(cache);
  if (!known) {
    const created = new Map<string, () => void>();
    cache.onChange((changed) => created.get(changed)?.());
    waits.set(cache, created);
    known = created;
  }
  const mine = known;
  return new Promise((resolve) => {
    mine.set(key, () => {
      if (!holds(cache.get(key))) return;
      mine.delete(key);
      resolve();
    });
  });
}

function countNamed({ deployments }: Member, prefix: string, image?: string): number {
  let count = 0;
  for (const [key, seen] of deployments.entries()) {
    if (key.startsWith(prefix) && (image === undefined || seen.image === image)) count++;
  }
  return count;
}

function hasAll({ members }: Stage, holds: (member: Member) => boolean | Promise<boolean>): Promise<boolean> {
  return Promise.all(members.map(async (member) => holds(member))).then((all) => all.every(Boolean));
}

async function namespaceThere({ client }: Member): Promise<boolean> {
  return client.get(types['Namespace'] as never, { name: namespace }).then(
    () => true,
    () => false,
  );
}

async function memberWrites({ members }: Stage): Promise<number> {
  const counts = await Promise.all(members.map(({ client }) => writesSeenBy(client, 'deployments')));
  return counts.reduce((a, b) => a + b);
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await systemClock.sleep(20);
}

const quietMs = 1_500;

/** Waits until the controller has made no call but probes for a while. */
async function quiet(running: Controller): Promise<void> {
  const calls = () => running.metric('^hansa_kube_calls_total\\{.*verb="(apply|patch|create|delete|list)"');
  for (let before = -1, now = await calls(); before !== now; now = await calls()) {
    before = now;
    await systemClock.sleep(quietMs);
  }
}

async function inParallel(count: number, task: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < count) await task(next++);
    }),
  );
}

function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

async function run(): Promise<void> {
  await using stage = await setStage(3);
  process.stderr.write(
    `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Kubernetes ${stage.sandbox.kubernetesVersion}, node ${process.version}, 3 members\n`,
  );
  let controller = await stage.startController();
  await until(() => hasAll(stage, namespaceThere));
  try {
    await systemClock.sleep(2_000);
    note('memory with 0 objects', controller.rssMb(), 'MB');
    await measureLatency(stage);
    await measureDrift(stage);
    await measureBulk(stage, controller);
    controller = await measureRestart(stage, controller);
    await measureMemory(stage, controller);
    await measureDeletion(stage);
  } finally {
    await controller.stop();
  }
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
}

await run();
