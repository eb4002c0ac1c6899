import { describe, expect, it } from 'vitest';
import { demoMembers, expectations } from '../../../src/cli/demo/expectations.ts';
import { readQuickstart, typeOf } from '../../../src/cli/demo/quickstart.ts';

const files = await readQuickstart();
const documents = files.flatMap((file) => file.documents);

describe('the quickstart and what the demo expects of it', () => {
  it('is applied in the order of its files, namespaces first', () => {
    const names = files.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(files[0]?.documents[0]?.kind).toBe('Namespace');
  });

  it('has only documents that the host of the demo serves', () => {
    expect(documents.length).toBeGreaterThan(expectations.length);
    for (const document of documents) expect(typeOf(document).kind).toBe(document.kind);
    expect(() => typeOf({ apiVersion: 'v1', kind: 'Pod' })).toThrow(/no CRD of Hansa's serves/);
  });

  it('has an expectation for each object that it federates, and no other', () => {
    const federated = documents
      .filter(({ kind }) => kind.startsWith('Federated') && kind !== 'FederatedNamespace')
      .map(
        ({ apiVersion, kind, metadata: { namespace, name } }) => `${apiVersion} ${kind} ${namespace}/${name}`,
      );
    const expected = expectations.map(
      ({ apiVersion, kind, namespace, name }) => `${apiVersion} Federated${kind} ${namespace}/${name}`,
    );
    expect(federated.toSorted()).toEqual(expected.toSorted());
  });

  it('expects as many replicas in all as each ReplicaSchedulingPreference asks for', () => {
    const preferences = documents.filter(({ kind }) => kind === 'ReplicaSchedulingPreference');
    expect(preferences).toHaveLength(3);
    for (const { apiVersion, metadata, ...rest } of preferences) {
      const { totalReplicas } = rest['spec'] as { readonly totalReplicas: number };
      const group = apiVersion.replace('scheduling.', '');
      const expectation = expectations.find(
        (each) =>
          each.namespace === metadata.namespace && each.apiVersion.includes(group.split('/')[0] ?? '?'),
      );
      const sum = Object.values(expectation?.wanted ?? {}).reduce((total, count) => total + count, 0);
      expect([metadata.namespace, sum]).toEqual([metadata.namespace, totalReplicas]);
    }
  });

  it('names the members by the aliases and regions they have', () => {
    expect(demoMembers.map(({ name, alias, labels }) => [name, alias, labels.region])).toEqual([
      ['cluster1', 'A', 'eu'],
      ['cluster2', 'B', 'us'],
      ['cluster3', 'C', 'ap'],
    ]);
  });
});
