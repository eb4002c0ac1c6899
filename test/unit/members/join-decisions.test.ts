import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { federatedKinds } from '../../../src/api/federated-kinds.ts';
import { HansaError } from '../../../src/base/index.ts';
import { explainAccess } from '../../../src/members/join/explain-access.ts';
import { endpointFrom, endpointWarnings, kubeFedCluster } from '../../../src/members/join/host-objects.ts';
import { checkMemberName, hostNameFrom } from '../../../src/members/join/join-names.ts';
import { type JoinedCluster, joinConflict } from '../../../src/members/join/joined-clusters.ts';
import { memberRoles } from '../../../src/members/join/member-rbac.ts';
import {
  describePermissions,
  memberRules,
  missingPermissions,
  permissionsOf,
} from '../../../src/members/join/member-rules.ts';
import { tokenAnnotations, tokenLifeOf, tokenRenewalDue } from '../../../src/members/join/renew-token.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe('a member name', () => {
  it.each(['cluster1', 'eu-1', 'a', 'eu.prod', '1'])('may be %s', (name) => {
    expect(() => checkMemberName(name)).not.toThrow();
  });
  it.each(['A', 'eu_1', '-a', 'a-', 'a..b', '', 'x'.repeat(64), 'a/b', '../a'])('may not be "%s"', (name) => {
    expect(() => checkMemberName(name)).toThrow(/can't name a member/);
  });
});

describe("the host's name in that of an account", () => {
  it('is a DNS name, whatever the context is called', () => {
    fc.assert(
      fc.property(fc.string(), (context) => {
        expect(hostNameFrom(context)).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      }),
    );
    expect(hostNameFrom('kubernetes-admin@prod:6443')).toBe('kubernetes-admin-prod-6443');
  });
});

describe('renewing a token', () => {
  it.each([
    ['a day, after 11 h', dayMs, 11 * hourMs, false],
    ['a day, after 12 h', dayMs, 12 * hourMs, true],
    ['an hour, after 29 min', hourMs, 29 * 60_000, false],
    ['an hour, after 31 min', hourMs, 31 * 60_000, true],
    ['a year, after 29 days', 365 * dayMs, 29 * dayMs, false],
    ['a year, after 30 days', 365 * dayMs, 30 * dayMs, true],
    ['expired already', hourMs, 5 * dayMs, true],
    ['no life at all', 0, 0, true],
  ])('good for %s', (_, lifetimeMs, agoMs, due) => {
    const issuedAtMs = Date.UTC(2026, 0, 1);
    const life = { issuedAtMs, expiresAtMs: issuedAtMs + lifetimeMs };
    expect(tokenRenewalDue(life, issuedAtMs + agoMs)).toBe(due);
  });

  it('always leaves at least half of the life for an outage', () => {
    fc.assert(
      fc.property(fc.integer({ min: 600_000, max: 10 * 365 * dayMs }), (lifetimeMs) => {
        const life = { issuedAtMs: 0, expiresAtMs: lifetimeMs };
        expect(tokenRenewalDue(life, lifetimeMs / 2)).toBe(true);
        expect(tokenRenewalDue(life, 0)).toBe(false);
      }),
    );
  });

  it('reads from the Secret what join wrote there, and nothing from a Secret of KubeFed', () => {
    const life = { issuedAtMs: Date.UTC(2026, 0, 1), expiresAtMs: Date.UTC(2027, 0, 1) };
    const account = { namespace: 'kube-federation-system', name: 'm1-host' };
    const secret = (annotations: Record<string, string>) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', annotations },
    });
    expect(tokenLifeOf(secret(tokenAnnotations(life, account)))).toEqual({ ...life, account });
    expect(tokenLifeOf(secret({}))).toBeUndefined();
    expect(
      tokenLifeOf(secret({ ...tokenAnnotations(life, account), 'hansa.dev/token-expires-at': 'soon' })),
    ).toBeUndefined();
  });
});

describe("the account's rights", () => {
  it('cover every kind that Hansa propagates', () => {
    for (const { target } of federatedKinds) {
      const needed = ['get', 'list', 'watch', 'create', 'patch', 'delete'].map(
        (verb) => ({ kind: 'resource', verb, group: target.group, resource: target.plural }) as const,
      );
      expect(missingPermissions(memberRules(), needed)).toEqual([]);
    }
  });

  it('have no star, no way to more rights and no subresource but its own token and what is said of pods', () => {
    const objects = memberRoles({ member: 'm1', hostUid: 'u', namespace: 'ns', account: 'm1-host' });
    const rules = objects.flatMap(({ object }) => (object['rules'] ?? []) as { [field: string]: string[] }[]);
    const words = rules.flatMap(({ apiGroups = [], resources = [], verbs = [] }) => [
      ...apiGroups,
      ...resources,
      ...verbs,
    ]);
    expect(words).not.toContain('*');
    expect(words).not.toContain('rbac.authorization.k8s.io');
    const withSubresource = rules.filter(({ resources = [] }) =>
      resources.some((each) => each.includes('/')),
    );
    expect(withSubresource).toEqual([
      { apiGroups: [''], resources: ['pods/status'], verbs: ['patch'] },
      {
        apiGroups: [''],
        resources: ['serviceaccounts/token'],
        resourceNames: ['m1-host'],
        verbs: ['create'],
      },
    ]);
  });

  it('are all missing for an account without rules, none for an administrator', () => {
    const needed = permissionsOf(memberRules());
    expect(missingPermissions([], needed)).toEqual(needed);
    const all = [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['*'] },
    ];
    expect(missingPermissions(all, needed)).toEqual([]);
  });

  it('count for named objects only where all are named', () => {
    const rule = { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'], resourceNames: ['web'] };
    const needed = [{ kind: 'resource', verb: 'get', group: 'apps', resource: 'deployments' }] as const;
    expect(missingPermissions([rule], needed)).toEqual(needed);
    expect(missingPermissions([{ ...rule, resourceNames: [] }], needed)).toEqual([]);
  });

  it('are told in a few words when they are missing', () => {
    expect(
      describePermissions([
        { kind: 'resource', verb: 'get', group: 'apps', resource: 'deployments' },
        { kind: 'resource', verb: 'list', group: 'apps', resource: 'deployments' },
        { kind: 'path', verb: 'get', path: '/readyz' },
      ]),
    ).toBe('get, list deployments.apps; get /readyz');
    expect(describePermissions(permissionsOf(memberRules()))).toMatch(/; and \d+ more$/);
  });
});

describe('what stands against a join', () => {
  const joined = (name: string, more: Partial<JoinedCluster> = {}): JoinedCluster => ({
    resourceVersion: '1',
    name,
    uid: '',
    deleting: false,
    labels: {},
    alias: undefined,
    apiEndpoint: `https://${name}:6443`,
    caBundle: undefined,
    secretName: `${name}-member-token`,
    disabledTlsValidations: [],
    proxyUrl: undefined,
    conditions: [],
    kubernetesVersion: undefined,
    clusterUid: `uid-${name}`,
    object: { apiVersion: 'core.kubefed.io/v1beta1', kind: 'KubeFedCluster', metadata: { name } },
    ...more,
  });
  const request = {
    name: 'm1',
    alias: undefined,
    memberUid: 'uid-m1',
    apiEndpoint: 'https://m1:6443',
    errorOnExisting: false,
  };

  it.each([
    ['nothing, on an empty host', request, [], undefined],
    ['nothing, when it is repeated', request, [joined('m1')], undefined],
    [
      'nothing, when the address of the same cluster changed',
      { ...request, apiEndpoint: '10.0.0.1' },
      [joined('m1')],
      undefined,
    ],
    [
      'nothing, for an alias that is its own',
      { ...request, alias: 'A' },
      [joined('m1', { alias: 'A' })],
      undefined,
    ],
    [
      'a repetition that was not wanted',
      { ...request, errorOnExisting: true },
      [joined('m1')],
      'AlreadyJoined',
    ],
    ['an unjoin under way', request, [joined('m1', { deleting: true })], 'ClusterDeleting'],
    ['another cluster of that name', { ...request, memberUid: 'uid-m2' }, [joined('m1')], 'NameTaken'],
    ['its own other name', { ...request, name: 'x' }, [joined('m1')], 'ClusterJoinedTwice'],
    [
      'its other name from KubeFed, by address',
      { ...request, name: 'x', apiEndpoint: 'm1:6443' },
      [joined('m1', { clusterUid: undefined })],
      'ClusterJoinedTwice',
    ],
    ["a name that is another's alias", request, [joined('m2', { alias: 'm1' })], 'AmbiguousAlias'],
    ["an alias that is another's name", { ...request, alias: 'm2' }, [joined('m2')], 'AmbiguousAlias'],
    [
      "an alias that is another's alias",
      { ...request, alias: 'B' },
      [joined('m2', { alias: 'B' })],
      'AmbiguousAlias',
    ],
  ])('%s', (_, asked, clusters, reason) => {
    expect(joinConflict(asked, clusters)?.reason).toBe(reason);
  });
});

describe('the way from the host to a member', () => {
  const access = { server: 'https://10.0.0.5:6443', ca: Buffer.from('PEM'), proxyUrl: 'http://proxy:3128' };

  it('is what the kubeconfig says, unless the command says otherwise', () => {
    expect(endpointFrom(access, {})).toEqual({
      apiEndpoint: 'https://10.0.0.5:6443',
      ca: 'PEM',
      disabledTlsValidations: [],
      proxyUrl: 'http://proxy:3128',
    });
    expect(endpointFrom(access, { apiEndpoint: 'https://m1', ca: 'OTHER' })).toMatchObject({
      apiEndpoint: 'https://m1',
      ca: 'OTHER',
    });
  });

  it('leaves out no check of the certificate without a warning', () => {
    const lax = endpointFrom({ ...access, skipTls: ['all'] }, {});
    expect(lax.disabledTlsValidations).toEqual(['*']);
    expect(endpointWarnings(lax, access, 'https://host:6443')).toEqual([
      expect.stringContaining('is not checked'),
    ]);
    const strict = endpointFrom({ ...access, skipTls: ['all'] }, { insecureSkipTlsVerify: false });
    expect(strict.disabledTlsValidations).toEqual([]);
  });

  it.each([
    ['https://127.0.0.1:6443', 'https://host:6443', 1],
    ['https://localhost:6443', 'https://host:6443', 1],
    ['https://[::1]:6443', 'https://host:6443', 1],
    ['127.0.0.1', 'https://host:6443', 1],
    ['https://127.0.0.1:6443', 'https://127.0.0.1:7443', 0],
    ['https://10.0.0.1:6443', 'https://host:6443', 0],
  ])('from a machine of its own: %s for the host %s', (apiEndpoint, host, warnings) => {
    expect(endpointWarnings(endpointFrom(access, { apiEndpoint }), access, host)).toHaveLength(warnings);
  });

  it('becomes a KubeFedCluster without empty fields', () => {
    const cluster = kubeFedCluster({
      name: 'm1',
      namespace: 'ns',
      labels: {},
      alias: undefined,
      clusterUid: 'u',
      endpoint: { apiEndpoint: 'https://m1', ca: undefined, disabledTlsValidations: [], proxyUrl: undefined },
      secretName: 's',
    });
    expect(cluster).toEqual({
      apiVersion: 'core.kubefed.io/v1beta1',
      kind: 'KubeFedCluster',
      metadata: { name: 'm1', namespace: 'ns', annotations: { 'hansa.dev/cluster-uid': 'u' } },
      spec: { apiEndpoint: 'https://m1', secretRef: { name: 's' } },
    });
  });
});

describe('why an API server could not be used', () => {
  const failure = (code: string, message = 'x') =>
    new HansaError('call failed', {
      reason: 'Unreachable',
      cause: Object.assign(new Error(message), { code }),
    });
  const side = { who: 'member m1', server: 'https://m1.example:6443', by: 'stored' } as const;

  it.each([
    ['ENOTFOUND', 'NameNotResolved', '"m1.example"'],
    ['ECONNREFUSED', 'ConnectionRefused', 'refuses connections'],
    ['EHOSTUNREACH', 'Unreachable', 'no route'],
    ['UND_ERR_CONNECT_TIMEOUT', 'Timeout', 'gives no answer'],
    ['CERT_HAS_EXPIRED', 'CertificateExpired', 'has expired'],
    ['CERT_NOT_YET_VALID', 'CertificateExpired', 'clocks'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'CertificateNotTrusted', '--certificate-authority'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'CertificateNameMismatch', '--api-endpoint'],
  ])('%s is told as %s', (code, reason, words) => {
    const error = explainAccess(failure(code), side);
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(words);
    expect(error.message).toMatch(/^member m1: /);
  });

  it('finds the reason below a race over several addresses', () => {
    const race = new AggregateError([Object.assign(new Error('no'), { code: 'ECONNREFUSED' })]);
    const error = explainAccess(new HansaError('x', { reason: 'Unreachable', cause: race }), side);
    expect(error.reason).toBe('ConnectionRefused');
  });

  it("speaks of the kubeconfig where an administrator's context failed", () => {
    const error = explainAccess(failure('ENOTFOUND'), { ...side, by: 'kubeconfig' });
    expect(error.message).toContain('check the server in the kubeconfig');
    expect(error.message).not.toContain('--api-endpoint');
  });

  it('leaves what is no trouble of access as it is', () => {
    const conflict = new HansaError('changed meanwhile', { reason: 'Conflict' });
    expect(explainAccess(conflict, side)).toBe(conflict);
  });
});
