import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/base/index.ts';
import { systemClock } from '../../../../src/kube/index.ts';
import {
  connect,
  lockMachine,
  type MachineLock,
  type Transport,
} from '../../../../src/provision/transport/index.ts';
import { SshServer, targetOf, withPassword } from './ssh-server.ts';
import { quickLimits, temporaryDirectory } from './temporary.ts';

interface Scene extends AsyncDisposable {
  readonly server: SshServer;
  readonly path: string;
  another(): Promise<Transport>;
}

async function scene(): Promise<Scene> {
  const place = await temporaryDirectory();
  const server = await SshServer.start();
  const machines: Transport[] = [];
  return {
    server,
    path: place.path('lib/lock'),
    async another() {
      const machine = await connect(targetOf(server), withPassword, {
        limits: { ...quickLimits, connectAttempts: 1 },
      });
      machines.push(machine);
      return machine;
    },
    async [Symbol.asyncDispose]() {
      for (const machine of machines) await machine.close();
      await server[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** Runs a hundred times as fast as the world. */
const fastClock: Clock = {
  now: () => systemClock.now() * 100,
  monotonic: () => systemClock.monotonic() * 100,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
  after: (ms, task) => systemClock.after(ms / 100, task),
};

const alice = { owner: 'alice@laptop (pid 1)', operation: 'upgrade to 1.37.2' };
const bob = { owner: 'bob@desk (pid 2)', operation: 'add worker w3' };

/** As if its owner had said nothing for so long. */
async function age(path: string, seconds: number, changes: { readonly boot?: string } = {}): Promise<void> {
  const [nonce, boot, beat, ...rest] = (await readFile(path, 'utf8')).split('\n');
  await writeFile(path, [nonce, changes.boot ?? boot, String(Number(beat) - seconds), ...rest].join('\n'));
}

describe('the lock of a machine', () => {
  it('fault 17: goes to one of two who come at once; the other is told who has it and for how long', async () => {
    await using s = await scene();
    const [one, two] = [await s.another(), await s.another()];
    const both = await Promise.allSettled([
      lockMachine(one, { ...alice, path: s.path }),
      lockMachine(two, { ...bob, path: s.path }),
    ]);
    const won = both.filter(({ status }) => status === 'fulfilled');
    expect(won).toHaveLength(1);
    const winner = both[0].status === 'fulfilled' ? alice : bob;
    const lost = both.find((one) => one.status === 'rejected');
    expect(lost?.reason).toMatchObject({
      reason: 'Locked',
      retry: { afterMs: expect.any(Number) as number },
    });
    expect(String(lost?.reason)).toContain(winner.owner);
    expect(String(lost?.reason)).toContain(winner.operation);
    expect(String(lost?.reason)).toMatch(/for \d+ s, last sign of life \d+ s ago/);
    for (const one of both) if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
  });

  it('goes to the next when it is given back', async () => {
    await using s = await scene();
    const [one, two] = [await s.another(), await s.another()];
    const lock = await lockMachine(one, { ...alice, path: s.path });
    await lock[Symbol.asyncDispose]();
    await lock[Symbol.asyncDispose]();
    await using next = await lockMachine(two, { ...bob, path: s.path });
    expect(next.lost.aborted).toBe(false);
    expect(lock.lost.aborted).toBe(false);
  });

  it('of an owner who died is free after 60 s, not before, and at once after a restart of the machine', async () => {
    await using s = await scene();
    const [one, two] = [await s.another(), await s.another()];
    await lockMachine(one, { ...alice, path: s.path });
    await one.close();
    await age(s.path, 58);
    await expect(lockMachine(two, { ...bob, path: s.path })).rejects.toThrow(/last sign of life 5[89] s ago/);
    await age(s.path, 4);
    await using lock = await lockMachine(two, { ...bob, path: s.path });
    expect(await readFile(s.path, 'utf8')).toContain('bob@desk');
    await age(s.path, 0, { boot: 'another boot' });
    const third = await s.another();
    await using again = await lockMachine(third, { ...alice, path: s.path });
    expect([lock.lost.aborted, again.lost.aborted]).toEqual([false, false]);
  });

  it('is kept alive, and its owner learns when another has it', async () => {
    await using s = await scene();
    const [one, two] = [await s.another(), await s.another()];
    await using lock = await lockMachine(one, { ...alice, path: s.path, clock: fastClock });
    await age(s.path, 30);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await expect(lockMachine(two, { ...bob, path: s.path })).rejects.toThrow(/last sign of life [0-2] s ago/);
    await using other = await takeOver(two, s.path);
    await until(() => lock.lost.aborted);
    expect(lock.lost.reason).toMatchObject({ reason: 'LockLost' });
    expect(String(lock.lost.reason)).toContain('bob@desk');
    expect(other.lost.aborted).toBe(false);
  });

  it('is given up by its owner in time when the machine can not be reached', async () => {
    await using s = await scene();
    const lock = await lockMachine(await s.another(), { ...alice, path: s.path, clock: fastClock });
    await s.server.stop();
    await until(() => lock.lost.aborted);
    expect(String(lock.lost.reason)).toMatch(/could not be reached/);
    await lock[Symbol.asyncDispose]();
  });

  it('can not be broken by a name of many lines', async () => {
    await using s = await scene();
    const machine = await s.another();
    await using _lock = await lockMachine(machine, {
      owner: 'eve\nroot',
      operation: '$(reboot)\n',
      path: s.path,
    });
    await expect(lockMachine(machine, { ...bob, path: s.path })).rejects.toThrow('eve root ($(reboot))');
  });
});

/** Its owner is alive, and breathes again between one try and the next. */
async function takeOver(machine: Transport, path: string): Promise<MachineLock> {
  for (;;) {
    await age(path, 100);
    try {
      return await lockMachine(machine, { ...bob, path });
    } catch (error) {
      expect(error).toMatchObject({ reason: 'Locked' });
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
