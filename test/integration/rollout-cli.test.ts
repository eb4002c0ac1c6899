import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { toCrd } from '../../src/api/crd/to-crd.ts';
import {
  rolloutRevision,
  rolloutRevisionAddress,
} from '../../src/api/rollout.hansa.dev/v1alpha1/rollout-revision.ts';
import {
  type RolloutSpec,
  type RolloutStatus,
  rollout,
  rolloutAddress,
} from '../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { federatedContent, revisionOf } from '../../src/api/rollout.hansa.dev/v1alpha1/pins.ts';
import { toHub } from '../../src/api/convert/to-hub.ts';
import { servedKinds } from '../../src/api/served-kinds.ts';
import type { JsonObject } from '../../src/base/index.ts';
import { changeRollout } from '../../src/cli/rollout/change-rollout.ts';
import { pause } from '../../src/cli/rollout/pause.ts';
import type { RolloutObject } from '../../src/cli/rollout/rollout-object.ts';
import {
  type ApiClient,
  createApiClient,
  type KubeObject,
  loadAccess,
  type ResourceType,
} from '../../src/kube/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { cluster, revisionObject, side, spec } from '../support/rollout-objects.ts';

const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const namespaceType: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

const federatedConfigMap = servedKinds.filter(
  ({ address }) => address.kind === 'FederatedConfigMap' && address.group === 'types.kubefed.io',
);

let sandbox: Sandbox;
let host: ApiClient;
let dir = '';
let namespace = '';
let namespaces = 0;
const started = new Set<ChildProcess>();

beforeAll(async () => {
  sandbox = await startSandbox({ name: `rollout-cli-${process.pid}`, members: [], hostParts: 'api' });
  host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access);
  for (const served of [rollout, rolloutRevision, ...federatedConfigMap]) {
    await host.apply(crdType, toCrd(served) as unknown as KubeObject, { fieldManager: 'test' });
    await vi.waitFor(() => host.list(served.address).next(), { timeout: 30_000, interval: 100 });
  }
});

afterAll(async () => {
  await host?.close();
  await sandbox?.down();
});

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hansa-rollout-'));
  namespace = `ns-${++namespaces}`;
  await host.create(namespaceType, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});

afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs; its output so far can be looked at. */
function start(
  args: readonly string[],
  {
    terminal = false,
    command = ['rollout'],
  }: { readonly terminal?: boolean; readonly command?: readonly string[] } = {},
): { readonly ended: Promise<Ended>; out(): string } {
  const words = [
    process.execPath,
    'src/cli/hansa.ts',
    ...command,
    ...args,
    '--kubeconfig',
    sandbox.host.kubeconfigPath,
  ];
  const [file = '', ...rest] = terminal
    ? ['script', '-qec', `stty cols 100 rows 30; ${words.map((word) => `'${word}'`).join(' ')}`, '/dev/null']
    : words;
  const { CI: _, NO_COLOR: __, FORCE_COLOR: ___, ...env } = process.env;
  const child = spawn(file, rest, { env: { ...env, TERM: 'xterm' }, stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      started.delete(child);
      resolve({ code, out, err });
    });
  });
  return { ended, out: () => out };
}

const hansa = (...args: readonly string[]) => start([...args, '-n', namespace]).ended;

const ref = () => ({ namespace, name: 'web' });
const read = () => host.get<RolloutObject>(rolloutAddress, ref());

async function create(
  status: RolloutStatus | undefined,
  fields: Partial<RolloutSpec> = {},
): Promise<RolloutObject> {
  const created = await host.create<RolloutObject>(rolloutAddress, {
    apiVersion: 'rollout.hansa.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'web', namespace },
    spec: { ...spec, ...fields },
  });
  return status ? tell(status) : created;
}

/** Writes a status as the controller would: about the object as it is now. */
async function tell(status: RolloutStatus): Promise<RolloutObject> {
  const { metadata } = await read();
  const whole = { observedGeneration: metadata.generation ?? 0, ...status } as unknown as JsonObject;
  return host.patch<RolloutObject>(
    rolloutAddress,
    ref(),
    { status: whole },
    { type: 'merge', subresource: 'status' },
  );
}

async function keepRevision(number: number, revision: string, content: object): Promise<void> {
  const object = revisionObject(number, revision, content);
  const { creationTimestamp: _, ...metadata } = object.metadata;
  await host.create(rolloutRevisionAddress, { ...object, metadata: { ...metadata, namespace } });
}

const now = () => new Date().toISOString();
const running: RolloutStatus = {
  phase: 'Progressing',
  revision: 'b2222222',
  stableRevision: 'a1111111',
  startedAt: now(),
  summary: 'wave first goes to step canary',
  wave: 'first',
  step: 0,
  waves: [
    { name: 'first', phase: 'Progressing' },
    { name: 'rest', phase: 'Pending' },
  ],
  clusters: [
    cluster('eu-1', 'Progressing', {
      wave: 'first',
      step: 0,
      stage: 'ContenderCapacity',
      total: 10,
      contender: side(0, 1),
      incumbent: side(10, 10),
    }),
    cluster('us-1', 'Pending', { wave: 'rest' }),
  ],
};
const completed: RolloutStatus = {
  phase: 'Completed',
  revision: 'b2222222',
  stableRevision: 'b2222222',
  summary: 'every cluster has it',
  history: [
    { revision: 'a1111111', outcome: 'Completed', startedAt: now(), endedAt: now() },
    { revision: 'b2222222', outcome: 'Completed', startedAt: now(), endedAt: now() },
  ],
};

describe('hansa rollout list', () => {
  it('shows rollouts of one namespace or of all, and says when there are none', async () => {
    expect(await hansa('list')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('-A looks in all') as string,
    });
    await create(running);
    const { out } = await hansa('list');
    expect(out).toMatch(/^NAME +PHASE +WAVE +STEP/);
    expect(out).toMatch(/web +Progressing +first +canary 1\/3 +0\/2 +b2222222/);
    expect((await start(['list', '-A']).ended).out).toMatch(new RegExp(`${namespace} +web`));
    const { items } = parse((await hansa('list', '-o', 'yaml')).out) as { items: readonly RolloutObject[] };
    expect(items.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([['Rollout', 'web']]);
  });

  it('refuses two namespaces at once', async () => {
    expect((await hansa('list', '-A')).code).toBe(2);
  });
});

describe('hansa rollout status', () => {
  it('prints once and ends well, whatever the rollout does', async () => {
    await create({ ...running, phase: 'Aborted', abortedBecause: 'a person said so' });
    const { code, out } = await hansa('status', 'web');
    expect(code).toBe(0);
    expect(out).toContain('✗ Aborted');
    expect(out).toContain('Taken back: a person said so');
  });

  it('prints the status as JSON', async () => {
    await create(running);
    const status = JSON.parse((await hansa('status', 'web', '-o', 'json')).out) as JsonObject;
    expect(status).toMatchObject({ namespace, name: 'web', phase: 'Progressing', verdict: 'under-way' });
  });

  it('of a rollout that is not there is a sentence and code 1', async () => {
    const { code, err } = await hansa('status', 'web');
    expect(code).toBe(1);
    expect(err).toBe(
      `hansa: there is no Rollout "web" in namespace "${namespace}": "hansa rollout list -A" shows what there is\n`,
    );
  });

  it.each([
    ['0 when it completes', completed, 0, ''],
    [
      '1 when it is taken back',
      { ...running, phase: 'Aborted', abortedBecause: 'gate errors failed' },
      1,
      'was taken back: gate errors failed',
    ],
    [
      '3 when it waits for a person',
      { ...running, phase: 'WaitingForApproval' },
      3,
      'hansa rollout promote web',
    ],
  ] as const)('with -w ends with code %s, with a line a change before', async (_, last, code, told) => {
    await create(running);
    const following = start(['status', 'web', '-w', '-n', namespace]);
    await vi.waitFor(() => expect(following.out()).toContain('us-1: pending'), { timeout: 20_000 });
    await tell({ ...last, clusters: [cluster('eu-1', 'Done', { wave: 'first' })] });
    const ended = await following.ended;
    expect(ended.code).toBe(code);
    expect(ended.err).toContain(told);
    expect(ended.out).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+\/web: Progressing/);
    expect(ended.out.match(/us-1: pending/g)).toHaveLength(1);
    expect(ended.out).toContain('eu-1: done');
    expect(ended.out).not.toContain('\x1b');
  });

  it('with -w does not take a verdict on what was for one on what is', async () => {
    await create(completed);
    await host.patch(rolloutAddress, ref(), { spec: { progressDeadline: '5m' } }, { type: 'merge' });
    const following = start(['status', 'web', '-w', '--timeout', '2s', '-n', namespace]);
    expect(await following.ended).toMatchObject({
      code: 124,
      err: expect.stringContaining('still under way after 2s') as string,
    });
  });

  it('with -w does not take a verdict on an older revision for one on the edit just made', async () => {
    const address = federatedConfigMap[0]?.address as ResourceType;
    const settings = {
      apiVersion: 'types.kubefed.io/v1beta1',
      kind: 'FederatedConfigMap',
      metadata: { name: 'settings', namespace },
      spec: { placement: { clusterSelector: {} }, template: { data: { colour: 'green' } } },
    };
    const read = toHub(await host.create(address, settings));
    const revision = read.ok ? revisionOf(federatedContent(read.hub)) : '';
    const source = { federatedRef: { kind: 'FederatedConfigMap', name: 'settings' } };
    await create({ ...completed, revision: 'before' }, { source });
    const following = start(['status', 'web', '-w', '-n', namespace]);
    await vi.waitFor(() => expect(following.out()).toContain('revision before'), { timeout: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await tell({ ...completed, revision });
    const { code, out } = await following.ended;
    expect(code).toBe(0);
    expect(out).toContain(`Completed, revision ${revision}`);
  });

  it('with -w --stay waits on while a person thinks', async () => {
    await create({ ...running, phase: 'WaitingForApproval' });
    const following = start(['status', 'web', '-w', '--stay', '-n', namespace]);
    await vi.waitFor(() => expect(following.out()).toContain('Waiting for approval'), { timeout: 20_000 });
    await tell(completed);
    expect((await following.ended).code).toBe(0);
  });

  it('with -w -o json gives one object a change', async () => {
    await create(running);
    const following = start(['status', 'web', '-w', '-o', 'json', '-n', namespace]);
    await vi.waitFor(() => expect(following.out()).toContain('\n'), { timeout: 20_000 });
    await tell(completed);
    const lines = (await following.ended).out.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as RolloutStatus).phase)).toEqual([
      'Progressing',
      'Completed',
    ]);
  });

  it('with -w says so when the rollout is deleted', async () => {
    await create(running);
    const following = start(['status', 'web', '-w', '-n', namespace]);
    await vi.waitFor(() => expect(following.out()).toContain('us-1'), { timeout: 20_000 });
    await host.remove(rolloutAddress, ref());
    expect(await following.ended).toMatchObject({
      code: 1,
      err: expect.stringContaining('was deleted') as string,
    });
  });

  it('with -w on a terminal draws the tree over itself', async () => {
    await create(running);
    const following = start(['status', 'web', '-w', '-n', namespace], { terminal: true });
    await vi.waitFor(() => expect(following.out()).toContain('us-1'), { timeout: 20_000 });
    await tell(completed);
    const { code, out } = await following.ended;
    expect(code).toBe(0);
    expect(out).toMatch(/\x1b\[\d+A/);
    expect(stripVTControlCharacters(out)).toMatch(/eu-1 +canary 1\/3 +▒·+ +0\/1 +█+ +10\/10/);
    expect(stripVTControlCharacters(out)).toContain('✓ Completed');
  });

  it('refuses a time limit without -w, and one that is none', async () => {
    expect((await hansa('status', 'web', '--timeout', '1m')).code).toBe(2);
    expect((await hansa('status', 'web', '-w', '--timeout', 'soon')).code).toBe(2);
  });
});

describe('beside everything else', () => {
  it('hansa get shows rollouts, and hansa describe one with its tree', async () => {
    await create(running);
    const of = (...command: readonly string[]) => start(['-n', namespace], { command }).ended;
    expect((await of('get', 'rollouts')).out).toMatch(/^NAME +PHASE .*\nweb +Progressing/);
    expect((await of('get', 'hro/web', '-o', 'name')).out).toBe('rollout.rollout.hansa.dev/web\n');
    const described = await of('describe', 'rollout', 'web');
    expect(described.out).toMatch(/eu-1 +canary 1\/3/);
    expect((await of('describe', 'rollout', 'absent')).code).toBe(1);
  });
});

describe('the verbs', () => {
  it('pause and resume write one field and leave the rest', async () => {
    await create(running, { command: { targetStep: 1 } });
    expect(await hansa('pause', 'web')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`"hansa rollout resume web -n ${namespace}"`) as string,
    });
    expect((await read()).spec.command).toEqual({ targetStep: 1, paused: true });
    expect((await hansa('pause', 'web')).out).toContain('already');
    expect((await hansa('resume', 'web')).code).toBe(0);
    expect((await read()).spec.command).toEqual({ targetStep: 1 });
  });

  it('write nothing where it is so already', async () => {
    const { metadata } = await create(running, { command: { paused: true } });
    await hansa('pause', 'web');
    expect((await read()).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  it('abort names the revision, and why and who', async () => {
    await create(running);
    expect((await hansa('abort', 'web', '--reason', 'checkout fails')).code).toBe(0);
    const { metadata, spec: changed } = await read();
    expect(changed.command).toEqual({ abort: 'b2222222' });
    expect(metadata.annotations?.['rollout.hansa.dev/abort-reason']).toMatch(
      /^b2222222: checkout fails \(.+\)$/,
    );
  });

  it('abort of what is complete is refused with code 1 and the verb that is meant', async () => {
    await create(completed);
    expect(await hansa('abort', 'web')).toMatchObject({
      code: 1,
      err: expect.stringContaining('hansa rollout undo web') as string,
    });
    expect((await read()).spec.command).toBeUndefined();
  });

  it('retry takes the abort away and has a new value each time', async () => {
    await create({ ...running, phase: 'Aborted' }, { command: { abort: 'b2222222' } });
    await hansa('retry', 'web');
    const first = (await read()).spec.command;
    expect(first).toEqual({ retry: expect.any(String) as string });
    await tell({ ...running, phase: 'Failed' });
    await hansa('retry', 'web');
    expect((await read()).spec.command?.retry).not.toBe(first?.retry);
  });

  it('set-step goes to a step by name or number, and on again', async () => {
    await create(running);
    await hansa('set-step', 'web', 'half');
    expect((await read()).spec.command).toEqual({ targetStep: 1 });
    await hansa('set-step', 'web', 'end');
    expect((await read()).spec.command).toEqual({});
    expect(await hansa('set-step', 'web', '7')).toMatchObject({
      code: 1,
      err: expect.stringContaining('0 (canary)') as string,
    });
  });

  it('promote says what it let go, and who and when is recorded', async () => {
    const reached = [cluster('eu-1', 'StepReached', { wave: 'first', step: 1, reachedAt: now() })];
    await create({ ...running, phase: 'WaitingForApproval', step: 1, clusters: reached });
    const { code, out } = await hansa('promote', 'web');
    expect([code, out]).toEqual([0, `${namespace}/web goes on past the pause of step half in wave first.\n`]);
    const [promotion] = (await read()).spec.command?.promotions ?? [];
    const review = await host.raw('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      method: 'POST',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });
    const { status } = JSON.parse(review) as { status: { userInfo: { username: string } } };
    expect(promotion).toMatchObject({ revision: 'b2222222', at: 'first/half', by: status.userInfo.username });
    expect(Math.abs(Date.parse(promotion?.time ?? '') - Date.now())).toBeLessThan(60_000);
    expect(await hansa('promote', 'web')).toMatchObject({
      code: 1,
      err: expect.stringContaining('promote web --full') as string,
    });
    expect((await hansa('promote', 'web', '--full')).code).toBe(0);
    expect((await read()).spec.command?.promotions?.map(({ at }) => at)).toEqual(['first/half', 'full']);
    expect((await hansa('promote', 'web', '--full', '--gate', 'x')).code).toBe(2);
  });

  it('undo goes to the revision before, or to a given one that is kept', async () => {
    await create(completed);
    await keepRevision(1, 'a1111111', {});
    await keepRevision(2, 'b2222222', {});
    expect((await hansa('undo', 'web')).code).toBe(0);
    expect((await read()).spec.command?.undoTo).toBe('a1111111');
    expect((await hansa('undo', 'web', '--to-number', '9')).code).toBe(1);
    expect((await hansa('undo', 'web', '--to-number', '0')).code).toBe(2);
    expect((await hansa('undo', 'web', '--to', 'a1', '--to-number', '1')).code).toBe(2);
  });

  it('undo asks again for a revision that it was told to go to before the source changed', async () => {
    await create({ ...completed, undo: { to: 'a1111111', from: '' } }, { command: { undoTo: 'a1111111' } });
    await keepRevision(1, 'a1111111', {});
    const asking = start(['undo', 'web', '--to', 'a1', '-n', namespace]);
    // The controller forgets the old word as soon as it is gone.
    await vi.waitFor(async () => expect((await read()).spec.command?.undoTo).toBeUndefined(), {
      timeout: 20_000,
    });
    const forget = { status: { undo: null } };
    await host.patch(rolloutAddress, ref(), forget, { type: 'merge', subresource: 'status' });
    expect((await asking.ended).code).toBe(0);
    expect((await read()).spec.command?.undoTo).toBe('a1111111');
  });

  it('are said to the newest object, when somebody else was faster', async () => {
    await create(running);
    let reads = 0;
    const racing: ApiClient = {
      ...host,
      get: (async (...args: Parameters<ApiClient['get']>) => {
        const seen = await host.get(...args);
        // Another person changes it between this read and the write that follows, twice.
        if (++reads <= 2) {
          const step = { spec: { command: { targetStep: reads } } };
          await host.patch(rolloutAddress, ref(), step, { type: 'merge' });
        }
        return seen;
      }) as ApiClient['get'],
    };
    expect((await changeRollout(racing, ref(), pause, {})).kind).toBe('change');
    expect(reads).toBe(3);
    expect((await read()).spec.command).toEqual({ targetStep: 2, paused: true });
  });

  it('both arrive when two people speak at once', async () => {
    await create(running);
    await Promise.all([hansa('pause', 'web'), hansa('set-step', 'web', '1')]);
    expect((await read()).spec.command).toEqual({ paused: true, targetStep: 1 });
  });
});

describe('history and diff', () => {
  beforeEach(async () => {
    await create(completed);
    await keepRevision(1, 'a1111111', { template: { data: { colour: 'blue', size: 'small' } } });
    await keepRevision(2, 'b2222222', { template: { data: { colour: 'green', size: 'small' } } });
  });

  it('history lists the runs', async () => {
    const rows = JSON.parse((await hansa('history', 'web', '-o', 'json')).out) as readonly JsonObject[];
    expect(rows).toMatchObject([
      { number: 1, revision: 'a1111111', outcome: 'Completed', kept: true },
      { number: 2, revision: 'b2222222', outcome: 'Completed', kept: true },
    ]);
    expect((await hansa('history', 'web')).out).toMatch(/NUMBER +REVISION +OUTCOME/);
  });

  it('diff compares the last two, or two that are named', async () => {
    const { out } = await hansa('diff', 'web');
    expect(out).toContain('--- web a1111111 (number 1)\n+++ web b2222222 (number 2)\n');
    expect(out).toContain('-    colour: blue\n+    colour: green\n');
    expect((await hansa('diff', 'web', '2', 'a1')).out).toContain('-    colour: green\n+    colour: blue\n');
    expect(await hansa('diff', 'web', '1', '1')).toMatchObject({ code: 0, out: '' });
    expect((await hansa('diff', 'web', 'zz')).code).toBe(1);
  });
});

describe('hansa rollout apply', () => {
  const strategy = {
    apiVersion: 'rollout.hansa.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'web' },
    spec: { placement: { clusterSelector: {} }, steps: [{ name: 'full', capacity: { contender: 100 } }] },
  };
  const configMap = (colour: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings' },
    data: { colour },
  });
  const write = (name: string, value: unknown) => {
    const path = join(dir, name);
    writeFileSync(path, typeof value === 'string' ? value : stringify(value));
    return path;
  };
  const manifests = async () => (await read()).spec.source.manifests;

  it('creates from files, changes what changed, and leaves what a person said', async () => {
    const file = write('rollout.yaml', strategy);
    const objects = write('settings.yaml', configMap('blue'));
    expect((await hansa('apply', '-f', file, '--manifests', objects)).out).toContain(
      'created with 1 object:',
    );
    expect(await manifests()).toEqual([configMap('blue')]);
    await tell(running);
    await hansa('pause', 'web');
    expect((await hansa('apply', '-f', file, '--manifests', objects)).out).toContain('unchanged');
    write('settings.yaml', configMap('green'));
    expect((await hansa('apply', '-f', file, '--manifests', objects)).out).toContain('changed with');
    expect(await manifests()).toEqual([configMap('green')]);
    expect((await read()).spec.command).toEqual({ paused: true });
  });

  it('renders a kustomize directory', async () => {
    mkdirSync(join(dir, 'base'));
    write('base/settings.yaml', configMap('blue'));
    write('base/kustomization.yaml', 'resources: [settings.yaml]\nnamePrefix: eu-\n');
    expect((await hansa('apply', '-f', write('rollout.yaml', strategy), '-k', join(dir, 'base'))).err).toBe(
      '',
    );
    expect(await manifests()).toMatchObject([{ metadata: { name: 'eu-settings' } }]);
  });

  it('tells what kustomize said when it cannot', async () => {
    mkdirSync(join(dir, 'base'));
    write('base/kustomization.yaml', 'resources: [absent.yaml]\n');
    const { code, err } = await hansa(
      'apply',
      '-f',
      write('rollout.yaml', strategy),
      '-k',
      join(dir, 'base'),
    );
    expect(code).toBe(1);
    expect(err).toContain('absent.yaml');
  });

  it('prints instead with --dry-run, and asks no host', async () => {
    const args = [
      'apply',
      '-f',
      write('rollout.yaml', strategy),
      '--manifests',
      write('a.yaml', configMap('blue')),
    ];
    const { code, out } = await hansa(...args, '--dry-run', '--kubeconfig', '/nowhere/kubeconfig');
    expect(code).toBe(0);
    expect(parse(out)).toMatchObject({
      kind: 'Rollout',
      spec: { source: { manifests: [configMap('blue')] } },
    });
    await expect(read()).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('refuses what cannot be carried out by the name of the field, before and on the host', async () => {
    const bad = {
      ...strategy,
      spec: { ...strategy.spec, steps: [{ name: 'a', capacity: { contender: 101 } }] },
    };
    const objects = write('a.yaml', configMap('blue'));
    const early = await hansa('apply', '-f', write('rollout.yaml', bad), '--manifests', objects);
    expect([early.code, early.err]).toEqual([
      1,
      expect.stringContaining('spec.steps[0].capacity.contender') as string,
    ]);
    const never = {
      ...strategy,
      spec: { ...strategy.spec, steps: [{ name: 'a', capacity: { contender: 50 } }] },
    };
    const late = await hansa('apply', '-f', write('rollout.yaml', never), '--manifests', objects);
    expect([late.code, late.err]).toEqual([1, expect.stringContaining('capacity.contender 100') as string]);
  });

  it('does not take over what another manager set, unless told so', async () => {
    const file = write('rollout.yaml', { ...strategy, spec: { ...strategy.spec, progressDeadline: '5m' } });
    const args = ['apply', '-f', file, '--manifests', write('a.yaml', configMap('blue'))];
    await hansa(...args);
    const other = { ...strategy, metadata: { name: 'web', namespace }, spec: { progressDeadline: '7m' } };
    await host.apply(rolloutAddress, other, { fieldManager: 'gitops', force: true });
    expect(await hansa(...args)).toMatchObject({
      code: 1,
      err: expect.stringContaining('--force-conflicts') as string,
    });
    expect((await hansa(...args, '--force-conflicts')).code).toBe(0);
    expect((await read()).spec.progressDeadline).toBe('5m');
  });

  it('refuses two sources, and two namespaces', async () => {
    const file = write('rollout.yaml', { ...strategy, metadata: { name: 'web', namespace: 'elsewhere' } });
    const objects = write('a.yaml', configMap('blue'));
    expect((await hansa('apply', '-f', file, '--manifests', objects)).code).toBe(2);
    expect((await hansa('apply', '-f', file, '--manifests', objects, '-k', dir)).code).toBe(2);
  });
});
