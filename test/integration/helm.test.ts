import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import type { JsonObject } from '../../src/base/index.ts';
import {
  type ApiClient,
  createApiClient,
  createSimulatedClock,
  type KubeObject,
  loadAccess,
  type ResourceType,
} from '../../src/kube/index.ts';
import {
  type ChartRepositories,
  createChartRepositories,
} from '../../src/rollout/render/chart-repositories.ts';
import { type RenderOptions, renderChart } from '../../src/rollout/render/render-chart.ts';
import {
  findRendering,
  loadRendering,
  type OwnerReference,
  renderingSecretType,
  storeRendering,
} from '../../src/rollout/render/rendering-store.ts';
import type { Rendering } from '../../src/rollout/render/stored-rendering.ts';
import { findHelm, type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { issueServing } from '../support/certificates.ts';
import { startChartRepository } from '../support/chart-repository.ts';
import { startOciRegistry } from '../support/oci-registry.ts';
import { packChart } from '../support/pack-chart.ts';

let helmPath: string;
let dir: string;

beforeAll(async () => {
  const helm = await findHelm({ progress: plainProgress((line) => console.log(line)) });
  console.log(`helm ${helm.version} from ${helm.origin}`);
  helmPath = helm.path;
  dir = await mkdtemp(join(tmpdir(), 'hansa-helm-test-'));
}, 600_000);

afterAll(() => rm(dir, { recursive: true, force: true }));

const fails = (reason: string, message: RegExp) =>
  expect.objectContaining({ reason, message: expect.stringMatching(message) });

function render(name: string, options: Partial<RenderOptions> = {}): Promise<readonly KubeObject[]> {
  return renderChart({
    helmPath,
    chart: { kind: 'directory', path: join(process.cwd(), 'test/charts', name) },
    releaseName: 'super-server-abc-0',
    namespace: 'shop',
    values: {},
    ...options,
  });
}

const namesOf = (objects: readonly KubeObject[]) =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

describe('a chart', () => {
  it('is rendered with its values for its release', async () => {
    const objects = await render('nginx', { values: { replicaCount: 3, image: { tag: '1.28' } } });
    expect(namesOf(objects)).toEqual(['Service nginx', 'Deployment super-server-abc-0-nginx']);
    expect(objects[1]?.['spec']).toMatchObject({
      replicas: 3,
      template: { spec: { containers: [{ image: 'nginx:1.28' }] } },
    });
  });

  it('is rendered alike from its archive', async () => {
    const { bytes } = await packChart('nginx');
    const fromArchive = await render('nginx', { chart: { kind: 'archive', bytes } });
    expect(fromArchive).toEqual(await render('nginx'));
  });

  it('gives its CRDs and hooks as plain objects, and leaves its tests out', async () => {
    const objects = await render('two-deployments', { kubeVersion: '1.36.3' });
    expect(namesOf(objects)).toEqual([
      'CustomResourceDefinition widgets.example.com',
      'ConfigMap script',
      'Deployment super-server-abc-0-front',
      'Deployment super-server-abc-0-back',
      'Secret super-server-abc-0-before',
    ]);
    expect(objects.find(({ kind }) => kind === 'ConfigMap')?.['data']).toEqual({
      kubernetes: 'v1.36.3',
      install: 'true',
    });
  });

  it('sees what the cluster serves', async () => {
    const objects = await render('two-deployments', { apiVersions: ['monitoring.coreos.com/v1'] });
    expect(namesOf(objects)).toContain('ServiceMonitor super-server-abc-0');
  });

  it('keeps octal modes and shared labels as a cluster would read them', async () => {
    const objects = await render('two-deployments');
    const front = objects.find(({ metadata }) => metadata.name === 'super-server-abc-0-front');
    expect(front?.['spec']).toMatchObject({
      selector: { matchLabels: { app: 'front' } },
      template: {
        metadata: { labels: { app: 'front' } },
        spec: { volumes: [{ configMap: { defaultMode: 0o755 } }] },
      },
    });
  });

  it.each([
    ['of any size', 'x'.repeat(300_000)],
    ['with quotes and templates', `\n---\n"'{{ .Values }}: # \\ \t`],
    ['with what ends a line in YAML', '\u2028 \u2029 \u0085 \r'],
    ['with what YAML forbids', '\u0001 \u007f \u0080 \ufeff \uffff'],
    ['in any writing', 'ä 漢字 😀'],
    ['that looks like a number', '0123'],
  ])('takes a value %s', async (_, password) => {
    const objects = await render('two-deployments', { values: { password } });
    const { stringData } = objects.find(({ kind }) => kind === 'Secret') as unknown as {
      stringData: { password: string };
    };
    // Compared by hand, as a difference of 300 kB is no message.
    expect(stringData.password === password).toBe(true);
  });

  it('that asks for a value is refused with what it says', async () => {
    const failed = render('broken', { values: { password: 'hunter2' } });
    await expect(failed).rejects.toEqual(fails('BrokenChartSpec', /values.host is needed/));
    await expect(failed).rejects.toEqual(
      expect.objectContaining({ message: expect.not.stringMatching(/hunter2|--debug|hansa-helm/) }),
    );
  });

  it.each<[string, Partial<RenderOptions>, RegExp]>([
    [
      'no archive',
      { chart: { kind: 'archive', bytes: Buffer.from('this is no archive') } },
      /cannot render the chart: .*gzip/,
    ],
    ['not there', { chart: { kind: 'directory', path: '/nowhere/at/all' } }, /cannot render/],
    ['for a release whose name can not be', { releaseName: 'Super_Server' }, /cannot render.*name/],
    ['for no version of Kubernetes', { kubeVersion: 'new' }, /cannot render.*kube version/i],
  ])('%s is refused', async (_, options, message) => {
    await expect(render('nginx', options)).rejects.toEqual(fails('BrokenChartSpec', message));
  });

  it('whose name looks like an option is a chart all the same', async () => {
    await expect(render('nginx', { releaseName: '--post-renderer=x' })).rejects.toEqual(
      fails('BrokenChartSpec', /name/),
    );
  });
});

describe('helm', () => {
  /** A helm that does what a script says. */
  async function fake(name: string, script: string): Promise<string> {
    const path = join(dir, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  }

  it('that takes too long is ended', async () => {
    const slow = await fake('slow', 'exec sleep 30');
    await expect(render('nginx', { helmPath: slow, limitMs: 200 })).rejects.toEqual(
      fails('BrokenChartSpec', /within 0.2 s/),
    );
  });

  it('is ended when nobody wants its answer any more', async () => {
    const pidFile = join(dir, 'pid');
    const slow = await fake('slower', `echo $$ > ${pidFile}; exec sleep 30`);
    const wanted = new AbortController();
    const running = render('nginx', { helmPath: slow, signal: wanted.signal });
    const pid = await vi.waitFor(async () => {
      const text = await readFile(pidFile, 'utf8');
      if (text === '') throw new Error('not written yet');
      return Number(text);
    });
    wanted.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('that can not be run is said to be so', async () => {
    await expect(render('nginx', { helmPath: join(dir, 'absent') })).rejects.toEqual(
      fails('HelmUnusable', /set HANSA_HELM/),
    );
  });

  it('sees nothing of the user, no secret stands in its arguments, and it leaves nothing behind', async () => {
    const told = join(dir, 'told');
    const nosy = await fake('nosy', `echo "$@" > ${told}; env >> ${told}; find "$HOME" >> ${told}`);
    process.env.SECRET_OF_THE_CONTROLLER = 'hunter2';
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('hansa-helm-'));
    await render('nginx', { helmPath: nosy, values: { password: 'swordfish' } });
    delete process.env.SECRET_OF_THE_CONTROLLER;
    const text = await readFile(told, 'utf8');
    expect(text).toContain('template');
    expect(text).not.toMatch(/hunter2|swordfish/);
    const after = (await readdir(tmpdir())).filter((name) => name.startsWith('hansa-helm-'));
    expect(after.toSorted()).toEqual(before.toSorted());
  });
});

describe('a chart from a repository', () => {
  let repositories: ChartRepositories;

  beforeAll(() => {
    repositories = createChartRepositories({ helmPath, clock: createSimulatedClock() });
  });

  it('is loaded and rendered', async () => {
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    const { bytes } = await repositories.pull({ url: server.url }, 'nginx', '0.0.1');
    const objects = await render('nginx', { chart: { kind: 'archive', bytes } });
    expect(objects).toHaveLength(2);
  });

  it('of an authority of its own is trusted with its certificate, and only so', async () => {
    const { ca, certificate, key } = await issueServing(dir);
    await using server = await startChartRepository({
      charts: { nginx: ['0.0.1'] },
      tls: { certificate, key },
    });
    await expect(repositories.versions({ url: server.url, ca }, 'nginx')).resolves.toEqual({
      versions: ['0.0.1'],
    });
    await expect(repositories.versions({ url: server.url }, 'nginx')).rejects.toEqual(
      fails('NoCachedChartRepoIndex', /certificate/),
    );
  });
});

describe('a chart from an OCI registry', () => {
  const user = { username: 'jdoe', password: 'hunter2' };
  let repositories: ChartRepositories;

  beforeAll(() => {
    repositories = createChartRepositories({ helmPath, clock: createSimulatedClock() });
  });

  it('is listed, loaded and rendered', async () => {
    await using registry = await startOciRegistry({ charts: { nginx: ['0.0.1', '0.0.2+build.1'] } });
    const access = { url: `oci://${registry.host}/charts`, plainHttp: true };
    expect(await repositories.versions(access, 'nginx')).toEqual({ versions: ['0.0.1', '0.0.2+build.1'] });
    expect(await repositories.versions(access, 'absent')).toEqual({ versions: [] });
    for (const version of ['0.0.1', '0.0.2+build.1']) {
      const { bytes } = await repositories.pull(access, 'nginx', version);
      expect(await render('nginx', { chart: { kind: 'archive', bytes } })).toHaveLength(2);
    }
  });

  it('opens to user and password', async () => {
    await using registry = await startOciRegistry({ charts: { nginx: ['0.0.1'] }, user });
    const access = { url: `oci://${registry.host}/charts`, plainHttp: true, ...user };
    expect(await repositories.versions(access, 'nginx')).toEqual({ versions: ['0.0.1'] });
    const { version, bytes } = await repositories.pull(access, 'nginx', '0.0.1');
    expect([version, bytes.length > 0]).toEqual(['0.0.1', true]);
  });

  it('is closed to others, who are told what to do and not what they tried', async () => {
    await using registry = await startOciRegistry({ charts: { nginx: ['0.0.1'] }, user });
    const access = {
      url: `oci://${registry.host}/charts`,
      plainHttp: true,
      username: 'jdoe',
      password: 'wrong-one',
    };
    const failed = repositories.pull(access, 'nginx', '0.0.1');
    await expect(failed).rejects.toEqual(fails('ChartFetchFailure', /give it a Secret/));
    await expect(failed).rejects.toEqual(
      expect.objectContaining({ message: expect.not.stringContaining('wrong-one') }),
    );
    await expect(repositories.versions(access, 'nginx')).rejects.toEqual(
      fails('ChartRepoInternal', /answered 401.*give it a Secret/),
    );
  });

  it('that does not exist is missed', async () => {
    await using registry = await startOciRegistry({ charts: { nginx: ['0.0.1'] } });
    const access = { url: `oci://${registry.host}/charts`, plainHttp: true };
    await expect(repositories.pull(access, 'nginx', '9.9.9')).rejects.toEqual(
      fails('ChartVersionResolutionFailed', /no such version/),
    );
  });

  it('in a registry that is down is waited for', async () => {
    const access = { url: 'oci://127.0.0.1:1/charts', plainHttp: true };
    await expect(repositories.pull(access, 'nginx', '0.0.1')).rejects.toEqual(
      fails('ChartFetchFailure', /the way to the registry/),
    );
    await expect(repositories.versions(access, 'nginx')).rejects.toEqual(
      fails('NoCachedChartRepoIndex', /cannot be reached/),
    );
  });
});

describe('a rendering on the host', () => {
  const namespace = 'default';
  const secretType: ResourceType = {
    group: '',
    version: 'v1',
    kind: 'Secret',
    plural: 'secrets',
    namespaced: true,
  };
  const configMapType: ResourceType = {
    group: '',
    version: 'v1',
    kind: 'ConfigMap',
    plural: 'configmaps',
    namespaced: true,
  };
  let sandbox: Sandbox;
  let host: ApiClient;

  beforeAll(async () => {
    sandbox = await startSandbox({ name: `helm-${process.pid}`, members: [] });
    host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access);
  });

  afterAll(async () => {
    await host?.close();
    await sandbox?.down();
  });

  /** Something that can own; what kind it is makes no difference. */
  async function ownerNamed(name: string): Promise<OwnerReference> {
    const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } };
    const { metadata } = await host.create(configMapType, object);
    return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: metadata.uid ?? '' };
  }

  const rendering = (objects: readonly KubeObject[]): Rendering => ({
    source: { chart: 'nginx', version: '0.0.1', repository: 'https://charts.example.com', digest: 'abc' },
    objects,
  });

  async function partsOf(digest: string): Promise<readonly KubeObject[]> {
    const found: KubeObject[] = [];
    const labelSelector = `rollout.hansa.dev/rendering=${digest.slice(0, 32)}`;
    for await (const { items } of host.list(secretType, { namespace, labelSelector })) found.push(...items);
    return found;
  }

  it('comes back as it was rendered', async () => {
    const owner = await ownerNamed('plain');
    const written = rendering(await render('two-deployments', { values: { password: 'hunter2' } }));
    const digest = await storeRendering(host, written, { namespace, owner });
    expect(await loadRendering(host, { namespace, digest })).toEqual(written);
    const [secret] = await partsOf(digest);
    expect(secret?.['type']).toBe(renderingSecretType);
    expect(secret?.metadata.ownerReferences).toEqual([owner]);
    expect(await findRendering(host, { namespace, ownerUid: owner.uid })).toBe(digest);
  });

  it('that was never stored is none', async () => {
    expect(await loadRendering(host, { namespace, digest: 'f'.repeat(64) })).toBeUndefined();
    expect(await findRendering(host, { namespace, ownerUid: 'nobody' })).toBeUndefined();
  });

  it('is stored once for two owners, and goes with the last', async () => {
    const [one, other] = [await ownerNamed('one'), await ownerNamed('other')];
    const written = rendering(await render('nginx', { releaseName: 'shared' }));
    const digest = await storeRendering(host, written, { namespace, owner: one });
    expect(await storeRendering(host, written, { namespace, owner: other })).toBe(digest);
    expect(await storeRendering(host, written, { namespace, owner: other })).toBe(digest);
    const parts = await partsOf(digest);
    expect(parts.map(({ metadata }) => metadata.ownerReferences?.map(({ name }) => name))).toEqual([
      ['one', 'other'],
    ]);
  });

  it('too large for one Secret takes several, and is whole only when all are there', async () => {
    const owner = await ownerNamed('large');
    // Random, so that it does not pack.
    const objects = Array.from(
      { length: 3 },
      (_, at): KubeObject => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `large-${at}` },
        data: { content: randomBytes(700_000).toString('base64') } as JsonObject,
      }),
    );
    const written = rendering(objects);
    const digest = await storeRendering(host, written, { namespace, owner });
    const parts = await partsOf(digest);
    expect(parts.length).toBeGreaterThan(2);
    expect(await loadRendering(host, { namespace, digest })).toEqual(written);
    // As after a crash in the middle of storing: the first part was not written yet.
    const first = parts.find(({ metadata }) => metadata.name.endsWith('-0'));
    await host.remove(secretType, { namespace, name: first?.metadata.name ?? '' });
    expect(await loadRendering(host, { namespace, digest })).toBeUndefined();
    expect(await findRendering(host, { namespace, ownerUid: owner.uid })).toBeUndefined();
    await storeRendering(host, written, { namespace, owner });
    expect(await loadRendering(host, { namespace, digest })).toEqual(written);
    // And as after somebody's hand.
    const second = parts.find(({ metadata }) => metadata.name.endsWith('-1'));
    await host.remove(secretType, { namespace, name: second?.metadata.name ?? '' });
    await expect(loadRendering(host, { namespace, digest })).rejects.toEqual(
      fails('RenderingDamaged', /part 2 of .* is gone.*rendered again/),
    );
  });

  it('is not changed by anybody, not even by hand', async () => {
    const owner = await ownerNamed('immutable');
    const digest = await storeRendering(host, rendering([]), { namespace, owner });
    const [secret] = await partsOf(digest);
    const change = host.patch(
      secretType,
      { namespace, name: secret?.metadata.name ?? '' },
      { data: { part: 'AAAA' } },
      { type: 'merge' },
    );
    await expect(change).rejects.toEqual(fails('Invalid', /immutable/));
  });

  it('outlives the repository it came from', async () => {
    const owner = await ownerNamed('outlives');
    const repositories = createChartRepositories({ helmPath, clock: createSimulatedClock() });
    await using server = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    const { bytes, digest: archive } = await repositories.pull({ url: server.url }, 'nginx', '0.0.1');
    const objects = await render('nginx', { chart: { kind: 'archive', bytes } });
    const written: Rendering = {
      source: { chart: 'nginx', version: '0.0.1', repository: server.url, digest: archive },
      objects,
    };
    await storeRendering(host, written, { namespace, owner });
    server.ails.down = true;
    server.withdraw('nginx', '0.0.1');
    const digest = await findRendering(host, { namespace, ownerUid: owner.uid });
    expect(await loadRendering(host, { namespace, digest: digest ?? '' })).toEqual(written);
  });
});
