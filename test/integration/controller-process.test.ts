import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseAllDocuments, stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { shipperTypes } from '../../src/rollout/shipper/records.ts';
import { findFreePort } from '../../src/sandbox/free-ports.ts';
import { type KubeObject, type ResourceType } from '../../src/kube/index.ts';
import { findHelm } from '../../src/sandbox/index.ts';
import { startChartRepository } from '../support/chart-repository.ts';
import { looksAt, until } from '../support/look.ts';
import {
  federatedConfigMap,
  federatedDeployment,
  find,
  hansaNamespace,
  startWorld,
  types,
  type World,
} from '../support/world.ts';

const program = new URL('../../src/cli/hansa.ts', import.meta.url).pathname;
const deployDir = new URL('../../deploy/', import.meta.url).pathname;
const leaseType: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};
const memberNames = ['m1', 'm2'];

let world: World;
const { inMember, statusOf } = looksAt(() => world);
const started: ControllerProcess[] = [];

beforeAll(async () => {
  world = await startWorld({
    members: memberNames.map((name) => ({ name, region: 'local' })),
    running: false,
  });
});
afterEach(async () => {
  // In order, so that the next one need not wait for a Lease to expire; by force if that takes too long.
  await Promise.all(
    started.splice(0).map(async (each) => {
      const limit = setTimeout(() => each.child.kill('SIGKILL'), 15_000);
      await each.kill('SIGTERM');
      clearTimeout(limit);
    }),
  );
});
afterAll(() => world?.down());

interface ControllerProcess {
  readonly child: ChildProcess;
  /** Log lines so far, as they were written. */
  readonly log: Readonly<Record<string, unknown>>[];
  readonly errors: () => string;
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** The answer's status and text. */
  ask(path: string): Promise<{ readonly status: number; readonly text: string }>;
  kill(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** `hansa controller` as a process of its own. */
function startProcess(
  flags: readonly string[] = [],
  kubeconfig: string = world.host.kubeconfigPath,
  env: Readonly<Record<string, string>> = {},
): ControllerProcess {
  const child = spawn(
    process.execPath,
    [program, 'controller', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0', ...flags],
    // No variable of this test's own surroundings may reach it.
    { env: { PATH: process.env['PATH'], HOME: tmpdir(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const log: Record<string, unknown>[] = [];
  let errors = '';
  const take = (line: string) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as Record<string, unknown>);
    else errors += `${line}\n`;
  };
  createInterface({ input: child.stdout }).on('line', take);
  createInterface({ input: child.stderr }).on('line', take);
  const exit = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  const result: ControllerProcess = {
    child,
    log,
    errors: () => errors,
    exit,
    ask: async (path) => {
      const port = log.find(({ port }) => port)?.['port'];
      const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`);
      return { status: answer.status, text: await answer.text() };
    },
    kill: (signal = 'SIGKILL') => {
      child.kill(signal);
      return exit;
    },
  };
  started.push(result);
  return result;
}

const said = (each: ControllerProcess, message: string) =>
  each.log.some((line) => Object.values(line).includes(message));
const isLeading = (each: ControllerProcess) =>
  until(() => {
    expect(each.errors()).toBe('');
    expect(said(each, 'leading')).toBe(true);
  }, 40_000);

async function leaseHolder(): Promise<string | undefined> {
  const lease = await find<{ spec: { holderIdentity?: string } }>(world.host.client, leaseType, {
    namespace: hansaNamespace,
    name: 'hansa-controller',
  });
  return lease?.spec.holderIdentity;
}

/** Writes to ConfigMaps that a member's API server has carried out, as it counts them itself. */
async function writesIn(member: string): Promise<number> {
  const text = await world.member(member).client.raw('/metrics');
  return text
    .split('\n')
    .filter(
      (line) =>
        line.startsWith('apiserver_request_total{') &&
        /resource="configmaps"/.test(line) &&
        /verb="(APPLY|PATCH|POST|PUT|DELETE)"/.test(line),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

describe('hansa controller', () => {
  it('tells how it is, and what it does', async () => {
    const controller = startProcess();
    await isLeading(controller);
    expect(await controller.ask('/healthz')).toEqual({ status: 200, text: 'ok' });
    await until(async () => expect(await controller.ask('/readyz')).toEqual({ status: 200, text: 'ok' }));
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('told', namespace));
    await until(async () =>
      expect((await statusOf('FederatedConfigMap', 'told', namespace)).summary.text).toBe('2/2'),
    );
    const { status, text } = await controller.ask('/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(/^hansa_\w+\{.*m1.*\} \d/m);
    expect(text).not.toContain('told');
    expect(await leaseHolder()).toBeTruthy();
  });

  it('stops in order on SIGTERM: exit code 0 within 10 s, and the Lease is free for the next', async () => {
    const controller = startProcess();
    await isLeading(controller);
    const since = performance.now();
    expect(await controller.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - since).toBeLessThan(10_000);
    expect(await leaseHolder()).toBe('');
    expect(said(controller, 'stopped')).toBe(true);
  });

  it('killed in the middle of 200 changes is finished by the next, which writes nothing twice', async () => {
    const namespace = await world.namespace();
    const names = Array.from({ length: 200 }, (_, i) => `change-${i}`);
    const first = startProcess(['--leader-elect', 'false']);
    await isLeading(first);
    await until(async () => {
      for (const member of memberNames) expect(await inMember(member, 'Namespace', namespace)).toBeDefined();
    });
    const before = await Promise.all(memberNames.map(writesIn));
    const changing = Promise.all(names.map((name) => world.apply(federatedConfigMap(name, namespace))));
    await until(async () => expect(await countIn('m1', namespace)).toBeGreaterThan(40));
    await first.kill('SIGKILL');
    await changing;
    const inPlaceAtDeath = await countIn('m1', namespace);
    console.log(`${inPlaceAtDeath} of 200 were in place when it was killed`);
    expect(inPlaceAtDeath).toBeLessThan(200);

    const second = startProcess(['--leader-elect', 'false']);
    await until(async () => {
      for (const member of memberNames) expect(await countIn(member, namespace)).toBe(200);
    }, 60_000);
    await until(async () => {
      for (const name of [names[0], names[99], names[199]])
        expect((await statusOf('FederatedConfigMap', name as string, namespace)).summary.text).toBe('2/2');
    }, 30_000);
    expect(second.errors()).toBe('');
    await isSettled();
    const after = await Promise.all(memberNames.map(writesIn));
    // Each object was made by one write in each member: nothing that the first had put in place was written again.
    expect(after.map((count, i) => count - (before[i] as number))).toEqual([200, 200]);
  });

  it('is succeeded by a waiting one when it is killed', async () => {
    const quick = ['--lease-duration', '3s', '--renew-deadline', '2s', '--retry-period', '500ms'];
    const first = startProcess(quick);
    await isLeading(first);
    const second = startProcess(quick);
    await until(() => expect(said(second, 'listening')).toBe(true), 30_000);
    // The one that waits is ready to take over, and does nothing yet.
    await until(async () => expect((await second.ask('/readyz')).status).toBe(200));
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(said(second, 'leading')).toBe(false);
    const holder = await leaseHolder();
    await first.kill('SIGKILL');
    const namespace = await world.namespace();
    await world.apply(federatedConfigMap('orphan', namespace));
    await isLeading(second);
    await until(async () => {
      for (const member of memberNames)
        expect(await inMember(member, 'ConfigMap', 'orphan', namespace)).toBeDefined();
    });
    expect(await leaseHolder()).toBeTruthy();
    expect(await leaseHolder()).not.toBe(holder);
  });
});

describe('what is asked wrongly', () => {
  it.each([
    [['--lease-duration', 'soon'], '--lease-duration (or HANSA_LEASE_DURATION): must be a duration'],
    [
      ['--lease-duration', '5s', '--renew-deadline', '9s'],
      '--lease-duration must be longer than --renew-deadline',
    ],
    [['--no-such-flag'], "unknown option '--no-such-flag'"],
  ])('%j is a sentence and exit code 2', async (flags, sentence) => {
    const controller = startProcess(flags);
    expect(await controller.exit).toEqual({ code: 2, signal: null });
    expect(controller.errors()).toContain(sentence);
    expect(controller.errors()).not.toMatch(/^\s+at /m);
  });

  it('a kubeconfig that is not there is a sentence and exit code 1', async () => {
    const controller = startProcess([], '/nowhere/kubeconfig');
    expect(await controller.exit).toEqual({ code: 1, signal: null });
    expect(controller.errors()).toMatch(/^hansa: cannot read the kubeconfig \/nowhere\/kubeconfig/);
    expect(controller.errors()).not.toMatch(/^\s+at /m);
  });

  it('a host that does not answer is told in sentences while it is waited for', async () => {
    const port = await findFreePort();
    const dir = mkdtempSync(join(tmpdir(), 'hansa-unreachable-'));
    try {
      const path = join(dir, 'kubeconfig');
      const text = world.host.adminKubeconfig.replace(world.host.server, `https://127.0.0.1:${port}`);
      writeFileSync(path, text, { mode: 0o600 });
      const controller = startProcess(
        ['--lease-duration', '3s', '--renew-deadline', '2s', '--retry-period', '500ms'],
        path,
      );
      await until(() => {
        const complaint = controller.log.find(({ level }) => level === 'warn');
        expect(String(complaint?.['error'])).toContain('ECONNREFUSED');
      }, 40_000);
      expect((await controller.ask('/readyz')).text).toContain('[-] host:');
      expect((await controller.ask('/healthz')).status).toBe(200);
      expect(controller.errors()).toBe('');
      expect(JSON.stringify(controller.log)).not.toContain('    at ');
      expect(await controller.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

const manifests = readdirSync(deployDir, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.ya?ml$/.test(file),
);

describe('the account in deploy/', () => {
  it('may do all that the controller does, and nothing it does is refused', async () => {
    const objects = manifests.flatMap((file) =>
      parseAllDocuments(readFileSync(join(deployDir, file), 'utf8')).map(
        (document) => document.toJS() as KubeObject | null,
      ),
    );
    const accounts = ['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'];
    const rbac = objects.filter((object) => object && accounts.includes(object.kind)) as KubeObject[];
    expect(rbac.map(({ kind }) => kind)).toContain('ServiceAccount');
    for (const object of rbac)
      await world.host.client.apply(typeFor(object), object, { fieldManager: 'test', force: true });

    const account = rbac.find(({ kind }) => kind === 'ServiceAccount') as KubeObject;
    const dir = mkdtempSync(join(tmpdir(), 'hansa-account-'));
    try {
      const path = join(dir, 'kubeconfig');
      writeFileSync(path, await kubeconfigFor(account), { mode: 0o600 });
      const helm = await findHelm();
      const controller = startProcess(['--log-level', 'debug'], path, { HANSA_HELM: helm.path });
      await isLeading(controller);
      const namespace = await world.namespace();
      await world.apply(federatedDeployment('web', namespace));
      await world.apply({
        apiVersion: 'scheduling.kubefed.io/v1alpha1',
        kind: 'ReplicaSchedulingPreference',
        metadata: { name: 'web', namespace },
        spec: { targetKind: 'FederatedDeployment', totalReplicas: 4 },
      });
      await until(async () => {
        expect((await statusOf('FederatedDeployment', 'web', namespace)).summary.text).toBe('2/2');
        for (const member of memberNames)
          expect((await inMember(member, 'Deployment', 'web', namespace))?.spec['replicas']).toBe(2);
      });
      await world.apply(
        federatedConfigMap('refused', namespace, { template: { data: { 'not a key!': 'x' } } }),
      );
      await until(async () => expect(await eventsAbout('refused', namespace)).toContain('CreationFailed'));
      await rollsOut(namespace);
      for (const kind of ['FederatedDeployment', 'FederatedConfigMap']) {
        const name = kind === 'FederatedDeployment' ? 'web' : 'refused';
        await world.remove(kind, name, namespace);
        await until(async () => expect(await world.get(kind, name, namespace)).toBeUndefined());
      }
      expect(await controller.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(await leaseHolder()).toBe('');
      const refusals = controller.log.filter((line) => /forbidden|\b403\b/i.test(JSON.stringify(line)));
      expect(refusals).toEqual([]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  /** A Rollout of plain manifests, and an Application of Shipper's until its objects are in a member. */
  async function rollsOut(namespace: string): Promise<void> {
    const settings = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
      data: { colour: 'blue' },
    };
    await world.apply({
      apiVersion: 'rollout.hansa.dev/v1alpha1',
      kind: 'Rollout',
      metadata: { name: 'settings', namespace },
      spec: {
        source: { manifests: [settings] },
        placement: { clusterSelector: {} },
        mode: 'InPlace',
      },
    });
    await using repository = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    await world.apply({
      apiVersion: 'shipper.booking.com/v1alpha1',
      kind: 'Application',
      metadata: { name: 'super-server', namespace },
      spec: {
        template: {
          chart: { name: 'nginx', version: '0.0.1', repoUrl: repository.url },
          clusterRequirements: { regions: [{ name: 'local' }] },
          strategy: {
            steps: [
              {
                name: 'full on',
                capacity: { contender: 100, incumbent: 0 },
                traffic: { contender: 100, incumbent: 0 },
              },
            ],
          },
          values: { replicaCount: 1 },
        },
      },
    });
    await until(async () => {
      for (const member of memberNames) {
        expect((await inMember(member, 'ConfigMap', 'settings', namespace))?.['data']).toEqual({
          colour: 'blue',
        });
      }
      expect(await world.get('Rollout', 'settings', namespace)).toMatchObject({
        status: { phase: 'Completed' },
      });
      const [release] = await releasesIn(namespace);
      expect(release).toMatchObject({
        status: {
          strategy: {
            conditions: expect.arrayContaining([
              expect.objectContaining({ type: 'ContenderAchievedInstallation', status: 'True' }),
            ]),
          },
        },
      });
    }, 60_000);
    await world.remove('Rollout', 'settings', namespace);
    await world.remove('Application', 'super-server', namespace);
    for (const { metadata } of await releasesIn(namespace)) {
      await world.host.client.remove(shipperTypes.release, metadata);
    }
    await until(async () => {
      expect(await world.get('Rollout', 'settings', namespace)).toBeUndefined();
      expect(await releasesIn(namespace)).toEqual([]);
    });
  }

  async function releasesIn(namespace: string): Promise<readonly KubeObject[]> {
    const found: KubeObject[] = [];
    for await (const { items } of world.host.client.list(shipperTypes.release, { namespace })) {
      found.push(...items);
    }
    return found;
  }

  function typeFor({ apiVersion, kind, metadata }: KubeObject): ResourceType {
    const slash = apiVersion.indexOf('/');
    return {
      group: slash < 0 ? '' : apiVersion.slice(0, slash),
      version: apiVersion.slice(slash + 1),
      kind,
      plural: `${kind.toLowerCase()}s`,
      namespaced: metadata.namespace !== undefined,
    };
  }

  async function kubeconfigFor({ metadata }: KubeObject): Promise<string> {
    const answer = await world.host.client.raw(
      `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${metadata.name}/token`,
      {
        method: 'POST',
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: 3600 },
        },
      },
    );
    const { status } = JSON.parse(answer) as { status: { token: string } };
    return stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'host',
          cluster: { server: world.host.server, 'certificate-authority-data': world.host.caData },
        },
      ],
      users: [{ name: 'hansa', user: { token: status.token } }],
      contexts: [{ name: 'host', context: { cluster: 'host', user: 'hansa' } }],
      'current-context': 'host',
    });
  }

  async function eventsAbout(name: string, namespace: string): Promise<readonly string[]> {
    const type: ResourceType = {
      group: 'events.k8s.io',
      version: 'v1',
      kind: 'Event',
      plural: 'events',
      namespaced: true,
    };
    const reasons: string[] = [];
    for await (const { items } of world.host.client.list<KubeObject & EventFields>(type, { namespace })) {
      for (const { reason, regarding } of items) if (regarding?.name === name) reasons.push(reason ?? '');
    }
    return reasons;
  }
});

interface EventFields {
  readonly reason?: string;
  readonly regarding?: { readonly name?: string };
}

async function countIn(member: string, namespace: string): Promise<number> {
  let count = 0;
  const type = types['ConfigMap'] as ResourceType;
  const options = { namespace, labelSelector: 'kubefed.io/managed=true', metadataOnly: true };
  for await (const { items } of world.member(member).client.list(type, options)) count += items.length;
  return count;
}

/** Nothing was written to any member for a while. */
async function isSettled(): Promise<void> {
  let seen = '';
  await until(async () => {
    const now = String(await Promise.all(memberNames.map(writesIn)));
    const same = now === seen;
    seen = now;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(same).toBe(true);
  });
}
