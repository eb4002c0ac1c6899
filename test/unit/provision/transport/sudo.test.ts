import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { connect, type Credential, type Transport } from '../../../../src/provision/transport/index.ts';
import { makeKeyPair, SshServer, targetOf, testPassword } from './ssh-server.ts';
import { type SudoMood, SudoPlace } from './sudo-place.ts';
import { temporaryDirectory } from './temporary.ts';

interface Scene extends AsyncDisposable {
  readonly machine: Transport;
  readonly sudo: SudoPlace;
  readonly server: SshServer;
}

async function machineWith(mood: SudoMood, credential: Credential = {}): Promise<Scene> {
  const sudo = await SudoPlace.create(mood);
  const server = await SshServer.start({ binDir: sudo.directory });
  const machine = await connect(targetOf(server), { password: testPassword, ...credential });
  return {
    machine,
    sudo,
    server,
    async [Symbol.asyncDispose]() {
      await machine.close();
      await server[Symbol.asyncDispose]();
      await sudo[Symbol.asyncDispose]();
    },
  };
}

const whoAmI = { script: 'id -u; cat', stdin: 'input', root: true } as const;

describe('becoming root', () => {
  it('needs no sudo where the login is root', async () => {
    await using server = await SshServer.start();
    await using machine = await connect(targetOf(server), { password: testPassword });
    expect((await machine.exec(whoAmI)).stdout).toBe('0\ninput');
    expect(server.commands.join()).not.toContain('sudo -S');
  });

  it('uses sudo without a password where it may, and leaves other commands alone', async () => {
    await using scene = await machineWith('free');
    expect((await scene.machine.exec(whoAmI)).stdout).toBe('0\ninput');
    expect((await scene.machine.exec({ ...whoAmI, root: false })).stdout).toBe('1000\ninput');
  });

  it('gives the password when asked, once, and never as an argument or input', async () => {
    await using scene = await machineWith('asks', { sudoPassword: 'su do!' });
    const results = await Promise.all([1, 2, 3].map(() => scene.machine.exec(whoAmI)));
    expect(results.map(({ stdout, stderr }) => ({ stdout, stderr }))).toEqual(
      [1, 2, 3].map(() => ({ stdout: '0\ninput', stderr: '' })),
    );
    expect(new Set(await scene.sudo.tries())).toEqual(new Set(['su do!']));
    expect(scene.server.commands.join()).not.toContain('su do!');
  });

  it('takes the password of the login where no other is given', async () => {
    await using scene = await machineWith('asks');
    await scene.sudo.write('password', testPassword);
    expect((await scene.machine.exec(whoAmI)).stdout).toBe('0\ninput');
  });

  it('fault 12: tries a wrong password once, however many commands want it, and says so', async () => {
    await using scene = await machineWith('asks', { sudoPassword: 'wrong one' });
    const tries = await Promise.allSettled([1, 2, 3, 4].map(() => scene.machine.exec(whoAmI)));
    tries.push(...(await Promise.allSettled([scene.machine.exec(whoAmI)])));
    for (const one of tries) {
      expect(one).toMatchObject({ status: 'rejected', reason: { reason: 'SudoFailed', retry: 'never' } });
    }
    expect(await scene.sudo.tries()).toEqual(['wrong one']);
    expect(JSON.stringify(tries) + String((tries[0] as PromiseRejectedResult).reason)).not.toContain(
      'wrong one',
    );
  });

  it('fault 12: goes on with the password where NOPASSWD is taken away meanwhile', async () => {
    await using scene = await machineWith('free', { sudoPassword: 'su do!' });
    await scene.machine.exec(whoAmI);
    await scene.sudo.become('asks');
    expect((await scene.machine.exec(whoAmI)).stdout).toBe('0\ninput');
  });

  it('does not feed the password to the command where NOPASSWD comes meanwhile', async () => {
    await using scene = await machineWith('asks', { sudoPassword: 'su do!' });
    await scene.machine.exec(whoAmI);
    await scene.sudo.become('free');
    expect((await scene.machine.exec(whoAmI)).stdout).toBe('0\ninput');
  });

  it.each([
    ['asks', undefined, /sudo-password/],
    ['requiretty', 'su do!', /requiretty/],
    ['not-allowed', 'su do!', /may not become root/],
  ] as const)('that fails because sudo is "%s" says what to do', async (mood, sudoPassword, sentence) => {
    await using sudo = await SudoPlace.create(mood);
    const key = makeKeyPair();
    await using server = await SshServer.start({ binDir: sudo.directory, publicKeys: [key.public] });
    await using machine = await connect(targetOf(server), {
      privateKey: key.private,
      ...(sudoPassword && { sudoPassword }),
    });
    await expect(machine.exec(whoAmI)).rejects.toMatchObject({
      reason: 'SudoFailed',
      message: expect.stringMatching(sentence) as string,
    });
    expect(await sudo.tries()).toEqual([]);
  });

  it('keeps apart what sudo and what the command says, exit codes included', async () => {
    await using scene = await machineWith('asks', { sudoPassword: 'su do!' });
    const result = await scene.machine.exec({ script: 'echo mine >&2; exit 7', root: true });
    expect(result).toMatchObject({ code: 7, stderr: 'mine\n' });
  });

  it('writes and reads files as root', async () => {
    await using scene = await machineWith('asks', { sudoPassword: 'su do!' });
    await using place = await temporaryDirectory();
    await scene.machine.writeFile({ path: place.path('f'), content: 'su do!\n', mode: 0o600 });
    expect(await readFile(place.path('f'), 'utf8')).toBe('su do!\n');
    expect((await scene.machine.readFile(place.path('f')))?.toString()).toBe('su do!\n');
  });
});
