import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noRevision, type Pins } from '../../../../src/api/rollout.hansa.dev/v1alpha1/pins.ts';
import {
  blockedBy,
  completedBefore,
  fleetRevision,
  followsPolicy,
  followUndo,
  heldBefore,
  nextPins,
  policyRolloutName,
  policyRolloutSpec,
  refusalOf,
  revisionsOf,
  statusPatch,
  withAbortReason,
} from '../../../../src/rollout/plan/controller/index.ts';

const none: ReadonlySet<string> = new Set();

describe('pins', () => {
  const input = {
    before: undefined,
    rollout: 'web',
    contender: 'new',
    stable: 'old',
    members: ['m1', 'm2', 'm3'],
    forward: none,
    back: none,
    patches: [],
  };

  it('leave everybody at the stable revision until somebody is told to move', () => {
    expect(nextPins(input)).toEqual({ rollout: 'web', members: {}, others: 'old' });
    expect(nextPins({ ...input, forward: new Set(['m1']) })).toEqual({
      rollout: 'web',
      members: { m1: 'new' },
      others: 'old',
    });
  });

  it('of a first run hold whoever was not told to move', () => {
    const { stable: _, ...first } = input;
    const pins = nextPins({ ...first, stable: undefined, forward: new Set(['m1']) });
    expect(pins).toEqual({ rollout: 'web', members: { m1: 'new' }, others: noRevision });
  });

  it('need no names once the run is over, but for clusters that were left behind', () => {
    const before: Pins = { rollout: 'web', members: { m1: 'new', m2: 'new' }, others: 'old' };
    expect(nextPins({ ...input, before, stable: 'new' })).toEqual({
      rollout: 'web',
      members: { m3: 'old' },
      others: 'new',
    });
  });

  it('take a cluster back to the stable revision', () => {
    const before: Pins = { rollout: 'web', members: { m1: 'new' }, others: 'old' };
    expect(nextPins({ ...input, before, back: new Set(['m1']) })).toEqual({
      rollout: 'web',
      members: {},
      others: 'old',
    });
  });

  it('keep a cluster where it is when another revision takes over in the middle', () => {
    const before: Pins = { rollout: 'web', members: { m1: 'new' }, others: 'old' };
    expect(nextPins({ ...input, before, contender: 'newer' }).members).toEqual({ m1: 'new' });
  });

  it('of another rollout count for nothing', () => {
    const before: Pins = { rollout: 'other', members: { m1: 'x' }, others: 'y' };
    expect(nextPins({ ...input, before })).toEqual({ rollout: 'web', members: {}, others: 'old' });
  });

  it('move nobody who was not told to', () => {
    const name = fc.constantFrom('m1', 'm2', 'm3', 'm4');
    const revision = fc.constantFrom('a', 'b', 'c', noRevision);
    fc.assert(
      fc.property(
        fc.dictionary(name, revision),
        revision,
        fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
        fc.uniqueArray(name),
        (members, others, stable, forward) => {
          const before: Pins = { rollout: 'web', members, others };
          const next = nextPins({
            ...input,
            before,
            stable,
            members: ['m1', 'm2', 'm3', 'm4'],
            forward: new Set(forward),
          });
          const at = (pins: Pins, member: string) => pins.members[member] ?? pins.others;
          for (const member of ['m1', 'm2', 'm3', 'm4']) {
            expect(at(next, member)).toBe(
              forward.some((name) => name === member) ? 'new' : at(before, member),
            );
          }
          expect(revisionsOf(next)).not.toContain(noRevision);
        },
      ),
    );
  });
});

describe('an undo', () => {
  it('is followed while the source stays, and over for good once it changes', () => {
    expect(followUndo(undefined, undefined, 'b')).toEqual({ revision: 'b', undo: undefined });
    const said = followUndo('a', undefined, 'b');
    expect(said).toEqual({ revision: 'a', undo: { to: 'a', from: 'b' } });
    expect(followUndo('a', said.undo, 'b')).toEqual(said);
    const edited = followUndo('a', said.undo, 'c');
    expect(edited.revision).toBe('c');
    // The very revision that was undone comes back by an edit: that is newer than the word, too.
    expect(followUndo('a', edited.undo, 'b').revision).toBe('b');
  });

  it('is a new one when it names another revision, and none when the word is taken back', () => {
    const before = { to: 'a', from: 'c' };
    expect(followUndo('b', before, 'c')).toEqual({ revision: 'b', undo: { to: 'b', from: 'c' } });
    expect(followUndo(undefined, before, 'c')).toEqual({ revision: 'c', undo: undefined });
  });
});

describe('RolloutBlocks', () => {
  const block = (namespace: string, name: string, message?: string) => ({ namespace, name, message });

  it('of the namespace and the global ones are in the way, those of others are not', () => {
    const blocks = [
      block('other', 'x'),
      block('shop', 'freeze', 'end of the year'),
      block('rollout-blocks-global', 'dns'),
    ];
    expect(blockedBy(blocks, { namespace: 'shop' })).toBe(
      'blocked by RolloutBlock "rollout-blocks-global/dns", "shop/freeze" (end of the year): delete it, or name it in spec.blocks.override',
    );
    expect(blockedBy(blocks, { namespace: 'shop', override: ['rollout-blocks-global/dns'] })).toContain(
      '"shop/freeze"',
    );
    expect(
      blockedBy(blocks, { namespace: 'shop', override: ['rollout-blocks-global/dns', 'shop/freeze'] }),
    ).toBeUndefined();
    expect(blockedBy([block('other', 'x')], { namespace: 'shop' })).toBeUndefined();
  });
});

describe('what clusters held before a rollout came', () => {
  const status = (...clusters: { name: string; status?: string }[]) => ({ observedGeneration: 3, clusters });

  it.each([
    ['is not known while the status is about an older spec', { observedGeneration: 2 }, 'not-known-yet'],
    ['is not known while a cluster says nothing', status({ name: 'm1' }), 'not-known-yet'],
    [
      'is not known while a first write is under way',
      status({ name: 'm1' }, { name: 'm2', status: 'Waiting' }),
      'not-known-yet',
    ],
    [
      'is the spec where nobody waits for the rollout',
      status({ name: 'm1' }, { name: 'm2', status: 'ClusterNotReady' }),
      'the-spec',
    ],
    [
      'is something else where a cluster waits for it',
      status({ name: 'm1' }, { name: 'm2', status: 'WaitingForRollout' }),
      'something-else',
    ],
    [
      'is something else where no cluster has the spec',
      status({ name: 'm1', status: 'ClusterNotReady' }, { name: 'm2', status: 'ClusterNotReady' }),
      'something-else',
    ],
  ])('%s', (_, seen, verdict) => {
    expect(heldBefore(seen, 3, ['m1', 'm2'])).toBe(verdict);
  });

  it('is a refusal only where it does not pass by itself', () => {
    expect(refusalOf({ name: 'm1', status: 'UpdateFailed', message: 'quota' })).toBe('quota');
    expect(refusalOf({ name: 'm1', status: 'ClusterNotReady', message: 'x' })).toBeUndefined();
    expect(refusalOf({ name: 'm1' })).toBeUndefined();
    expect(refusalOf(undefined)).toBeUndefined();
  });
});

describe('the revision of a workload that others edit', () => {
  const first = fleetRevision(undefined, { m1: 'a', m2: 'a' });

  it('stays when a cluster joins, leaves, or does not answer', () => {
    expect(fleetRevision(first, { m1: 'a' })?.revision).toBe(first?.revision);
    expect(fleetRevision(first, {})?.revision).toBe(first?.revision);
    const joined = fleetRevision(first, { m1: 'a', m2: 'a', m3: 'z' });
    expect(joined).toEqual({ revision: first?.revision, workloads: { m1: 'a', m2: 'a', m3: 'z' } });
  });

  it('is another as soon as one cluster has another template, and the same again when that is back', () => {
    const edited = fleetRevision(first, { m1: 'b', m2: 'a' });
    expect(edited?.revision).not.toBe(first?.revision);
    expect(fleetRevision(edited, { m1: 'a', m2: 'a' })?.revision).toBe(first?.revision);
  });

  it('stays while clusters are put back one after the other, and is the old one when all are', () => {
    const bad = fleetRevision(first, { m1: 'b', m2: 'b' });
    expect(fleetRevision(bad, { m1: 'a', m2: 'b' }, first)).toEqual(bad);
    expect(fleetRevision(bad, { m1: 'a', m2: 'a' }, first)).toEqual(first);
    // An edit of its own in the middle of that is news.
    expect(fleetRevision(bad, { m1: 'c', m2: 'b' }, first)?.revision).not.toBe(bad?.revision);
  });

  it('is none where nobody has it', () => {
    expect(fleetRevision(undefined, {})).toBeUndefined();
  });
});

describe('the Rollout of a policy', () => {
  const ref = { apiVersion: 'types.kubefed.io/v1beta1', kind: 'FederatedConfigMap', name: 'settings' };
  const policy = { appliesTo: {}, waves: [{ name: 'a', clusterSelector: {} }] };

  it('is named after kind and name, and never longer than a name may be', () => {
    expect(policyRolloutName('FederatedConfigMap', 'settings')).toBe('federatedconfigmap-settings');
    const long = policyRolloutName('FederatedConfigMap', `${'x'.repeat(250)}a`);
    expect(long.length).toBeLessThanOrEqual(244);
    expect(long).not.toBe(policyRolloutName('FederatedConfigMap', `${'x'.repeat(250)}b`));
  });

  it('says what the policy says, and leaves the commands to people', () => {
    const wanted = policyRolloutSpec(policy, ref);
    expect(wanted).toEqual({ source: { federatedRef: ref }, waves: policy.waves });
    expect(followsPolicy({ ...wanted, command: { paused: true } }, wanted)).toBe(true);
    expect(followsPolicy({ ...wanted, failurePolicy: 'AbortAll' }, wanted)).toBe(false);
  });
});

describe('a status', () => {
  it('is written only as far as it differs; what went is sent as null', () => {
    const before = { phase: 'Progressing' as const, wave: 'a', clusters: [] };
    expect(statusPatch(before, { clusters: [], phase: 'Progressing', wave: 'a' })).toBeUndefined();
    expect(statusPatch(before, { phase: 'Completed', clusters: [] })).toEqual({
      phase: 'Completed',
      wave: null,
    });
    expect(statusPatch(undefined, { phase: 'Idle' })).toEqual({ phase: 'Idle' });
  });

  it('knows which revision was completed before this one', () => {
    const history = [
      { revision: 'a', outcome: 'Completed' as const },
      { revision: 'b', outcome: 'Aborted' as const },
      { revision: 'c', outcome: 'Completed' as const },
    ];
    expect(completedBefore({ history }, 'c')).toBe('a');
    expect(completedBefore({}, 'c')).toBeUndefined();
  });
});

describe('a run that a person took back', () => {
  const aborted = { revision: 'b', abortedBecause: 'a person said so' };

  it('says why in their words, and only if these are about this revision', () => {
    const why = (reason: string | undefined, abort = 'b') =>
      withAbortReason({ revision: 'b' }, aborted, { abort, reason }).abortedBecause;
    expect(why('b: too slow (jdoe)')).toBe('too slow (jdoe)');
    expect(why('a: too slow (jdoe)')).toBe('a person said so');
    expect(why(undefined)).toBe('a person said so');
    // A gate did it, whatever somebody wrote before.
    expect(why('b: too slow (jdoe)', 'a')).toBe('a person said so');
    expect(withAbortReason(aborted, aborted, { abort: 'b', reason: 'b: x' })).toBe(aborted);
  });
});
