import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHub } from '../../../../src/api/convert/to-hub.ts';

const legacy = (spec: object, kind = 'FederatedDeployment') => ({
  apiVersion: 'types.federation.k8s.io/v1alpha1',
  kind,
  metadata: { name: 'web', namespace: 'shop' },
  spec,
});
const current = (spec: object, kind = 'FederatedDeployment') => ({
  ...legacy(spec, kind),
  apiVersion: 'types.kubefed.io/v1beta1',
});

const hubOf = (object: unknown) => {
  const read = toHub(object);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.hub;
};
const problemsOf = (object: unknown) => {
  const read = toHub(object);
  return read.ok ? [] : read.problems;
};

describe('an object of 2019', () => {
  it('becomes what the engine knows, its paths still dotted', () => {
    const hub = hubOf(
      legacy({
        template: { spec: { replicas: 3 } },
        placement: { clusterNames: ['cluster2', 'A'] },
        overrides: [{ clusterName: 'cluster2', clusterOverrides: [{ path: 'spec.replicas', value: 5 }] }],
      }),
    );
    expect(hub).toEqual({
      source: {
        group: 'types.federation.k8s.io',
        version: 'v1alpha1',
        kind: 'FederatedDeployment',
        plural: 'federateddeployments',
        namespaced: true,
      },
      target: { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
      metadata: { name: 'web', namespace: 'shop' },
      template: { spec: { replicas: 3 } },
      placement: { clusters: [{ name: 'cluster2' }, { name: 'A' }] },
      overrides: [{ clusterName: 'cluster2', clusterOverrides: [{ path: 'spec.replicas', value: 5 }] }],
      overrideStyle: 'dotted',
    });
  });

  it('means the same as an object of today that says the same', () => {
    const names = fc.option(fc.array(fc.stringMatching(/^[a-zA-Z][a-z0-9]{0,5}$/), { maxLength: 4 }), {
      nil: undefined,
    });
    const selector = fc.option(fc.dictionary(fc.constantFrom('region', 'tier'), fc.constantFrom('a', 'b')), {
      nil: undefined,
    });
    fc.assert(
      fc.property(names, selector, (clusterNames, matchLabels) => {
        const clusterSelector = matchLabels && { matchLabels };
        const before = hubOf(
          legacy({
            placement: { ...(clusterNames && { clusterNames }), ...(clusterSelector && { clusterSelector }) },
          }),
        );
        const today = hubOf(
          current({
            placement: {
              ...(clusterNames && { clusters: clusterNames.map((name) => ({ name })) }),
              ...(clusterSelector && { clusterSelector }),
            },
          }),
        );
        expect(before.placement).toEqual(today.placement);
      }),
    );
  });
});

describe('a placement', () => {
  it.each([
    ['absent', {}, {}],
    ['empty', { placement: {} }, {}],
    ['with a list that is null, as Go clients write it', { placement: { clusters: null } }, {}],
    ['with an empty list', { placement: { clusters: [] } }, { clusters: [] }],
    ['with a selector of everything', { placement: { clusterSelector: {} } }, { clusterSelector: {} }],
  ])('%s keeps absent and empty apart', (_, spec, placement) => {
    expect(hubOf(current(spec)).placement).toEqual(placement);
  });
});

describe('an override', () => {
  it('keeps a value that is null apart from no value', () => {
    const clusterOverrides = [
      { path: '/a', value: null },
      { op: 'remove', path: '/b' },
    ];
    expect(hubOf(current({ overrides: [{ clusterName: 'c1', clusterOverrides }] })).overrides).toEqual([
      { clusterName: 'c1', clusterOverrides },
    ]);
  });

  it('that KubeFed left empty is an empty list', () => {
    expect(hubOf(current({ overrides: [{ clusterName: 'c1' }] })).overrides).toEqual([
      { clusterName: 'c1', clusterOverrides: [] },
    ]);
  });

  it('whose path does not fit is no problem of the whole object', () => {
    const clusterOverrides = [{ path: 'spec/replicas', value: 1 }];
    expect(problemsOf(current({ overrides: [{ clusterName: 'c1', clusterOverrides }] }))).toEqual([]);
  });
});

describe('fields that Hansa does not know', () => {
  it('survive in the template and are passed over elsewhere', () => {
    const hub = hubOf(current({ template: { data: { a: { b: [1] } } }, later: true }, 'FederatedConfigMap'));
    expect(hub.template).toEqual({ data: { a: { b: [1] } } });
    expect(hub).not.toHaveProperty('later');
  });
});

describe('a status', () => {
  it('is read with the object', () => {
    const status = { observedGeneration: 2, clusters: [{ name: 'c1', status: 'ClusterNotReady' }] };
    expect(hubOf({ ...current({}), status }).status).toEqual(status);
  });

  it('that makes no sense counts as none', () => {
    expect(hubOf({ ...current({}), status: { clusters: 'three' } })).not.toHaveProperty('status');
  });
});

describe('what is wrong with an object', () => {
  it.each([
    ['nothing at all', undefined, '', 'Kubernetes object'],
    ['no kind', { apiVersion: 'v1', metadata: { name: 'a' } }, 'kind', 'missing'],
    ['no name', { apiVersion: 'v1', kind: 'A', metadata: {} }, 'metadata.name', 'missing'],
    ['a spec that is a list', { ...current({}), spec: [] }, 'spec', 'map'],
    [
      'a group of before',
      { ...current({}), apiVersion: 'types.kubefed.k8s.io/v1beta1' },
      'apiVersion',
      'types.kubefed.io',
    ],
    ['a version not served', { ...current({}), apiVersion: 'types.kubefed.io/v1' }, 'apiVersion', 'v1beta1'],
    ['a kind not served', current({}, 'FederatedTeapot'), 'kind', 'FederatedDeployment'],
    ['a template that is text', current({ template: 'x' }), 'spec.template', 'map'],
    [
      'a template of another kind',
      current({ template: { kind: 'Pod' } }),
      'spec.template.kind',
      'Deployment',
    ],
    [
      'a template of another group',
      current({ template: { apiVersion: 'extensions/v1beta1' } }),
      'spec.template.apiVersion',
      'apps/v1',
    ],
    [
      'a template of a group where the core belongs',
      legacy({ template: { apiVersion: 'apps/v1' } }, 'FederatedSecret'),
      'spec.template.apiVersion',
      'core group',
    ],
    [
      'a cluster without a name',
      current({ placement: { clusters: [{}] } }),
      'spec.placement.clusters[0].name',
      'missing',
    ],
    [
      'a cluster that is a number',
      legacy({ placement: { clusterNames: ['a', 7] } }),
      'spec.placement.clusterNames[1]',
      'must be a string',
    ],
    [
      'an operator that does not exist',
      current({ placement: { clusterSelector: { matchExpressions: [{ key: 'region', operator: 'Inn' }] } } }),
      'spec.placement.clusterSelector.matchExpressions[0].operator',
      '"In", "NotIn"',
    ],
    [
      'an op that does not exist',
      current({ overrides: [{ clusterName: 'a', clusterOverrides: [{ op: 'move', path: '/a' }] }] }),
      'spec.overrides[0].clusterOverrides[0].op',
      'replace',
    ],
    [
      'an override without a path',
      legacy({ overrides: [{ clusterName: 'a', clusterOverrides: [{ value: 1 }] }] }),
      'spec.overrides[0].clusterOverrides[0].path',
      'missing',
    ],
    [
      'an override for a name and a selector',
      current({ overrides: [{ clusterName: 'a', clusterSelector: {} }] }),
      'spec.overrides[0]',
      'either',
    ],
  ])('%s is told with field and mend', (_, object, field, message) => {
    expect(problemsOf(object)).toContainEqual({ field, message: expect.stringContaining(message) });
  });

  it('is told all at once', () => {
    const fields = problemsOf(current({ template: { kind: 'Pod' }, placement: { clusters: 'all' } })).map(
      (problem) => problem.field,
    );
    expect(fields).toEqual(['spec.placement.clusters', 'spec.template.kind']);
  });
});
