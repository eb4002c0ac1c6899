import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
import { SimulatedFleet } from './simulated-fleet.ts';

const sizes = [['m1'], ['m1', 'w1'], ['m1', 'm2', 'm3', 'w1', 'w2'], ['m1', 'm2', 'm3', 'm4', 'm5', 'w1']];

describe('making a cluster', () => {
  it.each(sizes.map((names) => ({ names })))(
    'of $names comes to its end in one run, and then has nothing to do',
    async ({ names }) => {
      const fleet = new SimulatedFleet(names);
      const wanted = specOf(fleet, names);
      const first = await applyOnce(fleet, wanted);
      expect(troublesIn(first)).toEqual([]);
      expect(complaintsAbout(fleet, wanted)).toEqual([]);
      const touches = fleet.touches;
      expect((await applyOnce(fleet, wanted)).plan).toMatchObject({ steps: [], refusals: [] });
      expect(fleet.touches).toBe(touches);
    },
  );

  it('prepares machines side by side, and lets control planes join one at a time', async () => {
    const fleet = new SimulatedFleet(['m1', 'm2', 'm3', 'w1']);
    let most = 0;
    fleet.watch = () => {
      const hosts = [...fleet.hosts.values()];
      const joining = hosts.filter(
        ({ name, commands }) =>
          name.startsWith('m') &&
          [...commands.values()].some(({ what, state }) => what === 'join' && state === 'running'),
      );
      most = Math.max(most, joining.length);
    };
    const { plan } = await applyOnce(fleet, specOf(fleet, ['m1', 'm2', 'm3', 'w1']));
    expect(most).toBe(1);
    const free = plan.steps.filter(({ needs }) => needs.length === 0).map(({ machine }) => machine);
    expect(new Set(free)).toEqual(new Set(['m1', 'm2', 'm3', 'w1']));
  });
});

/** How many touches a whole run has, so that each of them can be the last. */
async function touchesOf(
  work: (fleet: SimulatedFleet) => Promise<unknown>,
  fleet: SimulatedFleet,
): Promise<number> {
  const before = fleet.touches;
  await work(fleet);
  return fleet.touches - before;
}

describe('fault 1: an engine killed before or after anything it does', () => {
  it('in making a cluster: the next one brings it to its end', async () => {
    const names = ['m1', 'm2', 'm3', 'w1'];
    const whole = new SimulatedFleet(names);
    const touches = await touchesOf((fleet) => applyUntilDone(fleet, specOf(fleet, names)), whole);
    expect(touches).toBeGreaterThan(100);
    for (let at = 1; at <= touches; at += 1) {
      for (const when of ['before', 'after'] as const) {
        const fleet = new SimulatedFleet(names);
        const wanted = specOf(fleet, names);
        await applyKilled(fleet, wanted, { at, when });
        const open = openAttempts(fleet);
        await applyUntilDone(fleet, wanted);
        expect(complaintsAbout(fleet, wanted), `killed ${when} touch ${at}`).toEqual([]);
        // Each attempt that was open is told as interrupted, once.
        const interrupted = fleet.journal
          .filter(({ event }) => event === 'interrupted')
          .map(({ step }) => step);
        expect(interrupted.toSorted(), `killed ${when} touch ${at}`).toEqual(open);
      }
    }
  });

  it('in replacing two control planes, the first among them, and a worker', async () => {
    const before = ['m1', 'm2', 'm3', 'w1'];
    const after = ['m2', 'm4', 'm5', 'w2'];
    const spare = ['m4', 'm5', 'w2'];
    const begin = async () => {
      const { fleet } = await madeCluster(before, spare);
      const leaving = ['m1', 'm3', 'w1'].map((name) => machineAt(fleet, name));
      return { fleet, wanted: specOf(fleet, after), leaving };
    };
    const whole = await begin();
    const touches = await touchesOf((fleet) => applyUntilDone(fleet, whole.wanted, whole), whole.fleet);
    expect(complaintsAbout(whole.fleet, whole.wanted)).toEqual([]);
    for (let at = 1; at <= touches; at += 1) {
      const when = at % 2 === 0 ? 'before' : 'after';
      const { fleet, wanted, leaving } = await begin();
      await applyKilled(fleet, wanted, { at, when }, { leaving });
      await applyUntilDone(fleet, wanted, { leaving });
      expect(complaintsAbout(fleet, wanted), `killed ${when} touch ${at}`).toEqual([]);
      for (const { name } of leaving) expect(fleet.host(name).stamps.size, `${name} was given back`).toBe(0);
    }
  }, 60_000);
});

function openAttempts(fleet: SimulatedFleet): readonly string[] {
  const steps = [...new Set(fleet.journal.map(({ step }) => step))];
  return steps
    .filter(
      (step) =>
        fleet.journal.findLast((each) => each.step === step && each.event !== 'intent')?.event === 'started',
    )
    .toSorted();
}

describe('whatever happens to machines and engines meanwhile', () => {
  const machines = ['m1', 'm2', 'm3', 'm4', 'm5', 'w1', 'w2'] as const;
  const shapes = fc.constantFrom<(readonly string[])[]>(
    ['m1'],
    ['m2', 'w1'],
    ['m1', 'm2', 'm3', 'w1'],
    ['m2', 'm3', 'm4', 'w2'],
    ['m1', 'm4', 'm5'],
    machines,
  );
  const blow = fc.record({
    at: fc.integer({ min: 1, max: 150 }),
    kind: fc.constantFrom('kill-engine', 'kill-engine', 'restart', 'cut', 'reset'),
    when: fc.constantFrom('before', 'after'),
    machine: fc.constantFrom(...machines),
  } as const);

  it('the cluster gets to each shape in turn, and none of our own steps costs quorum', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ shape: shapes, blows: fc.array(blow, { maxLength: 3 }) }), {
          minLength: 1,
          maxLength: 4,
        }),
        async (turns) => {
          const fleet = new SimulatedFleet(machines);
          let before: readonly string[] = [];
          for (const { shape, blows } of turns) {
            const wanted = specOf(fleet, shape);
            const leaving = before
              .filter((name) => !shape.includes(name))
              .map((name) => machineAt(fleet, name));
            for (const { at, kind, when, machine } of blows) {
              const target = fleet.touches + at;
              fleet.watch = () => {
                if (fleet.touches !== target || kind === 'kill-engine') return;
                if (kind === 'cut') fleet.host(machine).isCut = true;
                else if (kind === 'restart') fleet.powerOff(machine);
                // More than one at a time is a loss that only a restore mends; and nobody resets while kubeadm is at work.
                else if (fleet.bearsLossOf(machine) && !fleet.isBusy(machine)) fleet.kubeadmReset(machine);
              };
              if (kind === 'kill-engine') await applyKilled(fleet, wanted, { at, when }, { leaving });
              else await applyOnce(fleet, wanted, { leaving });
              fleet.watch = undefined;
              fleet.powerOn(machine);
              fleet.newEngine();
            }
            await applyUntilDone(fleet, wanted, { leaving });
            expect(complaintsAbout(fleet, wanted)).toEqual([]);
            before = shape;
          }
        },
      ),
      { numRuns: 300 },
    );
  }, 120_000);
});
