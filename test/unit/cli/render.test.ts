import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readMembers } from '../../../src/cli/offline/cluster-flags.ts';
import { runRender } from '../../../src/cli/offline/run-render.ts';
import type { KubeObject } from '../../../src/kube/index.ts';

interface Options {
  readonly clusters?: string;
  readonly labels?: readonly string[];
  readonly format?: 'yaml' | 'json';
}

function render(text: string, { clusters = 'A,B', labels = [], format = 'json' }: Options = {}) {
  const printed = runRender({ text, members: readMembers(clusters, labels), namespace: 'default', format });
  const objects =
    format === 'json'
      ? printed.out
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as KubeObject)
      : [];
  return { ...printed, objects };
}

function clusterOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.['hansa.dev/cluster'];
}

function replicasByCluster(objects: readonly KubeObject[]) {
  return Object.fromEntries(
    objects
      .filter(({ kind }) => kind === 'Deployment')
      .map((object) => [
        clusterOf(object),
        (object as unknown as { spec: { replicas: number } }).spec.replicas,
      ]),
  );
}

interface Wish {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly spec?: object;
}

/** Documents of today's group. */
function documents(...wishes: readonly Wish[]): string {
  return wishes
    .map(({ kind = 'FederatedDeployment', name = 'web', namespace = 'shop', spec = {} }) =>
      JSON.stringify({ apiVersion: 'types.kubefed.io/v1beta1', kind, metadata: { name, namespace }, spec }),
    )
    .join('\n---\n');
}

const everywhere = { placement: { clusterSelector: {} } };
const federatedNamespace = { kind: 'FederatedNamespace', name: 'shop', spec: everywhere };
const guide = readFileSync('examples/quickstart/01-guide-of-2019.yaml', 'utf8');
const guideReplicas = readFileSync('examples/quickstart/02-guide-of-2019-replicas.yaml', 'utf8');

describe('render', () => {
  it('shows the guide of 2019 as its two clusters get it: 3 replicas and 5', () => {
    const { objects, exitCode } = render(guide, { clusters: 'cluster1,cluster2,cluster3' });
    expect(replicasByCluster(objects)).toEqual({ cluster1: 3, cluster2: 5 });
    expect(exitCode).toBe(0);
  });

  it('applies a preference in the input to its target, as the controller would', () => {
    const { objects } = render(guideReplicas, { clusters: 'A,B,C' });
    expect(replicasByCluster(objects)).toEqual({ A: 3, B: 6, C: 0 });
  });

  it('prints YAML that says the same as the JSON', () => {
    const json = render(guide, { clusters: 'cluster1,cluster2' });
    const yaml = render(guide, { clusters: 'cluster1,cluster2', format: 'yaml' });
    expect(parseAllDocuments(yaml.out).map((document) => document.toJS() as unknown)).toEqual(json.objects);
    expect(yaml.out).toMatch(
      /^apiVersion: apps\/v1\nkind: Deployment\nmetadata:\n {2}name: test-deployment\n/,
    );
    expect(yaml.out.match(/^---$/gm)).toHaveLength(1);
  });

  it('names the cluster in an annotation beside those of the template', () => {
    const spec = { ...everywhere, template: { metadata: { annotations: { a: 'b' } } } };
    expect(render(documents({ spec })).objects.map(({ metadata }) => metadata.annotations)).toEqual([
      { a: 'b', 'hansa.dev/cluster': 'A' },
      { a: 'b', 'hansa.dev/cluster': 'B' },
    ]);
  });

  it('selects by the labels of -l', () => {
    const spec = { placement: { clusterSelector: { matchLabels: { region: 'eu' } } } };
    const clusters = (labels: readonly string[]) =>
      render(documents({ spec }), { labels }).objects.map(clusterOf);
    expect(clusters(['A:region=eu,B:region=us'])).toEqual(['A']);
    expect(clusters(['region=eu'])).toEqual(['A', 'B']);
    expect(clusters([])).toEqual([]);
  });

  it('limits objects to the clusters of a FederatedNamespace in the input, and says which it leaves out', () => {
    const only = { ...federatedNamespace, spec: { placement: { clusters: [{ name: 'A' }] } } };
    const { objects, err, exitCode } = render(documents({ spec: everywhere }, only));
    expect(objects.map((object) => [object.kind, clusterOf(object)])).toEqual([
      ['Deployment', 'A'],
      ['Namespace', 'A'],
    ]);
    expect(err).toMatch(
      /^note: FederatedDeployment shop\/web: cluster B: the FederatedNamespace "shop" does not select/m,
    );
    expect(exitCode).toBe(0);
  });

  it('says that a FederatedNamespace must exist when there is none in the input', () => {
    expect(render(documents({ spec: everywhere })).err).toMatch(
      /note: no FederatedNamespace "shop" is in the input/,
    );
    expect(render(documents({ spec: everywhere }, federatedNamespace)).err).toBe('');
  });

  it('fails for the cluster whose override is wrong, prints the others, and ends with 1', () => {
    const overrides = [{ clusterName: 'B', clusterOverrides: [{ path: '/metadata/name', value: 'x' }] }];
    const { objects, err, exitCode } = render(
      documents({ spec: { ...everywhere, overrides } }, federatedNamespace),
    );
    expect(objects.filter(({ kind }) => kind === 'Deployment').map(clusterOf)).toEqual(['A']);
    expect(err).toBe(
      'error: FederatedDeployment shop/web: cluster B: spec.overrides[0].clusterOverrides[0].path: "/metadata/name" cannot be overridden: make another federated object instead\n',
    );
    expect(exitCode).toBe(1);
  });

  it('goes on behind a document that can not be read, and behind a wrong field', () => {
    const text = `a: [\n---\n${documents({ name: 'bad', spec: { placement: { clusters: 'A' } } }, { spec: everywhere })}`;
    const { objects, err, exitCode } = render(text);
    expect(objects).toHaveLength(2);
    expect(err).toMatch(/^error: document 1: /m);
    expect(err).toMatch(/^error: FederatedDeployment shop\/bad: spec\.placement\.clusters: must be a list$/m);
    expect(exitCode).toBe(1);
  });

  it('tells what it passes over, and names that are no cluster', () => {
    const spec = { placement: { clusters: [{ name: 'A' }, { name: 'X' }] } };
    const { objects, err, exitCode } = render(
      `kind: Service\nmetadata: {name: s}\n---\n${documents({ spec })}`,
    );
    expect(objects).toHaveLength(1);
    expect(err).toMatch(/^note: Service s: passed over/m);
    expect(err).toMatch(
      /^note: FederatedDeployment shop\/web: cluster X: spec\.placement\.clusters\[1\]\.name: "X" is not/m,
    );
    expect(exitCode).toBe(0);
  });

  it('puts objects without a namespace into the one of -n, and a FederatedNamespace into its own', () => {
    const text = [
      { kind: 'FederatedNamespace', name: 'default-not' },
      { kind: 'FederatedConfigMap', name: 'web' },
    ]
      .map(({ kind, name }) =>
        JSON.stringify({
          apiVersion: 'types.kubefed.io/v1beta1',
          kind,
          metadata: { name },
          spec: everywhere,
        }),
      )
      .join('\n---\n');
    expect(
      render(text, { clusters: 'A' }).objects.map(({ metadata: { name, namespace } }) => ({
        name,
        namespace,
      })),
    ).toEqual([
      { name: 'default-not', namespace: undefined },
      { name: 'web', namespace: 'default' },
    ]);
  });

  it.each([
    ['an object twice', documents({ spec: everywhere }, { spec: everywhere }), /stands in the input twice/],
    [
      'a template of another kind',
      documents({ spec: { ...everywhere, template: { kind: 'StatefulSet' } } }),
      /spec\.template\.kind: must be Deployment/,
    ],
    [
      'a selector that can not be read',
      documents({ spec: { placement: { clusterSelector: { matchLabels: { '-': 'x' } } } } }),
      /spec\.placement\.clusterSelector/,
    ],
    [
      'a federated kind that is not served',
      documents({ kind: 'FederatedPod' }),
      /kind: "FederatedPod" is not served/,
    ],
    ['no document', '# nothing\n', /the input holds no document/],
    ['a number', '42', /must be a Kubernetes object/],
  ])('ends with 1 for %s', (_, text, message) => {
    const { err, exitCode } = render(text);
    expect(err).toMatch(message);
    expect(exitCode).toBe(1);
  });

  it('reads lists, and maps that are merged from an anchor', () => {
    const list = JSON.stringify({
      kind: 'List',
      items: [JSON.parse(documents({ spec: everywhere })) as object],
    });
    expect(render(list).objects).toHaveLength(2);
    const merged = `apiVersion: types.kubefed.io/v1beta1\nkind: FederatedConfigMap\nmetadata: &m {name: web, namespace: shop}\nspec:\n  placement: {clusterSelector: {}}\n  template:\n    metadata:\n      <<: *m\n      labels: {a: b}\n`;
    expect(render(merged).objects[0]?.metadata.labels).toMatchObject({ a: 'b' });
  });

  it('renders every example of the quickstart without an error', () => {
    const folder = 'examples/quickstart';
    const text = readdirSync(folder)
      .sort()
      .map((file) => readFileSync(`${folder}/${file}`, 'utf8'))
      .join('\n---\n');
    // A and B are aliases in the demo; offline there are only names.
    const labels = ['cluster1:region=eu', 'cluster2:region=us', 'cluster3:region=ap'];
    const { objects, exitCode, err } = render(text, { clusters: 'cluster1,cluster2,cluster3', labels });
    expect(err).not.toMatch(/^error/m);
    expect(exitCode).toBe(0);
    expect(objects.length).toBeGreaterThan(20);
  });
});
