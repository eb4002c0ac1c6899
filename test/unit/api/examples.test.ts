import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { rspToHub } from '../../../src/api/convert/rsp-to-hub.ts';
import { toHub } from '../../../src/api/convert/to-hub.ts';
import { servedKinds } from '../../../src/api/served-kinds.ts';

interface Document {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

const folder = 'examples/quickstart';
const files = readdirSync(folder).toSorted();
const documents = files.flatMap((file) =>
  parseAllDocuments(readFileSync(`${folder}/${file}`, 'utf8')).map((each) => each.toJS() as Document),
);
const inOrder = documents.map(
  (each) => [`${each.kind} ${each.metadata.namespace ?? ''}/${each.metadata.name}`, each] as const,
);

/** Groups whose objects are read through their common shape. */
const hasHub = /^(types|scheduling)\./;

function problemsOf(document: Document): readonly unknown[] {
  const read = document.kind === 'ReplicaSchedulingPreference' ? rspToHub(document) : toHub(document);
  return read.ok ? [] : read.problems;
}

function find(apiVersion: string, kind: string, namespace: string): Document | undefined {
  return documents.find(
    (each) => each.apiVersion === apiVersion && each.kind === kind && each.metadata.namespace === namespace,
  );
}

describe('the quickstart', () => {
  it.each(inOrder.filter(([, { kind }]) => kind !== 'Namespace'))('%s is in order', (_, document) => {
    expect(problemsOf(document)).toEqual([]);
  });

  it('makes each namespace before anything that lives there, and federates it', () => {
    const used = new Set(documents.flatMap(({ metadata }) => metadata.namespace ?? []));
    const namespaces = documents
      .filter(({ kind }) => kind === 'Namespace')
      .map(({ metadata }) => metadata.name);
    const federated = documents
      .filter(({ kind }) => kind === 'FederatedNamespace')
      .map(({ metadata }) => metadata);
    expect(namespaces.toSorted()).toEqual([...used].toSorted());
    expect(federated.map(({ name }) => name).toSorted()).toEqual([...used].toSorted());
    expect(federated.filter(({ name, namespace }) => name !== namespace)).toEqual([]);
    expect(files[0]).toBe('00-namespaces.yaml');
  });

  it('starts each file with what it shows and what will be seen', () => {
    for (const file of files) {
      expect(readFileSync(`${folder}/${file}`, 'utf8')).toMatch(/^# .*\n(#.*\n)*# You will see: /);
    }
  });

  it('has the FederatedDeployment of the guides with its values verbatim', () => {
    expect(find('types.federation.k8s.io/v1alpha1', 'FederatedDeployment', 'test-namespace')).toMatchObject({
      metadata: { name: 'test-deployment' },
      spec: {
        template: { spec: { replicas: 3, template: { spec: { containers: [{ image: 'nginx' }] } } } },
        placement: { clusterNames: ['cluster2', 'cluster1'] },
        overrides: [{ clusterName: 'cluster2', clusterOverrides: [{ path: 'spec.replicas', value: 5 }] }],
      },
    });
  });

  it('has the ReplicaSchedulingPreference of the guides with its values verbatim, and its target beside it', () => {
    const preference = find(
      'scheduling.federation.k8s.io/v1alpha1',
      'ReplicaSchedulingPreference',
      'test-ns',
    );
    expect(preference?.metadata.name).toBe('test-deployment');
    expect(preference?.spec).toEqual({
      targetKind: 'FederatedDeployment',
      totalReplicas: 9,
      clusters: { A: { weight: 1 }, B: { weight: 2 } },
    });
    const target = find('types.federation.k8s.io/v1alpha1', 'FederatedDeployment', 'test-ns');
    expect(target?.metadata.name).toBe('test-deployment');
  });
});

describe('the example on the reference page', () => {
  it.each(servedKinds.map((served) => [`${served.address.kind} (${served.address.group})`, served] as const))(
    'of %s is in order',
    (_, { address, example, schema }) => {
      const document = parse(example) as Document;
      expect(document).toMatchObject({
        apiVersion: `${address.group}/${address.version}`,
        kind: address.kind,
      });
      expect(schema.safeParse(document).error?.issues).toBeUndefined();
      if (hasHub.test(address.group)) expect(problemsOf(document)).toEqual([]);
    },
  );
});
