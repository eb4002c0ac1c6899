import { describe, expect, it } from 'vitest';
import { federatedContent, noRevision } from '../../../src/api/rollout.hansa.dev/v1alpha1/pins.ts';
import { revisionLabel } from '../../../src/api/rollout.hansa.dev/v1alpha1/words.ts';
import { type DecideInput, decide, intentFor } from '../../../src/propagation/plan/decide.ts';
import { stepFor } from '../../../src/propagation/plan/intent.ts';
import {
  currentRevision,
  type Pin,
  pinnedRevision,
  pinWithoutContent,
  renderPinned,
} from '../../../src/propagation/plan/pinned.ts';
import { hub, member, record } from './builders.ts';

const m1 = member('m1', { labels: { region: 'eu' } });
const m2 = member('m2');
const members = [m1, m2];

const deployment = (image: string, replicas: number | undefined, more: object = {}) =>
  hub({
    placement: { clusterSelector: {} },
    template: {
      spec: {
        ...(replicas === undefined ? {} : { replicas }),
        template: { spec: { containers: [{ name: 'main', image }] } },
      },
    },
    ...more,
  });

const pin = (change: Partial<Pin> = {}): Pin => ({
  rollout: 'web',
  revision: '11112222',
  content: 'current',
  patches: [],
  ...change,
});

function render(federated: ReturnType<typeof hub>, change: Partial<Pin>) {
  const rendered = renderPinned({ federated, pin: pin(change), member: m1, members });
  if (!rendered.ok) throw new Error(rendered.failure.message);
  return rendered.object as unknown as {
    readonly metadata: { readonly annotations: Record<string, string> };
    readonly spec: {
      readonly replicas?: number;
      readonly progressDeadlineSeconds?: number;
      readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
    };
  };
}

describe('a revision', () => {
  it('is the same at any scale, and another with any other change', () => {
    const scaled = (path: string, op?: string) => ({
      overrides: [{ clusterName: 'm1', clusterOverrides: [{ path, value: 9, ...(op ? { op } : {}) }] }],
    });
    const revision = currentRevision(deployment('nginx:1', 2));
    expect(currentRevision(deployment('nginx:1', 5))).toBe(revision);
    expect(currentRevision(deployment('nginx:1', undefined))).toBe(revision);
    expect(currentRevision(deployment('nginx:1', 2, scaled('/spec/replicas')))).toBe(revision);
    expect(currentRevision(deployment('nginx:2', 2))).not.toBe(revision);
    expect(currentRevision(deployment('nginx:1', 2, scaled('/spec/minReadySeconds')))).not.toBe(revision);
    expect(currentRevision(deployment('nginx:1', 2, { placement: {} }))).toBe(revision);
  });

  it('of a member is that of its pin, and of those that came later that of the others', () => {
    const pins = { rollout: 'web', members: { m1: 'a', constructor: 'b' }, others: 'c' };
    expect(pinnedRevision(pins, 'm1')).toBe('a');
    expect(pinnedRevision(pins, 'm2')).toBe('c');
    expect(pinnedRevision(pins, 'toString')).toBe('c');
    expect(pinWithoutContent(pins, 'm1', 'a')).toMatchObject({ revision: 'a', content: 'current' });
    expect(pinWithoutContent(pins, 'm1', 'x')).toMatchObject({ revision: 'a', content: undefined });
    expect(pinWithoutContent({ ...pins, others: noRevision }, 'm2', 'a')).toMatchObject({
      content: 'none-yet',
    });
  });
});

describe('a pinned member', () => {
  it('gets the spec as it is, with the name of the revision, where that is its revision', () => {
    const object = render(deployment('nginx:2', 3), {});
    expect(object.spec.template.spec.containers[0]?.image).toBe('nginx:2');
    expect(object.metadata.annotations).toEqual({ [revisionLabel]: '11112222' });
  });

  it('gets an old template with the overrides of that time, and the replicas of now', () => {
    const before = deployment('nginx:1', 2, {
      overrides: [
        { clusterName: 'm1', clusterOverrides: [{ path: '/metadata/labels', value: { tier: 'old' } }] },
      ],
    });
    const now = deployment('nginx:2', 7, {
      overrides: [{ clusterName: 'm1', clusterOverrides: [{ path: '/metadata/labels/tier', value: 'new' }] }],
    });
    const object = render(now, { content: federatedContent(before) });
    expect(object.spec).toMatchObject({
      replicas: 7,
      template: { spec: { containers: [{ image: 'nginx:1' }] } },
    });
    expect(object.metadata).toMatchObject({ labels: { tier: 'old' } });
  });

  it.each([
    ['by name', { clusterName: 'm1' }],
    ['by label', { clusterSelector: { matchLabels: { region: 'eu' } } }],
  ])('gets the replicas that an override of now gives it %s', (_, whom) => {
    const old = federatedContent(
      deployment('nginx:1', 2, {
        overrides: [
          {
            clusterName: 'm1',
            clusterOverrides: [{ path: '/metadata/labels', value: { tier: 'old' } }],
          },
        ],
      }),
    );
    const now = deployment('nginx:2', 7, {
      overrides: [{ ...whom, clusterOverrides: [{ path: '/spec/replicas', value: 4 }] }],
    });
    expect(render(now, { content: old }).spec.replicas).toBe(4);
  });

  it('has no replicas of ours where the spec of now leaves them to the cluster', () => {
    const old = federatedContent(deployment('nginx:1', 2));
    expect(render(deployment('nginx:2', undefined), { content: old }).spec).not.toHaveProperty('replicas');
  });

  it('gets what the rollout holds still after the overrides of its user', () => {
    const object = render(
      deployment('nginx:2', 3, {
        overrides: [
          { clusterName: 'm1', clusterOverrides: [{ path: '/spec/progressDeadlineSeconds', value: 5 }] },
        ],
      }),
      { patches: [{ path: '/spec/progressDeadlineSeconds', value: 2_147_483_647 }] },
    );
    expect(object.spec.progressDeadlineSeconds).toBe(2_147_483_647);
  });

  it('is refused with the revision named where its old overrides do not fit', () => {
    const broken = {
      template: { spec: {} },
      overrides: [{ clusterName: 'm1', clusterOverrides: [{ op: 'remove' as const, path: '/spec/paused' }] }],
    };
    const rendered = renderPinned({
      federated: deployment('nginx:2', 3),
      pin: pin({ content: broken }),
      member: m1,
      members,
    });
    expect(rendered).toMatchObject({
      ok: false,
      failure: { reason: 'ApplyOverridesFailed', message: expect.stringMatching(/^revision 11112222: /) },
    });
  });
});

describe('an object whose rollout has not spoken', () => {
  const object = record(deployment('nginx:1', 2));
  const input: DecideInput = {
    record: object,
    namespaceRecord: record(
      hub({ kind: 'FederatedNamespace', name: 'shop', placement: { clusterSelector: {} } }),
    ),
    namespacesAreTrustworthy: true,
    members,
    hansaNamespace: 'hansa',
  };
  const awaiting = decide({ ...input, awaits: 'the Rollout "web" has not said yet' });
  const intent = (decision = awaiting, change: { pin?: Pin; deleting?: boolean } = {}) =>
    intentFor({
      record: { ...object, deleting: change.deleting ?? false },
      decision,
      member: m1,
      members,
      observed: undefined,
      isTrustworthy: true,
      ...(change.pin ? { pin: change.pin } : {}),
    });

  it('is written nowhere, and says whom it waits for', () => {
    expect(awaiting).toMatchObject({
      trouble: { reason: 'WaitingForRollout', message: expect.stringContaining('"web"') },
      held: false,
    });
    expect(stepFor(intent(), undefined, undefined)).toEqual({
      kind: 'await-rollout',
      message: 'the Rollout "web" has not said yet',
    });
  });

  it('counts as in place where it is in place already', () => {
    const wanted = intent();
    if (wanted.kind !== 'present') throw new Error(wanted.kind);
    const observed = { uid: 'u', deleting: false, fields: 'f' };
    const version = `${wanted.hash}.f`;
    expect(stepFor(wanted, observed, { version, firsthand: false })).toEqual({ kind: 'none', version });
    expect(stepFor(wanted, { ...observed, fields: 'g' }, { version, firsthand: true })).toMatchObject({
      kind: 'await-rollout',
    });
  });

  it('is still taken away where the placement leaves it out, and when it is deleted', () => {
    const placement = { clusters: [{ name: 'm2' }] };
    const moved = decide({ ...input, record: record(deployment('nginx:1', 2, { placement })), awaits: 'x' });
    expect(intent(moved)).toEqual({ kind: 'absent', because: 'left-out' });
    expect(intent(awaiting, { deleting: true })).toEqual({ kind: 'absent', because: 'deleted' });
  });

  it('stays as it is in a member that a first rollout has not come to', () => {
    const settled = decide(input);
    const held = intent(settled, { pin: pin({ revision: noRevision, content: 'none-yet' }) });
    expect(stepFor(held, undefined, undefined)).toMatchObject({
      kind: 'await-rollout',
      message: expect.stringContaining('has not come to this cluster'),
    });
  });

  it('stays as it is where the content of its revision is lost, and says which', () => {
    expect(intent(decide(input), { pin: pin({ content: 'missing' }) })).toMatchObject({
      kind: 'refused',
      status: 'RevisionNotFound',
      message: expect.stringContaining('"web-11112222"'),
    });
  });
});

describe('a Service by which a rollout steers traffic', () => {
  it('keeps the selector that the rollout gave it, and no other kind loses one', () => {
    const spec = { selector: { app: 'web' }, ports: [{ port: 80 }] };
    const placement = { clusterSelector: {} };
    const specOf = (kind: string, steered: boolean) => {
      const object = record(hub({ kind, placement, template: { spec } }));
      const wanted = intentFor({
        record: object,
        decision: decide({
          record: object,
          namespaceRecord: record(hub({ kind: 'FederatedNamespace', name: 'shop', placement })),
          namespacesAreTrustworthy: true,
          members,
          hansaNamespace: 'hansa',
        }),
        member: m1,
        members,
        observed: { steered },
        isTrustworthy: true,
      });
      return wanted.kind === 'present' ? wanted.desired['spec'] : wanted;
    };
    expect(specOf('FederatedService', true)).toEqual({ ports: [{ port: 80 }] });
    expect(specOf('FederatedService', false)).toEqual(spec);
    expect(specOf('FederatedDeployment', true)).toEqual(spec);
  });
});
