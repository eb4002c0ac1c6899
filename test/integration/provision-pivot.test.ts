import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubeClusterAddress } from '../../src/api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { kubeMachineAddress } from '../../src/api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { kubeOperationAddress } from '../../src/api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { HansaError, silentLogger } from '../../src/base/index.ts';
import {
  type ApiClient,
  createApiClient,
  type KubeObject,
  loadAccess,
  systemClock,
} from '../../src/kube/index.ts';
import { HostHome } from '../../src/provision/pivot/host-home.ts';
import {
  type PivotOptions,
  pivotToFile,
  pivotToHost,
  takeBackFromLostHost,
} from '../../src/provision/pivot/pivot.ts';
import { differences } from '../../src/provision/pivot/portable.ts';
import { crClusterStore, StateFile, type WholeCluster } from '../../src/provision/store/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { keptCluster, type KeptParts } from '../unit/provision/pivot/kept-cluster.ts';
import { find, secretType } from '../unit/provision/registration/federation.ts';
import { record } from '../unit/provision/store/builders.ts';
import { installProvisionKinds } from '../support/provision-kinds.ts';

const movedTo = 'provision.hansa.dev/moved-to';
const passphrase = 'correct horse battery';
const lease = { leaseDurationMs: 1_000, renewDeadlineMs: 800, retryPeriodMs: 100 };
const never = new AbortController().signal;

let sandbox: Sandbox;
let host: ApiClient;
let folder: string;
let count = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hansa-pivot-'));
  sandbox = await startSandbox({ name: `provision-pivot-${process.pid}`, members: [], hostParts: 'api' });
  host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access);
  await installProvisionKinds(host);
});

afterAll(async () => {
  await host?.close();
  await sandbox?.down();
  rmSync(folder, { recursive: true, force: true });
});

/** Dead from the nth write on, for both homes at once; `after`: that write still arrived. */
class Death {
  readonly #nth: number;
  readonly #when: 'before' | 'after';
  writes = 0;
  isDead = false;

  constructor(nth: number, when: 'before' | 'after') {
    this.#nth = nth;
    this.#when = when;
  }

  read(): void {
    if (this.isDead) throw new HansaError('killed by the test', { reason: 'Killed', retry: 'never' });
  }

  async write<T>(work: () => Promise<T>): Promise<T> {
    this.read();
    this.writes += 1;
    const isIt = this.writes === this.#nth;
    if (isIt && this.#when === 'before') this.isDead = true;
    this.read();
    const answer = await work();
    if (isIt) this.isDead = true;
    this.read();
    return answer;
  }
}

class MortalState extends StateFile {
  readonly #death: Death;

  constructor(path: string, death: Death) {
    super(optionsOf(path));
    this.#death = death;
  }

  override async clusters() {
    this.#death.read();
    return super.clusters();
  }

  override async cluster(...args: Parameters<StateFile['cluster']>) {
    this.#death.read();
    return super.cluster(...args);
  }

  override async importCluster(...args: Parameters<StateFile['importCluster']>) {
    return this.#death.write(() => super.importCluster(...args));
  }

  override async markMoved(...args: Parameters<StateFile['markMoved']>) {
    return this.#death.write(() => super.markMoved(...args));
  }

  override async writeSecret(...args: Parameters<StateFile['writeSecret']>) {
    return this.#death.write(() => super.writeSecret(...args));
  }

  override async changeCluster(...args: Parameters<StateFile['changeCluster']>) {
    return this.#death.write(() => super.changeCluster(...args));
  }
}

function mortalHost(death: Death): ApiClient {
  const writes = ['create', 'replace', 'apply', 'patch', 'remove'];
  return new Proxy(host, {
    get: (target, name: keyof ApiClient) => {
      const value: unknown = target[name];
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]) => {
        const call = () => Reflect.apply(value, target, args) as Promise<unknown>;
        // The Lease is renewed by the clock, whatever the move is at.
        const isLease = (args[0] as { readonly plural?: string } | undefined)?.plural === 'leases';
        if (writes.includes(name) && !isLease) return death.write(call);
        death.read();
        return call();
      };
    },
  });
}

function optionsOf(path: string) {
  return { path, passphrase: () => Promise.resolve(passphrase), clock: systemClock };
}

/** A cluster of its own in a state file of its own. */
async function newCluster(parts: KeptParts = {}, { isInFile = true } = {}) {
  count += 1;
  const key = { namespace: 'clusters', name: `shop${count}` };
  const path = join(folder, `state-${count}.json`);
  const state = new StateFile(optionsOf(path));
  const whole = keptCluster(key, parts);
  if (isInFile) await state.importCluster(whole);
  const options = (more: Partial<PivotOptions> = {}): PivotOptions => ({
    state,
    filePlace: `the state file ${path} of anna@laptop`,
    host,
    key,
    owner: 'anna@laptop',
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    signal: never,
    lease,
    ...more,
  });
  const home = () =>
    new HostHome({
      client: host,
      key,
      clock: systemClock,
      rng: Math.random,
      logger: silentLogger,
      signal: never,
      lease,
    });
  return {
    key,
    path,
    state,
    whole,
    home,
    toHost: (more?: Partial<PivotOptions>) => pivotToHost(options(more)),
    toFile: (more?: Partial<PivotOptions>) => pivotToFile(options(more)),
    /** Which homes may be worked from, and whether both say that it is the other. */
    homes: async () => {
      const stored = await new StateFile(optionsOf(path)).cluster(key);
      const found = await find(host, kubeClusterAddress, key);
      const inFile = stored !== undefined && stored.objects.length > 0;
      const onHost = found !== undefined;
      const fileMark = stored?.movedTo;
      const hostMark = found?.metadata.annotations?.[movedTo];
      return {
        active: [
          ...(inFile && fileMark === undefined ? ['file'] : []),
          ...(onHost && hostMark === undefined ? ['host'] : []),
        ],
        isBetween: fileMark !== undefined && hostMark !== undefined,
      };
    },
    onHost: async () => home().read(Object.keys(whole.secrets)),
    inFile: async () => new StateFile(optionsOf(path)).exportCluster(key),
  };
}

type Cluster = Awaited<ReturnType<typeof newCluster>>;

async function reasonOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof HansaError ? error.reason : String(error);
}

describe('a cluster that moves', () => {
  it('is on the host with everything, and can only be read in the file', async () => {
    const cluster = await newCluster();
    const result = await cluster.toHost();
    expect(result).toMatchObject({
      done: 'moved',
      moved: { objects: 3, secrets: 3, operations: 2 },
      warnings: [],
    });
    expect(differences(cluster.whole, await cluster.onHost())).toEqual([]);
    expect(await cluster.homes()).toEqual({ active: ['host'], isBetween: false });
    await expect(cluster.state.putObjects(cluster.key, [])).rejects.toThrow(
      /was moved to KubeCluster clusters\/shop/,
    );
    const credential = await host.get(secretType, {
      namespace: 'clusters',
      name: `${cluster.key.name}-kubeconfig`,
    });
    expect(credential['type']).toBe('cluster.x-k8s.io/secret');
  });

  it('has its journal on the host in the order of what happened, and the next run goes behind it', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    const store = crClusterStore({
      client: host,
      key: cluster.key,
      clock: systemClock,
      rng: Math.random,
      logger: silentLogger,
      lease,
    });
    const next = record({ operation: 'next', event: 'done' });
    await store.append(next);
    const journal = JSON.parse(JSON.stringify(await store.journal())) as unknown;
    expect(journal).toEqual(JSON.parse(JSON.stringify([...cluster.whole.journal, next])));
  });

  it('comes back to the file with what was changed on the host', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    const machine = { namespace: 'clusters', name: `${cluster.key.name}-m2` };
    await host.patch(kubeMachineAddress, machine, { spec: { host: '192.0.2.77' } }, { type: 'merge' });
    const before = await cluster.onHost();
    expect(await cluster.toFile()).toMatchObject({
      done: 'moved',
      moved: { objects: 3, secrets: 3, operations: 2 },
    });
    expect(differences(before, await cluster.inFile())).toEqual([]);
    expect(await cluster.homes()).toEqual({ active: ['file'], isBetween: false });
  });

  it('comes to a file that never had it, with Secrets that carry no label', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    const ssh = { namespace: 'clusters', name: `${cluster.key.name}-ssh` };
    await host.patch(secretType, ssh, { metadata: { labels: null } }, { type: 'merge' });
    const path = join(folder, `other-${count}.json`);
    const state = new StateFile(optionsOf(path));
    await cluster.toFile({ state });
    expect(differences(cluster.whole, await state.exportCluster(cluster.key))).toEqual([]);
  });

  it('goes to the host a second time as it has become meanwhile', async () => {
    const cluster = await newCluster({ machines: ['m1', 'm2', 'm3'] });
    await cluster.toHost();
    const leaving = { namespace: 'clusters', name: `${cluster.key.name}-m3` };
    const finalizers = ['provision.hansa.dev/let-go'];
    await host.patch(kubeMachineAddress, leaving, { metadata: { finalizers } }, { type: 'merge' });
    const staying = { namespace: 'clusters', name: `${cluster.key.name}-m2` };
    await host.patch(kubeMachineAddress, staying, { metadata: { finalizers } }, { type: 'merge' });
    await cluster.toFile();
    await host.remove(kubeMachineAddress, staying);
    const changed: WholeCluster = {
      ...keptCluster(cluster.key, {
        machines: ['m1', 'm2'],
        journal: [record({ operation: 'later', event: 'done' })],
        secrets: { [`${cluster.key.name}-kubeconfig`]: { value: 'another kubeconfig' } },
      }),
    };
    await cluster.state.importCluster(changed);
    await cluster.toHost();
    expect(differences(changed, await cluster.onHost())).toEqual([]);
    expect(await find(host, kubeMachineAddress, leaving)).toBeUndefined();
    expect(await cluster.homes()).toEqual({ active: ['host'], isBetween: false });
  });

  it('takes along what was written into the file while it was copied', async () => {
    const cluster = await newCluster();
    const name = `${cluster.key.name}-kubeconfig`;
    let isWritten = false;
    const meddled = new Proxy(host, {
      get: (target, method: keyof ApiClient) => {
        if (method !== 'create') return target[method];
        return async (...args: Parameters<ApiClient['create']>) => {
          if (!isWritten && args[0].kind === 'KubeMachine') {
            isWritten = true;
            await new StateFile(optionsOf(cluster.path)).writeSecret(cluster.key, name, {
              value: 'a newer one',
            });
          }
          return target.create(...args);
        };
      },
    });
    await cluster.toHost({ host: meddled });
    expect((await cluster.onHost()).secrets[name]).toEqual({ value: 'a newer one' });
  });

  it('is where it should be already, the second time', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    const before = await find(host, kubeClusterAddress, cluster.key);
    expect((await cluster.toHost()).done).toBe('was-there');
    expect((await find(host, kubeClusterAddress, cluster.key))?.metadata.resourceVersion).toBe(
      before?.metadata.resourceVersion,
    );
    await cluster.toFile();
    expect((await cluster.toFile()).done).toBe('was-there');
  });

  it('stays where it is with a dry run, in either direction', async () => {
    const cluster = await newCluster();
    expect((await cluster.toHost({ dryRun: true })).done).toBe('nothing-dry-run');
    expect(await find(host, kubeClusterAddress, cluster.key)).toBeUndefined();
    await cluster.toHost();
    expect((await cluster.toFile({ dryRun: true })).done).toBe('nothing-dry-run');
    expect((await cluster.homes()).active).toEqual(['host']);
  });

  it('is taken back as it was from a host that is lost for good', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    const { state, key } = cluster;
    await takeBackFromLostHost({ state, key, filePlace: 'the state file' });
    expect(differences(cluster.whole, await cluster.inFile())).toEqual([]);
    await cluster.state.putObjects(key, cluster.whole.objects);
  });
});

describe('a move that is killed', () => {
  const moments = ['before', 'after'] as const;

  /** Kills one move after the other, each one write later, until one lives. */
  async function killEach(
    prepare: () => Promise<Cluster>,
    direction: 'toHost' | 'toFile',
    look: (cluster: Cluster, death: Death) => Promise<void>,
  ): Promise<{ readonly deaths: number; readonly between: number }> {
    let between = 0;
    let deaths = 0;
    for (let nth = 1; ; nth += 1) {
      const ends = await Promise.all(
        moments.map(async (when) => {
          const cluster = await prepare();
          const death = new Death(nth, when);
          const state = new MortalState(cluster.path, death);
          const reason = await reasonOf(cluster[direction]({ state, host: mortalHost(death) }));
          const homes = await cluster.homes();
          // Never two; none only between the two marks.
          expect({ nth, when, homes }).toEqual({
            nth,
            when,
            homes: homes.isBetween
              ? { active: [], isBetween: true }
              : { active: [expect.stringMatching(/^(file|host)$/)], isBetween: false },
          });
          if (death.isDead) expect(reason).toBe('Killed');
          await look(cluster, death);
          return { isDead: death.isDead, isBetween: homes.isBetween };
        }),
      );
      deaths += ends.filter(({ isDead }) => isDead).length;
      between += ends.filter(({ isBetween }) => isBetween).length;
      if (ends.every(({ isDead }) => !isDead)) return { deaths, between };
    }
  }

  it('to the host: one home is active at every moment but between the marks, and the next run ends it', async () => {
    const { deaths, between } = await killEach(
      () => newCluster(),
      'toHost',
      async (cluster) => {
        await cluster.toHost();
        expect(await cluster.homes()).toEqual({ active: ['host'], isBetween: false });
        expect(differences(cluster.whole, await cluster.onHost())).toEqual([]);
      },
    );
    expect(deaths).toBeGreaterThan(20);
    // After the file's mark, and before the host's goes.
    expect(between).toBe(2);
  });

  it('to the file: one home is active at every moment but between the marks, and the next run ends it', async () => {
    const { deaths, between } = await killEach(
      async () => {
        const cluster = await newCluster();
        await cluster.toHost();
        return cluster;
      },
      'toFile',
      async (cluster) => {
        await cluster.toFile();
        expect(await cluster.homes()).toEqual({ active: ['file'], isBetween: false });
        expect(differences(cluster.whole, await cluster.inFile())).toEqual([]);
      },
    );
    expect(deaths).toBeGreaterThan(4);
    expect(between).toBe(2);
  });

  it('to a new file: the same', async () => {
    const { deaths, between } = await killEach(
      async () => {
        const cluster = await newCluster();
        await cluster.toHost();
        rmSync(cluster.path);
        return cluster;
      },
      'toFile',
      async (cluster) => {
        await cluster.toFile();
        expect(await cluster.homes()).toEqual({ active: ['file'], isBetween: false });
        expect(differences(cluster.whole, await cluster.inFile())).toEqual([]);
      },
    );
    expect(deaths).toBeGreaterThan(6);
    expect(between).toBe(2);
  });

  it('may be turned round, wherever it broke off', async () => {
    const { deaths } = await killEach(
      () => newCluster(),
      'toHost',
      async (cluster) => {
        await reasonOf(cluster.toFile());
        expect(await cluster.homes()).toEqual({ active: ['file'], isBetween: false });
        expect(differences(cluster.whole, await cluster.inFile())).toEqual([]);
      },
    );
    expect(deaths).toBeGreaterThan(20);
  });

  it('is not ended by the file of an earlier home', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    const elsewhere = new StateFile(optionsOf(join(folder, `elsewhere-${count}.json`)));
    await cluster.toFile({ state: elsewhere });
    expect(await reasonOf(cluster.toFile())).toBe('KeptElsewhere');
    expect(await reasonOf(cluster.toHost())).toBe('KeptElsewhere');
  });
});

describe('a cluster that may not move', () => {
  it('stays while an operation is open', async () => {
    const cluster = await newCluster({
      journal: [record({ operation: 'up', event: 'intent' }), record({ operation: 'up', event: 'started' })],
    });
    await expect(cluster.toHost()).rejects.toThrow(
      /step m1\/join-control-plane of up was begun and not ended/,
    );
    expect(await find(host, kubeClusterAddress, cluster.key)).toBeUndefined();
  });

  it('stays while somebody works on it from the file', async () => {
    const cluster = await newCluster();
    await using _ = await cluster.state.lockCluster(cluster.key, 'bert@laptop', never);
    await expect(cluster.toHost()).rejects.toThrow(/is being changed by bert@laptop/);
  });

  it.each(['toHost', 'toFile'] as const)('stays while a controller works on it (%s)', async (direction) => {
    const cluster = await newCluster();
    if (direction === 'toFile') await cluster.toHost();
    else await cluster.home().ensureNamespace();
    await using _ = await cluster.home().store.lock('controller-0', never);
    await expect(cluster[direction]()).rejects.toThrow(/is being changed by controller-0/);
    expect((await cluster.homes()).active).toEqual([direction === 'toHost' ? 'file' : 'host']);
  });

  it('stays while a KubeOperation waits', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    await host.create(kubeOperationAddress, {
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeOperation',
      metadata: { name: `${cluster.key.name}-renew`, namespace: 'clusters' },
      spec: { clusterName: cluster.key.name, type: 'RenewCertificates' },
    });
    await expect(cluster.toFile()).rejects.toThrow(/KubeOperation shop\d+-renew .* has not come to its end/);
  });

  it('stays while a machine is on its way out of it', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    const machine = { namespace: 'clusters', name: `${cluster.key.name}-m2` };
    const finalizers = ['provision.hansa.dev/let-go'];
    await host.patch(kubeMachineAddress, machine, { metadata: { finalizers } }, { type: 'merge' });
    await host.remove(kubeMachineAddress, machine);
    await expect(cluster.toFile()).rejects.toThrow(/shop\d+-m2 of cluster .* is being taken out of it/);
    expect((await cluster.homes()).active).toEqual(['host']);
  });

  it('stays where the host has a cluster of that name already', async () => {
    const cluster = await newCluster();
    await cluster.home().ensureNamespace();
    const [object] = cluster.whole.objects;
    await host.create(kubeClusterAddress, object as unknown as KubeObject);
    expect(await reasonOf(cluster.toHost())).toBe('KeptTwice');
    expect(await reasonOf(cluster.toFile())).toBe('KeptTwice');
  });

  it('stays where the host keeps the copy of another cluster', async () => {
    const cluster = await newCluster();
    await cluster.toHost();
    await cluster.toFile();
    await cluster.state.importCluster(keptCluster(cluster.key, { ca: 'another CA' }));
    expect(await reasonOf(cluster.toHost())).toBe('AnotherCluster');
  });

  it('stays where a Secret of its name is not its own, and the other keeps its content', async () => {
    const cluster = await newCluster({ secrets: { 'shared-s3': { 'secret-key': 'ours' } } });
    await cluster.home().ensureNamespace();
    const ref = { namespace: 'clusters', name: 'shared-s3' };
    await host.create(secretType, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: ref,
      data: { 'secret-key': Buffer.from('theirs').toString('base64') },
    });
    expect(await reasonOf(cluster.toHost())).toBe('SecretTaken');
    expect((await host.get(secretType, ref))['data']).toEqual({
      'secret-key': Buffer.from('theirs').toString('base64'),
    });
    await host.remove(secretType, ref);
  });

  it.each([
    [
      'an SSH agent for a credential',
      { credential: { agent: 'true' } },
      /is an SSH agent, and a controller has none/,
    ],
    [
      'the machine it is kept on',
      { machines: ['m1'], machineSpec: { transport: 'local' } },
      /has transport local/,
    ],
  ] as const)('stays if it needs %s', async (_, parts, words) => {
    const cluster = await newCluster(parts as KeptParts);
    await expect(cluster.toHost()).rejects.toThrow(words);
    expect((await cluster.homes()).active).toEqual(['file']);
  });
});

describe('hansa pivot', () => {
  const program = fileURLToPath(new URL('../../src/cli/hansa.ts', import.meta.url));

  async function hansa(path: string, ...args: readonly string[]) {
    const kubeconfig = join(folder, 'host.kubeconfig');
    writeFileSync(kubeconfig, sandbox.host.adminKubeconfig, { mode: 0o600 });
    const env = { ...process.env, HANSA_STATE_PASSPHRASE: passphrase, HANSA_STATE: path };
    const run = promisify(execFile)(
      process.execPath,
      [program, 'pivot', ...args, '--kubeconfig', kubeconfig],
      { env },
    );
    const { stdout, stderr, code } = await run.then(
      (ended) => ({ ...ended, code: 0 }),
      (error: { readonly stdout: string; readonly stderr: string; readonly code: number }) => error,
    );
    return { stdout, stderr, code };
  }

  it('moves all clusters of a file, names those that it can not, and tells no secret', async () => {
    const good = await newCluster();
    const bad = keptCluster({ namespace: 'clusters', name: 'stuck' }, { credential: { agent: 'true' } });
    await good.state.importCluster(bad);
    const moved = await hansa(good.path, 'to-host', '--all');
    expect(moved.stdout).toMatch(new RegExp(`✓ cluster clusters/${good.key.name} is kept in KubeCluster`));
    expect(moved.stderr).toMatch(/hansa: cluster clusters\/stuck can't be moved as it is/);
    expect(moved.code).toBe(1);
    expect(`${moved.stdout}${moved.stderr}`).not.toMatch(/SECRET-OF/);
    const back = await hansa(good.path, 'to-file', good.key.name, '-o', 'json');
    expect(JSON.parse(back.stdout)).toMatchObject({
      moved: [{ name: good.key.name, done: 'moved' }],
      failed: [],
    });
    expect(back.code).toBe(0);
  });

  it('says which option is missing', async () => {
    const cluster = await newCluster();
    expect(await hansa(cluster.path, 'to-host')).toMatchObject({
      code: 2,
      stderr: 'hansa: name clusters, or say --all\n',
    });
  });
});
