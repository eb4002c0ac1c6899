import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HansaError, type RetryLaw } from '../../../../src/base/index.ts';
import { systemClock } from '../../../../src/kube/index.ts';
import { fileClusterStore, StateFile } from '../../../../src/provision/store/index.ts';
import {
  applyKilled,
  applyOnce,
  applyUntilDone,
  complaintsAbout,
  machineAt,
  madeCluster,
  specOf,
  troublesIn,
} from './apply-simulated.ts';
import { type Member, SimulatedFleet } from './simulated-fleet.ts';

const reasons = (refusals: readonly { readonly reason: string }[]) => refusals.map(({ reason }) => reason);

/** Switches a machine off at the first moment that fits. Gives back whether there was one. */
function offWhen(fleet: SimulatedFleet, name: string, isNow: () => boolean): () => boolean {
  let happened = false;
  fleet.watch = () => {
    if (happened || !isNow()) return;
    happened = true;
    fleet.powerOff(name);
  };
  return () => happened;
}

function memberAt(fleet: SimulatedFleet, name: string): Member | undefined {
  return fleet.cluster?.members.find((member) => fleet.hostOf(member)?.name === name);
}

describe('fault 2: the machine is switched off while its control plane is made', () => {
  it('at any point: the making goes on where it was begun, as the same cluster', async () => {
    const whole = new SimulatedFleet(['m1']);
    await applyUntilDone(whole, specOf(whole, ['m1']));
    let resumed = 0;
    for (let at = 1; at <= whole.touches; at += 1) {
      const fleet = new SimulatedFleet(['m1']);
      const wanted = specOf(fleet, ['m1']);
      fleet.watch = () => void (fleet.touches === at && fleet.powerOff('m1'));
      await applyOnce(fleet, wanted);
      fleet.watch = undefined;
      const uid = fleet.cluster?.uid;
      fleet.powerOn('m1');
      if (fleet.observe(wanted).cluster.kind === 'down') resumed += 1;
      await applyUntilDone(fleet, wanted);
      expect(complaintsAbout(fleet, wanted), `off at touch ${at}`).toEqual([]);
      if (uid !== undefined) expect(fleet.cluster?.uid).toBe(uid);
    }
    expect(resumed).toBeGreaterThan(0);
  });
});

describe('fault 3: the second control plane dies after its learner was added', () => {
  it.each(['before it started', 'and a restart hid that it never did'])('%s', async (how) => {
    const fleet = new SimulatedFleet(['m1', 'm2', 'm3']);
    const wanted = specOf(fleet, ['m1', 'm2', 'm3']);
    const happened = offWhen(fleet, 'm2', () => {
      const own = memberAt(fleet, 'm2');
      return own?.isLearner === true && (how === 'before it started' ? own.name === '' : own.name !== '');
    });
    await applyOnce(fleet, wanted);
    expect(happened()).toBe(true);
    expect(fleet.hasQuorum).toBe(true);
    const learner = memberAt(fleet, 'm2')?.id;
    fleet.powerOn('m2');
    expect(memberAt(fleet, 'm2')).toMatchObject({ id: learner, isLearner: true });
    await applyUntilDone(fleet, wanted);
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
    expect(memberAt(fleet, 'm2')?.id).not.toBe(learner);
  });

  it('and stays off: its learner holds up nobody else', async () => {
    const fleet = new SimulatedFleet(['m1', 'm2', 'm3', 'm4']);
    const happened = offWhen(fleet, 'm2', () => memberAt(fleet, 'm2')?.isLearner === true);
    await applyOnce(fleet, specOf(fleet, ['m1', 'm2', 'm3']));
    expect(happened()).toBe(true);
    fleet.watch = undefined;
    fleet.nowMs += 60_000;
    const wanted = specOf(fleet, ['m1', 'm3', 'm4']);
    await applyUntilDone(fleet, wanted, { leaving: [machineAt(fleet, 'm2')], forgetUnreachable: ['m2'] });
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
  });
});

describe('fault 4: the second control plane dies right after it became a voter', () => {
  const begin = async () => {
    const fleet = new SimulatedFleet(['m1', 'm2', 'm3']);
    const wanted = specOf(fleet, ['m1', 'm2', 'm3']);
    const happened = offWhen(fleet, 'm2', () => memberAt(fleet, 'm2')?.isLearner === false);
    await applyOnce(fleet, wanted);
    expect(happened()).toBe(true);
    fleet.watch = undefined;
    return { fleet, wanted };
  };

  it('is told as a loss of quorum, with what to do, and nothing is removed', async () => {
    const { fleet, wanted } = await begin();
    expect(fleet.hasQuorum).toBe(false);
    const members = JSON.stringify(fleet.members());
    const { plan } = await applyOnce(fleet, wanted);
    expect(plan.steps).toEqual([]);
    expect(plan.refusals).toMatchObject([
      {
        reason: 'QuorumLost',
        message: expect.stringMatching(
          /2 voters, 0 healthy, 2 needed\): power on m2 .*"hansa cluster recover"/,
        ),
      },
    ]);
    expect(JSON.stringify(fleet.members())).toBe(members);
  });

  it('heals when it is switched on', async () => {
    const { fleet, wanted } = await begin();
    fleet.powerOn('m2');
    await applyUntilDone(fleet, wanted);
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
  });
});

describe('fault 5: the third control plane dies right after it became a voter', () => {
  it('goes out of etcd only when it has failed the probes, then joins anew', async () => {
    const fleet = new SimulatedFleet(['m1', 'm2', 'm3']);
    const wanted = specOf(fleet, ['m1', 'm2', 'm3']);
    const happened = offWhen(fleet, 'm3', () => memberAt(fleet, 'm3')?.isLearner === false);
    await applyOnce(fleet, wanted);
    expect(happened()).toBe(true);
    fleet.watch = undefined;
    expect(fleet.hasQuorum).toBe(true);
    // The disk did not survive; the machine did.
    const host = fleet.host('m3');
    fleet.powerOn('m3');
    fleet.cleanNode(host);
    const dead = memberAt(fleet, 'm3')?.id;
    const beganMs = fleet.nowMs;
    let removedMs = 0;
    fleet.watch = () => {
      if (removedMs === 0 && !fleet.cluster?.members.some(({ id }) => id === dead)) removedMs = fleet.nowMs;
    };
    await applyUntilDone(fleet, wanted);
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
    expect(removedMs - beganMs).toBeGreaterThanOrEqual(40_000);
  });
});

describe('fault 6: somebody ran "kubeadm reset" on a control plane', () => {
  it('its member is found by its address and taken out before the machine joins again', async () => {
    const { fleet, wanted } = await madeCluster(['m1', 'm2', 'm3', 'w1']);
    fleet.kubeadmReset('m2');
    const ghost = memberAt(fleet, 'm2')?.id;
    const { plan } = await applyOnce(fleet, wanted);
    expect(plan.steps.filter(({ machine }) => machine === 'm2').map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['clear-stale-member', 'delete-node', 'join-control-plane']),
    );
    await applyUntilDone(fleet, wanted);
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
    expect(memberAt(fleet, 'm2')?.id).not.toBe(ghost);
  });

  it('on the only one: there is nothing to join, and no second cluster is made in its place', async () => {
    const { fleet, wanted } = await madeCluster(['m1', 'w1']);
    fleet.kubeadmReset('m1');
    const { plan } = await applyOnce(fleet, wanted);
    expect(reasons(plan.refusals)).toEqual(['ClusterGone']);
    expect(plan.refusals[0]?.message).toContain('hansa cluster restore');
  });

  it('on a worker: it joins again', async () => {
    const { fleet, wanted } = await madeCluster(['m1', 'w1']);
    fleet.kubeadmReset('w1');
    await applyUntilDone(fleet, wanted);
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
  });
});

describe('fault 16: a live control plane is to go while another is dead', () => {
  it('is refused with the arithmetic, before anything is touched', async () => {
    const { fleet } = await madeCluster(['m1', 'm2', 'm3']);
    fleet.powerOff('m3');
    const touches = fleet.touches;
    const { plan } = await applyOnce(fleet, specOf(fleet, ['m1', 'm3']), {
      leaving: [machineAt(fleet, 'm2')],
    });
    expect(plan.refusals).toMatchObject([
      {
        reason: 'QuorumAtRisk',
        machine: 'm2',
        message: expect.stringContaining(
          '3 voters, 2 healthy; without m2 there are 2 voters that need 2, and 1 would be left',
        ),
      },
    ]);
    expect(fleet.touches).toBe(touches);
  });

  it('the dead one may go, and by consent only', async () => {
    const { fleet } = await madeCluster(['m1', 'm2', 'm3'], ['m4']);
    fleet.powerOff('m3');
    fleet.nowMs += 60_000;
    const wanted = specOf(fleet, ['m1', 'm2', 'm4']);
    const leaving = [machineAt(fleet, 'm3')];
    const refused = await applyOnce(fleet, wanted, { leaving });
    expect(refused.plan.refusals).toMatchObject([
      { reason: 'MachineUnreachable', message: expect.stringContaining('--forget-unreachable m3') },
    ]);
    await applyUntilDone(fleet, wanted, { leaving, forgetUnreachable: ['m3'] });
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
  });

  it('one that only can not be reached is not dead, whatever is said of it', async () => {
    const { fleet } = await madeCluster(['m1', 'm2', 'm3']);
    fleet.host('m3').isCut = true;
    const { plan } = await applyOnce(fleet, specOf(fleet, ['m1', 'm2']), {
      leaving: [machineAt(fleet, 'm3')],
      forgetUnreachable: ['m3'],
    });
    expect(reasons(plan.refusals)).toEqual(['MachineAlive']);
  });
});

describe('fault 17: two operators begin at once', () => {
  it('one wins, the other learns who it is and for how long, and the work is done once', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hansa-lock-'));
    try {
      const key = { namespace: 'default', name: 'north' };
      const file = () =>
        new StateFile({
          path: join(directory, 'state.json'),
          passphrase: async () => 'a passphrase of some length',
          clock: systemClock,
        });
      const first = file();
      await first.putObjects(key, []);
      const fleet = new SimulatedFleet(['m1']);
      const wanted = specOf(fleet, ['m1']);
      const operator = async (state: StateFile, owner: string) => {
        await using _lock = await fileClusterStore(state, key).lock(owner, new AbortController().signal);
        return await applyOnce(fleet, wanted);
      };
      const ends = await Promise.allSettled([operator(first, 'alice@laptop'), operator(file(), 'bob@desk')]);
      const lost = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as HansaError] : []));
      expect(lost).toMatchObject([{ reason: 'Locked', message: expect.stringMatching(/alice|bob/) }]);
      expect(complaintsAbout(fleet, wanted)).toEqual([]);
      expect(new Set(fleet.journal.map(({ operation }) => operation)).size).toBe(1);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('fault 27: the store refuses to keep the journal', () => {
  const refusing = (reason: string, retry: RetryLaw) =>
    new HansaError(`the API server answered ${reason}`, { reason, retry });

  it('for good: no step changes anything', async () => {
    const fleet = new SimulatedFleet(['m1', 'm2', 'm3']);
    const wanted = specOf(fleet, ['m1', 'm2', 'm3']);
    const empty = JSON.stringify([...fleet.hosts.values()]);
    fleet.refuseAppend = () => refusing('Forbidden', 'never');
    const { result } = await applyOnce(fleet, wanted);
    expect(result?.isComplete).toBe(false);
    expect(JSON.stringify([...fleet.hosts.values()])).toBe(empty);
    fleet.refuseAppend = undefined;
    await applyUntilDone(fleet, wanted);
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
  });

  it('for an intent: kubeadm is not started', async () => {
    const fleet = new SimulatedFleet(['m1', 'm2']);
    const wanted = specOf(fleet, ['m1', 'm2']);
    fleet.refuseAppend = ({ step, event }) =>
      step === 'm2/join-control-plane' && event === 'intent' ? refusing('Conflict', 'backoff') : undefined;
    const applied = await applyOnce(fleet, wanted);
    expect(troublesIn(applied)).toMatchObject([
      { step: 'm2/join-control-plane', kind: 'failed', reason: 'Conflict' },
      { step: 'm2/set-node', kind: 'not-started', because: 'm2/join-control-plane' },
      { step: 'm2/verify-node', kind: 'not-started' },
      { step: 'm1/fence-etcd', kind: 'not-started' },
      { step: 'cluster/verify-cluster', kind: 'not-started' },
    ]);
    expect(fleet.host('m2').commands.size).toBe(0);
    expect(memberAt(fleet, 'm2')).toBeUndefined();
  });

  it('every third time: the run comes to its end all the same', async () => {
    const fleet = new SimulatedFleet(['m1', 'm2', 'm3', 'w1']);
    const wanted = specOf(fleet, ['m1', 'm2', 'm3', 'w1']);
    let count = 0;
    fleet.refuseAppend = ({ event }) => {
      count += 1;
      // What an engine before has left open is told before anything is begun, or nothing is.
      return count % 3 === 0 && event !== 'interrupted'
        ? refusing('TooManyRequests', { afterMs: 1000 })
        : undefined;
    };
    await applyUntilDone(fleet, wanted);
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
  });
});

describe('a removal that was interrupted', () => {
  it('goes on, and gives the machine back as it was', async () => {
    const { fleet } = await madeCluster(['m1', 'm2', 'm3', 'w1']);
    const wanted = specOf(fleet, ['m1', 'm3', 'w1']);
    const leaving = [machineAt(fleet, 'm2')];
    for (const at of [2, 5, 9, 12]) await applyKilled(fleet, wanted, { at, when: 'after' }, { leaving });
    const plan = await applyUntilDone(fleet, wanted, { leaving });
    expect(plan.warnings).toMatchObject([{ reason: 'EvenControlPlanes' }]);
    expect(complaintsAbout(fleet, wanted)).toEqual([]);
    expect(fleet.host('m2')).toMatchObject({ hasKubelet: false, disk: undefined });
  });
});
