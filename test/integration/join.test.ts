import { createServer, type Server, connect as connectTcp } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { federatedKinds } from '../../src/api/federated-kinds.ts';
import { type Clock, HansaError } from '../../src/base/index.ts';
import { installHost, readCrds } from '../../src/cli/commands/install.ts';
import {
  type Access,
  type ApiClient,
  createApiClient,
  type KubeObject,
  loadAccess,
  type ResourceType,
  systemClock,
} from '../../src/kube/index.ts';
import { accessOf, clusterRecord } from '../../src/members/index.ts';
import {
  type JoinOptions,
  joinMember,
  renewToken,
  tokenLifeOf,
  type UnjoinOptions,
  unjoinMember,
} from '../../src/members/join/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';

const namespace = 'kube-federation-system';
const namespaceType = core('Namespace', 'namespaces', false);
const secretType = core('Secret', 'secrets', true);
const configMapType = core('ConfigMap', 'configmaps', true);
const serviceAccountType = core('ServiceAccount', 'serviceaccounts', true);
const clusterType: ResourceType = {
  group: 'core.kubefed.io',
  version: 'v1beta1',
  kind: 'KubeFedCluster',
  plural: 'kubefedclusters',
  namespaced: true,
};
const rbacTypes = ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'].map(
  (kind): ResourceType => ({
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: !kind.startsWith('Cluster'),
  }),
);

/** What a wait costs is decided here: the clock of the process jumps over each pause. */
function hastyClock(): Clock {
  let aheadMs = 0;
  return {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + aheadMs,
    sleep: (ms) => {
      aheadMs += ms;
      return systemClock.sleep(1);
    },
  };
}

interface Side {
  readonly access: Access;
  readonly client: ApiClient;
}

let sandbox: Sandbox;
let host: Side;
let m1: Side;
let m2: Side;

beforeAll(async () => {
  sandbox = await startSandbox({ name: `join-${process.pid}`, members: [{ name: 'm1' }, { name: 'm2' }] });
  const sides = [sandbox.host, ...sandbox.members].map(async ({ adminKubeconfig }) => {
    const { access } = await loadAccess({ text: adminKubeconfig });
    return { access, client: createApiClient(access) };
  });
  [host, m1, m2] = (await Promise.all(sides)) as [Side, Side, Side];
  await installHost({ hostClient: host.client, namespace, crds: await readCrds(), clock: systemClock });
});

afterAll(async () => {
  await Promise.all([host, m1, m2].map((side) => side?.client.close()));
  await sandbox?.down();
});

afterEach(async () => {
  for (const [name, side] of Object.entries({ m1, m2, self: host })) {
    await unjoin(name, side).catch((error: unknown) => {
      if (!(error instanceof HansaError) || error.reason !== 'NotJoined') throw error;
    });
    if (side !== host) await letNamespaceGo(side.client);
  }
});

function join(name: string, member: Side, options: Partial<JoinOptions> = {}) {
  return joinMember({
    hostClient: host.client,
    memberClient: member.client,
    memberAccess: member.access,
    name,
    namespace,
    hostName: 'host',
    clock: hastyClock(),
    ...options,
  });
}

function unjoin(name: string, member: Side | undefined, options: Partial<UnjoinOptions> = {}) {
  return unjoinMember({
    hostClient: host.client,
    memberClient: member?.client,
    name,
    namespace,
    clock: hastyClock(),
    ...options,
  });
}

describe('joining a cluster', () => {
  it('leaves on the host all that is needed to use it', async () => {
    const result = await join('m1', m1, { labels: { region: 'eu' }, alias: 'A' });

    expect(result).toMatchObject({ done: 'joined', warnings: [], version: expect.stringMatching(/^v1\./) });
    const cluster = await host.client.get(clusterType, { namespace, name: 'm1' });
    expect(cluster.metadata.labels).toEqual({ region: 'eu' });
    expect(cluster.metadata.annotations).toMatchObject({ 'hansa.dev/alias': 'A' });
    await using member = await asTheHost('m1');
    await member.client.apply(configMapType, configMap('from-host'), { fieldManager: 'hansa' });
    await member.client.remove(configMapType, { namespace: 'default', name: 'from-host' });
  });

  it('can be repeated, and keeps what the second command does not name', async () => {
    await join('m1', m1, { labels: { region: 'eu', tier: 'gold' }, alias: 'A' });
    const again = await join('m1', m1, { labels: { tier: null, zone: 'a' } });

    expect(again.done).toBe('joined-again');
    const { metadata } = await host.client.get(clusterType, { namespace, name: 'm1' });
    expect(metadata.labels).toEqual({ region: 'eu', zone: 'a' });
    expect(metadata.annotations).toMatchObject({ 'hansa.dev/alias': 'A' });
    expect(await isUsable('m1')).toBe(true);
  });

  it('goes on from wherever it broke off', async () => {
    let brokeOff = 0;
    for (let nth = 1; ; nth += 1) {
      const failing = failAtCall(nth);
      const outcome = await join('m1', m1, {
        hostClient: failing.wrap(host.client),
        memberClient: failing.wrap(m1.client),
      }).catch((error: unknown) => error);
      if (!(outcome instanceof Error)) break;
      brokeOff += 1;
      expect(outcome.message).toContain('cut off');

      const record = await find(host.client, clusterType, { namespace, name: 'm1' });
      if (record) expect(await isUsable('m1'), `recorded without proof at call ${nth}`).toBe(true);
      await join('m1', m1);
      expect(await isUsable('m1'), `after call ${nth}`).toBe(true);
      await unjoin('m1', m1);
      await letNamespaceGo(m1.client);
    }
    // Looks at both sides, four kinds of rights, token, Secret and cluster object at least.
    expect(brokeOff).toBeGreaterThan(10);
  });

  it('writes nothing with --dry-run', async () => {
    const before = await everythingIn(m1.client);
    const result = await join('m1', m1, { dryRun: true });

    expect(result.objects.map(({ kind }) => kind)).toContain('ClusterRole');
    expect(await everythingIn(m1.client)).toEqual(before);
    expect(await find(host.client, secretType, { namespace, name: 'm1-member-token' })).toBeUndefined();
  });

  it('takes the host itself as a member', async () => {
    await join('self', host);
    expect(await isUsable('self')).toBe(true);
  });

  it('brings the rights of an older join up to date with --update-rbac', async () => {
    await join('m1', m1);
    const role = { name: 'kubefed-controller-manager:m1-host' };
    const [clusterRoleType] = rbacTypes as [ResourceType];
    await m1.client.patch(clusterRoleType, role, { rules: [] }, { type: 'merge' });
    const before = await host.client.get(secretType, { namespace, name: 'm1-member-token' });

    const result = await join('m1', m1, { updateRbac: true });

    expect(result.done).toBe('rights-updated');
    expect((await m1.client.get(clusterRoleType, role))['rules']).not.toEqual([]);
    const after = await host.client.get(secretType, { namespace, name: 'm1-member-token' });
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });
});

describe('a member that KubeFed joined', () => {
  it('is taken over with its Secret and account', async () => {
    await m1.client.create(namespaceType, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'm1-host', namespace } };
    await m1.client.create(serviceAccountType, account);
    const old = { name: 'm1-x7k2p', namespace };
    await host.client.create(secretType, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: old,
      data: { token: 'b2xk' },
    });
    await host.client.create(clusterType, {
      apiVersion: 'core.kubefed.io/v1beta1',
      kind: 'KubeFedCluster',
      metadata: { name: 'm1', namespace, labels: { region: 'eu' } },
      spec: { apiEndpoint: m1.access.server, secretRef: { name: old.name }, proxyURL: '' },
    });
    await expect(join('m1', m2)).rejects.toMatchObject({ reason: 'NameTaken' });

    const result = await join('m1', m1);

    expect(result).toMatchObject({ done: 'joined-again', secretName: old.name });
    expect(await isUsable('m1')).toBe(true);
    await unjoin('m1', m1);
    expect(await find(host.client, secretType, old)).toBeUndefined();
    await m1.client.remove(namespaceType, { name: namespace });
  });
});

describe("the controller's word on a new member", () => {
  const say = (status: string, message: string) =>
    host.client.patch(
      clusterType,
      { namespace, name: 'm1' },
      { status: { conditions: [{ type: 'Ready', status, message, lastProbeTime: '2026-01-01T00:00:00Z' }] } },
      { type: 'merge', subresource: 'status' },
    );

  it('is waited for, and told', async () => {
    const unseen = await join('m1', m1, { waitMs: 2_000 });
    expect(unseen.controller).toMatchObject({ kind: 'unseen' });

    await say('False', 'cut off');
    const refused = await join('m1', m1, { waitMs: 2_000 });
    expect(refused.controller).toEqual({ kind: 'not-ready', message: 'cut off' });

    const waiting = join('m1', m1, { waitMs: 30_000, clock: systemClock });
    await say('True', 'fine');
    expect((await waiting).controller).toEqual({ kind: 'ready', message: 'fine' });
  });
});

describe('a join that is refused', () => {
  it('for a cluster that has joined under another name', async () => {
    await join('m1', m1);
    await expect(join('other', m1)).rejects.toThrow(/has joined as "m1" already/);
    expect(await find(m1.client, serviceAccountType, { namespace, name: 'other-host' })).toBeUndefined();
  });

  it('for a name that another cluster has', async () => {
    await join('m1', m1);
    await expect(join('m1', m2)).rejects.toMatchObject({ reason: 'NameTaken' });
  });

  it('for an alias that would be ambiguous', async () => {
    await join('m1', m1, { alias: 'A' });
    await expect(join('m2', m2, { alias: 'A' })).rejects.toThrow('the alias "A" belongs to "m1"');
    await expect(join('m2', m2, { alias: 'm1' })).rejects.toThrow('the alias "m1" belongs to "m1"');
  });

  it('for a host without the CRDs', async () => {
    await expect(join('m1', m1, { hostClient: m2.client })).rejects.toThrow(
      /CRDs are not installed on the host .* run "hansa install"/,
    );
  });

  it("for an account that somebody else's host made", async () => {
    await join('m1', m1);
    const account = { namespace, name: 'm1-host' };
    const stranger = { metadata: { labels: { 'hansa.dev/joined-by': 'another-host' } } };
    await m1.client.patch(serviceAccountType, account, stranger, { type: 'merge' });
    await expect(join('m1', m1)).rejects.toThrow(/that this host did not make: .* --host-cluster-name/);
    await m1.client.remove(serviceAccountType, account);
  });

  it('for a Secret that is not its own', async () => {
    await host.client.create(secretType, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'precious', namespace },
    });
    await expect(join('m1', m1, { secretName: 'precious' })).rejects.toThrow('--secret-name');
    await host.client.remove(secretType, { namespace, name: 'precious' });
  });
});

describe('a join that finds something wrong with the way from the host', () => {
  const cases: [string, () => Promise<Partial<JoinOptions>> | Partial<JoinOptions>, RegExp][] = [
    [
      'a CA of another cluster',
      () => ({ endpoint: { ca: String(m2.access.ca) } }),
      /not signed by the CA that was given .*--certificate-authority/,
    ],
    [
      'the address of another cluster',
      () => ({ endpoint: { apiEndpoint: m2.access.server } }),
      /not signed by the CA/,
    ],
    [
      'a port where nothing listens',
      () => ({ endpoint: { apiEndpoint: 'https://127.0.0.1:9' } }),
      /refuses connections: .*--api-endpoint/,
    ],
    [
      'a name that does not resolve',
      () => ({ endpoint: { apiEndpoint: 'https://no-such-name.invalid:6443' } }),
      /"no-such-name.invalid" of .* does not resolve/,
    ],
    [
      'a name that the certificate lacks',
      async () => ({ endpoint: { apiEndpoint: await forward('127.0.0.2', m1.access.server) } }),
      /not made out to "127.0.0.2" but to .*127.0.0.1/,
    ],
    [
      'a port that does not speak TLS',
      async () => ({ endpoint: { apiEndpoint: await plainServer() } }),
      /does not speak TLS/,
    ],
    [
      'the address of another cluster, with its CA',
      () => ({ endpoint: { apiEndpoint: m2.access.server, ca: String(m2.access.ca) } }),
      /refuses the token \(401\): it is for another cluster/,
    ],
    [
      'an account whose rights are missing',
      () => ({ memberClient: without(m1.client, 'clusterrolebindings') }),
      /the token may not get, list, watch, create, .*namespaces.*--update-rbac/,
    ],
  ];
  it.each(cases)('%s', async (_, options, sentence) => {
    const error = await join('m1', m1, await options()).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(HansaError);
    const { message } = error as HansaError;
    expect(message).toMatch(/^member m1: /);
    expect(message).toMatch(sentence);
    expect(message).not.toContain('eyJ');
    expect(await find(host.client, clusterType, { namespace, name: 'm1' })).toBeUndefined();
  });

  it('an administrator who may too little, by name of the right', async () => {
    await join('m1', m1);
    await using weak = await asTheHost('m1');
    await expect(join('m1', { ...m1, client: weak.client })).rejects.toThrow(
      /member m1: .*cannot patch resource "clusterroles".*use a context whose user may do that/,
    );
  });
});

describe("a member's account", () => {
  it('may keep what it propagates in line', async () => {
    await join('m1', m1);
    await using member = await asTheHost('m1');
    for (const { target } of federatedKinds) {
      for (const verb of ['get', 'list', 'watch', 'create', 'patch', 'delete']) {
        expect(await may(member.client, { ...target, verb }), `${verb} ${target.plural}`).toBe(true);
      }
    }
    await expect(member.client.raw('/readyz')).resolves.toBe('ok');
  });

  it.each([
    { verb: 'create', group: 'rbac.authorization.k8s.io', plural: 'clusterrolebindings' },
    { verb: 'escalate', group: 'rbac.authorization.k8s.io', plural: 'clusterroles' },
    { verb: 'impersonate', group: '', plural: 'users' },
    { verb: 'get', group: '', plural: 'nodes', subresource: 'proxy' },
    { verb: 'delete', group: '', plural: 'nodes' },
    { verb: 'create', group: '', plural: 'pods' },
    { verb: 'create', group: '', plural: 'pods', subresource: 'exec' },
    { verb: 'create', group: '', plural: 'serviceaccounts', subresource: 'token' },
    // One of its own name is for Gated rollouts; others it can neither find nor change.
    { verb: 'list', group: 'admissionregistration.k8s.io', plural: 'mutatingwebhookconfigurations' },
    { verb: 'patch', group: 'admissionregistration.k8s.io', plural: 'mutatingwebhookconfigurations' },
    { verb: 'create', group: 'admissionregistration.k8s.io', plural: 'validatingwebhookconfigurations' },
    { verb: 'deletecollection', group: 'apps', plural: 'deployments' },
  ])('may not $verb $plural $subresource', async (attempt) => {
    await join('m1', m1);
    await using member = await asTheHost('m1');
    expect(await may(member.client, attempt)).toBe(false);
  });

  it('is refused when it tries to give itself more', async () => {
    await join('m1', m1);
    await using member = await asTheHost('m1');
    const [clusterRoleType] = rbacTypes as [ResourceType];
    const name = 'kubefed-controller-manager:m1-host';
    const more = { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] };
    await expect(
      member.client.patch(clusterRoleType, { name }, more, { type: 'merge' }),
    ).rejects.toMatchObject({
      reason: 'Forbidden',
    });
  });

  it('renews its own token, and nobody else', async () => {
    await join('m1', m1);
    await using member = await asTheHost('m1');
    const secret = await host.client.get(secretType, { namespace, name: 'm1-member-token' });
    const nowMs = Date.now() + 1000;

    const life = await renewToken({ host: host.client, member: member.client, secret, nowMs });

    const renewed = await host.client.get(secretType, { namespace, name: 'm1-member-token' });
    expect(tokenLifeOf(renewed)).toMatchObject({
      issuedAtMs: nowMs,
      account: { namespace, name: 'm1-host' },
    });
    expect(life.expiresAtMs).toBeGreaterThan(nowMs + 300 * 24 * 3600 * 1000);
    expect(await isUsable('m1')).toBe(true);
    // What was read is old by now, so a second renewal from it must not win.
    await expect(
      renewToken({ host: host.client, member: member.client, secret, nowMs }),
    ).rejects.toMatchObject({
      reason: 'Conflict',
    });
    await m1.client.create(serviceAccountType, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'stranger', namespace },
    });
    const strange = {
      ...renewed,
      metadata: {
        ...renewed.metadata,
        annotations: { ...renewed.metadata.annotations, 'hansa.dev/member-account': `${namespace}/stranger` },
      },
    };
    await expect(
      renewToken({ host: host.client, member: member.client, secret: strange, nowMs }),
    ).rejects.toMatchObject({ reason: 'Forbidden' });
    await m1.client.remove(serviceAccountType, { namespace, name: 'stranger' });
  });
});

describe('letting a member go', () => {
  it('takes away all that the join made, and nothing else', async () => {
    const before = await everythingIn(m1.client);
    const onHost = await everythingIn(host.client);
    await join('m1', m1);
    await using member = await asTheHost('m1');
    const result = await unjoin('m1', m1);
    await letNamespaceGo(m1.client);

    expect(result.removed.map(({ where, kind }) => `${where} ${kind}`)).toEqual([
      'host KubeFedCluster',
      'member ClusterRoleBinding',
      'member RoleBinding',
      'member ClusterRole',
      'member Role',
      'member ServiceAccount',
      'member Namespace',
      'host Secret',
    ]);
    expect(await everythingIn(m1.client)).toEqual(before);
    expect(await everythingIn(host.client)).toEqual(onHost);
    // The member's API server remembers a token for some seconds, its rights it does not.
    await expect.poll(() => may(member.client, { verb: 'list', group: '', plural: 'secrets' })).toBe(false);
  });

  it('leaves a namespace that was there before', async () => {
    await m1.client.create(namespaceType, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    });
    await join('m1', m1);
    await unjoin('m1', m1);
    const { metadata } = await m1.client.get(namespaceType, { name: namespace });
    expect(metadata.deletionTimestamp).toBeUndefined();
    await m1.client.remove(namespaceType, { name: namespace });
  });

  it('leaves a namespace in which somebody put something', async () => {
    await join('m1', m1);
    await m1.client.create(configMapType, { ...configMap('mine'), metadata: { name: 'mine', namespace } });
    const { warnings } = await unjoin('m1', m1);
    expect(warnings).toEqual([expect.stringContaining('it holds ConfigMap mine')]);
    expect((await m1.client.get(configMapType, { namespace, name: 'mine' })).metadata.name).toBe('mine');
    await m1.client.remove(configMapType, { namespace, name: 'mine' });
    await m1.client.remove(namespaceType, { name: namespace });
  });

  it("never takes the host's own namespace", async () => {
    await join('self', host);
    await unjoin('self', host);
    const { metadata } = await host.client.get(namespaceType, { name: namespace });
    expect(metadata.deletionTimestamp).toBeUndefined();
  });

  it('goes on from wherever it broke off', async () => {
    const before = await everythingIn(m1.client);
    const onHost = await everythingIn(host.client);
    let brokeOff = 0;
    for (let nth = 1; ; nth += 1) {
      await join('m1', m1);
      const failing = failAtCall(nth);
      const outcome = await unjoin(
        'm1',
        { ...m1, client: failing.wrap(m1.client) },
        { hostClient: failing.wrap(host.client) },
      ).catch((error: unknown) => error);
      if (!(outcome instanceof Error)) break;
      brokeOff += 1;
      await unjoin('m1', m1).catch((error: unknown) => {
        // The last call may have done all there was to do before the answer was lost.
        if (!(error instanceof HansaError) || error.reason !== 'NotJoined') throw error;
      });
      await letNamespaceGo(m1.client);
      expect(await everythingIn(m1.client), `in the member, after call ${nth}`).toEqual(before);
      expect(await everythingIn(host.client), `on the host, after call ${nth}`).toEqual(onHost);
    }
    expect(brokeOff).toBeGreaterThan(10);
  });

  it.each([
    ['keep', { kept: true, label: 'true' }],
    ['unlabel', { kept: true, label: undefined }],
    ['delete', { kept: false, label: undefined }],
  ] as const)('does with propagated objects as told: %s', async (choice, expected) => {
    await join('m1', m1);
    await m1.client.create(configMapType, configMap('propagated', { 'kubefed.io/managed': 'true' }));
    await m1.client.create(configMapType, configMap('theirs'));

    const { propagated } = await unjoin('m1', m1, { propagated: choice });

    expect(propagated.objects).toBe(choice === 'keep' ? 0 : 1);
    const left = await find(m1.client, configMapType, { namespace: 'default', name: 'propagated' });
    expect({ kept: left !== undefined, label: left?.metadata.labels?.['kubefed.io/managed'] }).toEqual(
      expected,
    );
    expect(await find(m1.client, configMapType, { namespace: 'default', name: 'theirs' })).toBeDefined();
    for (const name of ['propagated', 'theirs']) {
      await m1.client.remove(configMapType, { namespace: 'default', name }).catch(() => undefined);
    }
  });

  it('touches no propagated objects of a member that another host has joined too', async () => {
    await join('m1', m1);
    const other = { name: 'm1-other', namespace, labels: { 'hansa.dev/joined-by': 'another-host' } };
    await m1.client.create(serviceAccountType, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: other });
    await expect(unjoin('m1', m1, { propagated: 'delete' })).rejects.toMatchObject({
      reason: 'MemberShared',
    });
    expect(await isUsable('m1')).toBe(true);
    const { warnings } = await unjoin('m1', m1);
    expect(warnings).toEqual([expect.stringContaining('it holds ServiceAccount m1-other')]);
    await m1.client.remove(serviceAccountType, other);
    await m1.client.remove(namespaceType, { name: namespace });
  });

  it('refuses to work in another cluster than the one that joined', async () => {
    await join('m1', m1);
    await expect(unjoin('m1', m2)).rejects.toMatchObject({ reason: 'WrongCluster' });
    expect(await isUsable('m1')).toBe(true);
  });

  it('goes on without a member that is gone, if forced, and says what stays there', async () => {
    await join('m1', m1);
    const gone = createApiClient({ ...m1.access, server: 'https://127.0.0.1:9' });
    await expect(unjoin('m1', { ...m1, client: gone })).rejects.toThrow(/refuses connections.*--force/);
    const { warnings } = await unjoin('m1', { ...m1, client: gone }, { force: true });
    await gone.close();

    expect(warnings).toEqual([expect.stringMatching(/stays there.*run "hansa unjoin m1" again/)]);
    expect(await find(host.client, clusterType, { namespace, name: 'm1' })).toBeUndefined();
    expect(await find(host.client, secretType, { namespace, name: 'm1-member-token' })).toBeUndefined();
    // The member is back: what the join made there is found by its labels alone.
    const later = await unjoin('m1', m1);
    expect(later.removed.map(({ kind }) => kind)).toContain('ServiceAccount');
  });

  it('says that a name has not joined', async () => {
    await expect(unjoin('m1', m1)).rejects.toMatchObject({ reason: 'NotJoined' });
  });
});

/** The member as the host's controller uses it: from the objects on the host alone. */
async function asTheHost(name: string): Promise<{ readonly client: ApiClient } & AsyncDisposable> {
  const cluster = clusterRecord(await host.client.get(clusterType, { namespace, name }));
  const secret = await host.client.get(secretType, { namespace, name: cluster.secretName });
  const client = createApiClient(accessOf(cluster, secret));
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

async function isUsable(name: string): Promise<boolean> {
  await using member = await asTheHost(name);
  for await (const _ of member.client.list(configMapType, { namespace: 'default' })) return true;
  return false;
}

async function may(
  client: ApiClient,
  { verb, group, plural, subresource }: { verb: string; group: string; plural: string; subresource?: string },
): Promise<boolean> {
  const answer = await client.raw('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    method: 'POST',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: { verb, group, resource: plural, ...(subresource ? { subresource } : {}) },
      },
    },
  });
  return (JSON.parse(answer) as { status: { allowed: boolean } }).status.allowed;
}

/** Names of all that a join or unjoin could touch. */
async function everythingIn(client: ApiClient): Promise<readonly string[]> {
  const names: string[] = [];
  const types = [namespaceType, serviceAccountType, secretType, configMapType, clusterType, ...rbacTypes];
  for (const type of types) {
    try {
      for await (const { items } of client.list(type)) {
        names.push(
          ...items.map(({ metadata }) => `${type.kind} ${metadata.namespace ?? ''}/${metadata.name}`),
        );
      }
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'KindNotServed') throw error;
    }
  }
  return names.sort();
}

async function find(
  client: ApiClient,
  type: ResourceType,
  ref: { readonly namespace?: string; readonly name: string },
): Promise<KubeObject | undefined> {
  try {
    return await client.get(type, ref);
  } catch (error) {
    if (error instanceof HansaError && ['NotFound', 'NamespaceNotFound'].includes(error.reason))
      return undefined;
    throw error;
  }
}

/** Does what the namespace controller would: the sandbox's members run without controllers here. */
async function letNamespaceGo(client: ApiClient): Promise<void> {
  const found = await find(client, namespaceType, { name: namespace });
  if (!found?.metadata.deletionTimestamp) return;
  for await (const { items } of client.list(serviceAccountType, { namespace })) {
    for (const { metadata } of items)
      await client.remove(serviceAccountType, { namespace, name: metadata.name });
  }
  await client.replace(namespaceType, { ...found, spec: { finalizers: [] } }, { subresource: 'finalize' });
}

/** Fails the nth call to any wrapped client: odd ones before they are sent, even ones after, as a lost answer does. */
function failAtCall(nth: number): { wrap(client: ApiClient): ApiClient } {
  let calls = 0;
  const cutOff = () => new HansaError('cut off by the test', { reason: 'CutOff' });
  return {
    wrap: (client) =>
      new Proxy(client, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function' || name === 'close') return value;
          const call = value.bind(target) as (...args: unknown[]) => unknown;
          return (...args: unknown[]) => {
            calls += 1;
            if (calls !== nth) return call(...args);
            if (name === 'list') {
              // oxlint-disable-next-line require-yield
              return (async function* () {
                throw cutOff();
              })();
            }
            if (nth % 2 === 1) return Promise.reject(cutOff());
            return Promise.resolve(call(...args))
              .catch(() => undefined)
              .then(() => Promise.reject(cutOff()));
          };
        },
      }),
  };
}

/** A client that pretends to write one kind. */
function without(client: ApiClient, plural: string): ApiClient {
  return {
    ...client,
    apply: (type, object, options) =>
      type.plural === plural ? Promise.resolve(object as never) : client.apply(type, object, options),
  };
}

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => server.close(resolve));
  }
});

function listen(server: Server, address: string): Promise<string> {
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, address, () =>
      resolve(`https://${address}:${(server.address() as { port: number }).port}`),
    );
  });
}

/** The API server under an address that its certificate doesn't name. */
function forward(address: string, to: string): Promise<string> {
  const { hostname, port } = new URL(to);
  const server = createServer((incoming) => {
    const outgoing = connectTcp({ host: hostname, port: Number(port) });
    incoming.pipe(outgoing).pipe(incoming);
    incoming.on('error', () => outgoing.destroy());
    outgoing.on('error', () => incoming.destroy());
  });
  return listen(server, address);
}

function plainServer(): Promise<string> {
  return listen(
    createServer((socket) =>
      socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    ),
    '127.0.0.1',
  );
}

function configMap(name: string, labels: Readonly<Record<string, string>> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels } };
}

function core(kind: string, plural: string, namespaced: boolean): ResourceType {
  return { group: '', version: 'v1', kind, plural, namespaced };
}
