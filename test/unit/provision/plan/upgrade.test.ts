import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';
import type { Plan } from '../../../../src/provision/plan/steps.ts';
import { planUpgrade } from '../../../../src/provision/plan/upgrade.ts';
import { journalled, member, node, observed, spec } from './day-two-world.ts';

const available = ['1.34.9', '1.35.2', '1.35.4', '1.36.3', '1.37.2'];

function upgrade(
  versions: Readonly<Record<string, string>>,
  target: string,
  {
    journal = [],
    change = {},
    hands = available,
  }: {
    readonly journal?: readonly JournalRecord[];
    readonly change?: Parameters<typeof observed>[1];
    readonly hands?: readonly string[];
  } = {},
): Plan {
  return planUpgrade(spec(Object.keys(versions)), observed(versions, change), journal, {
    version: target,
    available: hands,
  });
}

const ids = (plan: Plan): readonly string[] => plan.steps.map(({ id }) => id);
const reasons = (plan: Plan): readonly string[] => plan.refusals.map(({ reason }) => reason);

/** Orders steps as an engine would, and fails if a need comes late or never. */
function run(plan: Plan, each: (id: string) => void): void {
  const done = new Set<string>();
  for (const step of plan.steps) {
    for (const need of step.needs) expect(done, `${step.id} needs ${need}`).toContain(need);
    done.add(step.id);
    each(step.id);
  }
}

const three = { m1: '1.36.1', m2: '1.36.1', m3: '1.36.1', w1: '1.36.1', w2: '1.36.1' };

describe('an upgrade within a minor', () => {
  const plan = upgrade(three, '1.36.3');

  it('takes a snapshot first and has everything in place before anything changes', () => {
    expect(plan.refusals).toEqual([]);
    expect(ids(plan)[0]).toBe('cluster/snapshot-etcd-1.36.3');
    const firstChange = plan.steps.findIndex(({ kind }) => kind === 'cordon-and-drain');
    expect(plan.steps.slice(firstChange).some(({ kind }) => kind === 'import-images')).toBe(false);
    expect(plan.steps.filter(({ kind }) => kind === 'import-images')).toHaveLength(5);
    run(plan, () => undefined);
  });

  it('does control planes one by one, then workers in batches', () => {
    expect(ids(plan).filter((id) => /upgrade-(control|worker)/.test(id))).toEqual([
      'm2/upgrade-control-plane-1.36.3',
      'm3/upgrade-control-plane-1.36.3',
      // It leads etcd.
      'm1/upgrade-control-plane-1.36.3',
      'w1/upgrade-worker-1.36.3',
      'w2/upgrade-worker-1.36.3',
    ]);
    const second = plan.steps.find(({ id }) => id === 'w2/cordon-and-drain-1.36.3');
    expect(second?.needs).toEqual(['w1/uncordon-1.36.3']);
  });

  it('can be taken back as a whole', () => {
    expect(plan.steps.some(({ isPointOfNoReturn }) => isPointOfNoReturn)).toBe(false);
  });

  it('is empty when all is done', () => {
    expect(upgrade(three, '1.36.1')).toEqual({ steps: [], refusals: [], warnings: [] });
  });
});

describe('an upgrade to a new minor', () => {
  it('shows the point of no return at the first control plane, and only there', () => {
    const plan = upgrade(three, '1.37.2');
    expect(plan.steps.filter(({ isPointOfNoReturn }) => isPointOfNoReturn).map(({ id }) => id)).toEqual([
      'm2/upgrade-control-plane-1.37.2',
    ]);
  });

  it('goes over every minor between, at the newest version at hand', () => {
    const plan = upgrade({ m1: '1.34.9', w1: '1.34.9' }, '1.37.2');
    expect(ids(plan).filter((id) => id.startsWith('m1/upgrade'))).toEqual([
      'm1/upgrade-control-plane-1.35.4',
      'm1/upgrade-control-plane-1.36.3',
      'm1/upgrade-control-plane-1.37.2',
    ]);
    expect(plan.warnings.map(({ reason }) => reason)).toContain('SeveralMinors');
    run(plan, () => undefined);
  });

  it('finishes all machines before the next minor', () => {
    const plan = upgrade({ m1: '1.35.4', w1: '1.35.4' }, '1.37.2');
    const order = ids(plan);
    expect(order.indexOf('w1/upgrade-worker-1.36.3')).toBeLessThan(
      order.indexOf('m1/upgrade-control-plane-1.37.2'),
    );
    const next = plan.steps.find(({ id }) => id === 'cluster/snapshot-etcd-1.37.2');
    expect(next?.needs).toEqual(['cluster/verify-cluster-1.36.3']);
  });

  it('is refused when a minor between is not at hand, and says which', () => {
    const plan = upgrade({ m1: '1.34.9' }, '1.36.3', { hands: ['1.36.3'] });
    expect(reasons(plan)).toEqual(['VersionMissing']);
    expect(plan.refusals[0]?.message).toContain('1.35');
    expect(plan.steps).toEqual([]);
  });
});

describe('an upgrade that was broken off', () => {
  it('goes on where it stopped, and takes no second snapshot', () => {
    const journal = [
      journalled('cluster/snapshot-etcd-1.37.2', 'done'),
      journalled('m2/upgrade-control-plane-1.37.2', 'done'),
      journalled('m3/upgrade-control-plane-1.37.2', 'started'),
    ];
    const plan = upgrade({ ...three, m2: '1.37.2' }, '1.37.2', { journal });
    expect(ids(plan)).not.toContain('cluster/snapshot-etcd-1.37.2');
    expect(ids(plan).filter((id) => id.includes('upgrade-control-plane'))).toEqual([
      'm3/upgrade-control-plane-1.37.2',
      'm1/upgrade-control-plane-1.37.2',
    ]);
    run(plan, () => undefined);
  });

  it('mends the node it left broken, though that is not Ready', () => {
    const change = { nodes: { w1: { isReady: false } } };
    expect(reasons(upgrade(three, '1.36.3', { change }))).toEqual(['NodeNotReady']);
    const journal = [journalled('w1/upgrade-worker-1.36.3', 'failed')];
    expect(reasons(upgrade(three, '1.36.3', { change, journal }))).toEqual([]);
  });

  it('opens a node it had closed, and leaves alone one that a person closed', () => {
    const change = { nodes: { w1: { isCordoned: true } } };
    const journal = [
      { ...journalled('w1/cordon-and-drain-1.36.3', 'intent'), evidence: { cordoned: 'by-hansa' } },
      journalled('w1/cordon-and-drain-1.36.3', 'done'),
      journalled('w1/upgrade-worker-1.36.3', 'done'),
    ];
    const done = { m1: '1.36.3', w1: '1.36.3' };
    expect(ids(upgrade(done, '1.36.3', { change, journal }))).toEqual(['w1/uncordon']);
    expect(ids(upgrade(done, '1.36.3', { change }))).toEqual([]);
    const opened = [...journal, journalled('w1/uncordon-1.36.3', 'done')];
    expect(ids(upgrade(done, '1.36.3', { change, journal: opened }))).toEqual([]);
  });
});

describe('an upgrade is refused', () => {
  it('to an older version', () => {
    expect(reasons(upgrade(three, '1.35.4'))).toEqual(['Downgrade']);
  });

  it('while a machine can’t be reached', () => {
    expect(reasons(upgrade(three, '1.36.3', { change: { unreachable: ['m3'] } }))).toEqual([
      'MachineUnreachable',
    ]);
  });

  it('while a member of etcd is down, with the arithmetic', () => {
    const change = { members: [member('m1'), member('m2'), member('m3', { isHealthy: false })] };
    const plan = upgrade(three, '1.36.3', { change });
    expect(reasons(plan)).toEqual(['EtcdNotHealthy']);
    expect(plan.refusals[0]?.message).toContain('2 of 3');
  });

  it('while a learner is left over', () => {
    const change = {
      members: [member('m1'), member('m2'), member('m3'), member('', { isLearner: true, isHealthy: false })],
    };
    expect(reasons(upgrade(three, '1.36.3', { change }))).toEqual(['EtcdNotHealthy']);
  });

  it('when a kubelet would become too old for the API server', () => {
    const change = { nodes: { w1: node('w1', '1.33.4', false) } };
    expect(reasons(upgrade({ m1: '1.36.3', w1: '1.33.4' }, '1.37.2', { change }))).toEqual(['KubeletTooOld']);
  });

  it('when the cluster is down, with what to do instead', () => {
    const plan = planUpgrade(
      spec(['m1']),
      { ...observed({ m1: '1.36.3' }), cluster: { kind: 'down', message: 'expired', members: undefined } },
      [],
      { version: '1.37.2', available },
    );
    expect(reasons(plan)).toEqual(['ClusterNotUp']);
    expect(plan.refusals[0]?.message).toContain('hansa certs renew');
  });
});

describe('a single node', () => {
  it('is not drained, and says so', () => {
    const plan = upgrade({ m1: '1.36.1' }, '1.36.3');
    expect(plan.steps.some(({ kind }) => kind === 'cordon-and-drain' || kind === 'uncordon')).toBe(false);
    expect(plan.warnings.map(({ reason }) => reason)).toEqual(['NotDrained']);
    run(plan, () => undefined);
  });
});

describe('whatever the versions are', () => {
  const minors = fc.integer({ min: 34, max: 37 });
  const patchOf: Readonly<Record<number, string>> = {
    34: '1.34.9',
    35: '1.35.4',
    36: '1.36.3',
    37: '1.37.2',
  };

  it('no kubelet gets newer than an API server or more than three minors older, none skips a minor, and all arrive', () => {
    fc.assert(
      fc.property(
        minors,
        minors,
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 3 }),
        (from, to, lags, atOnce) => {
          if (to < from) return;
          const version = patchOf[from] ?? '';
          const versions: Record<string, string> = { m1: version, m2: version, m3: version };
          for (const [index, lag] of lags.entries())
            versions[`w${index}`] = patchOf[Math.max(34, from - lag)] ?? '';
          const plan = planUpgrade(
            { ...spec(Object.keys(versions)), rollout: { ...spec([]).rollout, maxUnavailable: atOnce } },
            observed(versions),
            [],
            { version: patchOf[to] ?? '', available },
          );
          expect(plan.refusals).toEqual([]);
          const now = { ...versions };
          const minor = (name: string): number => Number(now[name]?.split('.')[1]);
          const drained = new Set<string>();
          run(plan, (id) => {
            const [name = '', kind = ''] = id.split('/');
            if (kind.startsWith('cordon')) drained.add(name);
            if (kind.startsWith('uncordon')) drained.delete(name);
            expect([...drained].filter((one) => one.startsWith('w')).length).toBeLessThanOrEqual(atOnce);
            expect([...drained].filter((one) => one.startsWith('m')).length).toBeLessThanOrEqual(1);
            if (!kind.startsWith('upgrade-')) return;
            const before = minor(name);
            now[name] = kind.slice(kind.lastIndexOf('-') + 1);
            if (name.startsWith('m')) expect(minor(name) - before).toBeLessThanOrEqual(1);
            const planes = ['m1', 'm2', 'm3'].map(minor);
            for (const one of Object.keys(now).filter((key) => key.startsWith('w'))) {
              expect(minor(one)).toBeLessThanOrEqual(Math.min(...planes));
              expect(Math.max(...planes) - minor(one)).toBeLessThanOrEqual(3);
            }
          });
          expect(new Set(Object.values(now))).toEqual(new Set([patchOf[to]]));
        },
      ),
      { numRuns: 150 },
    );
  });
});
