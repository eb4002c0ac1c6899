import { describe, expect, it } from 'vitest';
import {
  type DecideInput,
  decide,
  type IntentInput,
  intentFor,
} from '../../../src/propagation/plan/decide.ts';
import { brokenRecord, hub, member, record } from './builders.ts';

const m1 = member('m1', { labels: { region: 'eu' } });
const m2 = member('m2', { labels: { region: 'us' } });
const m3 = member('m3', { alias: 'C' });
const members = [m1, m2, m3];
const everywhere = { placement: { clusterSelector: {} } };
const wrongSelector = {
  placement: { clusterSelector: { matchExpressions: [{ key: 'x', operator: 'In' }] } },
};

function decided(input: Partial<DecideInput> = {}) {
  return decide({
    record: record(hub(everywhere)),
    namespaceRecord: record(hub({ kind: 'FederatedNamespace', name: 'shop', ...everywhere })),
    namespacesAreTrustworthy: true,
    members,
    hansaNamespace: 'kube-federation-system',
    ...input,
  });
}

describe('where an object goes', () => {
  it('is where its placement and that of its namespace agree', () => {
    const placement = { clusters: [{ name: 'm1' }, { name: 'C' }] };
    const namespaceRecord = record(
      hub({
        kind: 'FederatedNamespace',
        name: 'shop',
        placement: { clusters: [{ name: 'm1' }, { name: 'm2' }] },
      }),
    );
    const decision = decided({ record: record(hub({ placement })), namespaceRecord });
    expect([...decision.selected]).toEqual(['m1']);
    expect(decision.notes).toEqual([
      { name: 'm3', status: 'ExcludedByFederatedNamespace', message: expect.stringContaining('"shop"') },
    ]);
    expect(decision.trouble).toBeUndefined();
  });

  it('is nowhere without a FederatedNamespace, and the trouble says what to create', () => {
    const decision = decided({ namespaceRecord: undefined });
    expect(decision).toMatchObject({
      held: false,
      ignored: false,
      trouble: {
        reason: 'NamespaceNotFederated',
        message: expect.stringContaining('create a FederatedNamespace "shop"'),
      },
    });
    expect(decision.selected.size).toBe(0);
  });

  it('stays as it is while FederatedNamespaces may not be seen in full', () => {
    expect(decided({ namespaceRecord: undefined, namespacesAreTrustworthy: false })).toMatchObject({
      held: true,
      trouble: { reason: 'NamespaceNotFederated' },
    });
  });

  it.each<[string, Partial<DecideInput>, string]>([
    ['its selector is wrong', { record: record(hub(wrongSelector)) }, 'ComputePlacementFailed'],
    ['its spec is wrong', { record: brokenRecord() }, 'InvalidSpec'],
    [
      'the selector of its namespace is wrong',
      { namespaceRecord: record(hub({ kind: 'FederatedNamespace', name: 'shop', ...wrongSelector })) },
      'ComputePlacementFailed',
    ],
    [
      'the spec of its namespace is wrong',
      { namespaceRecord: brokenRecord('FederatedNamespace') },
      'ComputePlacementFailed',
    ],
  ])('stays as it is when %s', (_, input, reason) => {
    expect(decided(input)).toMatchObject({ held: true, ignored: false, trouble: { reason } });
  });

  it('is told of each name that leads nowhere, by its field in the shape of the user', () => {
    const message = (shape: '2019' | 'today', placement: object) =>
      decided({ record: record(hub({ shape, placement })) }).notes;
    expect(message('today', { clusters: [{ name: 'm1' }, { name: 'x' }] })).toEqual([
      {
        name: 'x',
        status: 'UnknownCluster',
        message: expect.stringMatching(/^spec\.placement\.clusters\[1\]\.name: /),
      },
    ]);
    expect(message('2019', { clusterNames: ['x'] })).toMatchObject([
      { message: expect.stringMatching(/^spec\.placement\.clusterNames\[0\]: /) },
    ]);
  });

  it('is ambiguous by an alias that two carry, while the others get it', () => {
    const decision = decided({
      members: [m1, member('m2', { alias: 'A' }), member('m3', { alias: 'A' })],
      record: record(hub({ placement: { clusters: [{ name: 'A' }, { name: 'm1' }] } })),
    });
    expect([...decision.selected]).toEqual(['m1']);
    expect(decision.notes).toMatchObject([{ name: 'A', status: 'AmbiguousAlias' }]);
  });
});

describe('a FederatedNamespace', () => {
  const namespace = (name: string, inNamespace = name) =>
    record(hub({ kind: 'FederatedNamespace', name, namespace: inNamespace, ...everywhere }));

  it('goes where its own placement says', () => {
    expect(decided({ record: namespace('shop'), namespaceRecord: undefined }).selected.size).toBe(3);
  });

  it.each([
    ['has not the name of its namespace', namespace('shop', 'other')],
    ['is for kube-system', namespace('kube-system')],
    ['is for default', namespace('default')],
    ["is for Hansa's own namespace", namespace('kube-federation-system')],
  ])('is ignored if it %s', (_, each) => {
    expect(decided({ record: each })).toMatchObject({ ignored: true, trouble: { reason: 'InvalidName' } });
  });
});

function intent(input: Partial<IntentInput> & { readonly in?: typeof m1 } = {}) {
  const base = record(hub({ ...everywhere, template: { spec: { replicas: 2 } } }));
  const own = 'record' in input ? input.record : base;
  return intentFor({
    record: own,
    decision: own ? decided({ record: { ...base, ...own } }) : undefined,
    member: m1,
    members,
    observed: undefined,
    isTrustworthy: true,
    ...input,
  });
}
const base = record(hub({ ...everywhere, template: { spec: { replicas: 2 } } }));

describe('what a member shall hold', () => {
  it('is the rendered object, with the hash of just that', () => {
    const first = intent();
    expect(first).toMatchObject({ kind: 'present', desired: { spec: { replicas: 2 } } });
    expect(intent()).toEqual(first);
    const changed = record(hub({ ...everywhere, template: { spec: { replicas: 3 } } }));
    expect((intent({ record: changed }) as { hash: string }).hash).not.toBe((first as { hash: string }).hash);
  });

  it('is nothing where the placement leaves it out', () => {
    const elsewhere = record(hub({ placement: { clusters: [{ name: 'm2' }] } }));
    expect(intent({ record: elsewhere })).toEqual({ kind: 'absent', because: 'left-out' });
  });

  it('is nothing more once the object is being deleted', () => {
    expect(intent({ record: { ...base, deleting: true } })).toEqual({ kind: 'absent', because: 'deleted' });
  });

  it('is left to it when the user asks for orphans', () => {
    expect(intent({ record: { ...base, deleting: true, orphan: true } })).toEqual({
      kind: 'released',
      because: 'orphaned',
    });
  });

  it('waits for the finalizer, without which a deletion on the host would be missed', () => {
    expect(intent({ record: { ...base, hasFinalizer: false } })).toMatchObject({ kind: 'held' });
    expect(intent({ record: { ...base, hasFinalizer: false, deleting: true } })).toMatchObject({
      kind: 'held',
    });
  });

  it('but does not wait with taking away what the placement leaves out', () => {
    const elsewhere = { ...record(hub({ placement: { clusters: [] } })), hasFinalizer: false };
    expect(intent({ record: elsewhere })).toEqual({ kind: 'absent', because: 'left-out' });
  });

  it('is released without a federated object, but only if its absence can be trusted', () => {
    expect(intent({ record: undefined })).toEqual({ kind: 'released', because: 'no-federated-object' });
    expect(intent({ record: undefined, isTrustworthy: false })).toMatchObject({ kind: 'held' });
  });

  it('is held while nothing can be decided', () => {
    expect(intent({ decision: decided({ record: record(hub(wrongSelector)) }) })).toMatchObject({
      kind: 'held',
    });
    expect(intent({ record: brokenRecord() })).toMatchObject({
      kind: 'held',
      because: 'spec.placement: must be a map',
    });
    const ignored = decided({
      record: record(hub({ kind: 'FederatedNamespace', name: 'default', namespace: 'default' })),
    });
    expect(intent({ decision: ignored })).toMatchObject({ kind: 'held' });
  });

  it('is refused where its own override is wrong, and right everywhere else', () => {
    const overrides = [{ clusterName: 'm1', clusterOverrides: [{ path: '/a/b', value: 1 }] }];
    const bad = record(hub({ ...everywhere, overrides }));
    expect(intent({ record: bad })).toEqual({
      kind: 'refused',
      status: 'ApplyOverridesFailed',
      message: expect.stringMatching(/^spec\.overrides\[0\]\.clusterOverrides\[0\]\.path: "\/a\/b": /),
    });
    expect(intent({ record: bad, member: m2 })).toMatchObject({ kind: 'present' });
  });
});

describe('with retainReplicas', () => {
  const retaining = record(
    hub({ ...everywhere, retainReplicas: true, template: { spec: { replicas: 2, paused: true } } }),
  );
  const specWhen = (observed: IntentInput['observed']) =>
    (intent({ record: retaining, observed }) as unknown as { desired: { spec: unknown } }).desired.spec;

  it('the replicas are those of the template until the object exists', () => {
    expect(specWhen(undefined)).toEqual({ replicas: 2, paused: true });
    expect(specWhen({})).toEqual({ replicas: 2, paused: true });
  });

  it('they are those of the member afterwards', () => {
    expect(specWhen({ replicas: 7 })).toEqual({ replicas: 7, paused: true });
    expect(specWhen({ replicas: 0 })).toEqual({ replicas: 0, paused: true });
  });

  it('they are not sent at all when another owns them, such as an autoscaler', () => {
    expect(specWhen({ replicas: 7, replicasOwnedByOthers: true })).toEqual({ paused: true });
  });
});
