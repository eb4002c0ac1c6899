import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connect, type Credential, type FirstSight } from '../../../../src/provision/transport/index.ts';
import {
  fingerprint,
  makeKeyPair,
  publicKeyOf,
  SshServer,
  type SshServerOptions,
  targetOf,
  withPassword,
} from './ssh-server.ts';
import { quickLimits, temporaryDirectory } from './temporary.ts';

const limits = { ...quickLimits, connectAttempts: 2 };
const hasSsh = spawnSync('ssh', ['-V']).status === 0;
const kinds = hasSsh ? (['ssh2', 'openssh'] as const) : (['ssh2'] as const);

describe.each(kinds)('connecting with %s', (kind) => {
  const key = makeKeyPair();
  const lockedKey = makeKeyPair('open sesame');

  it.each<[string, SshServerOptions, Credential]>([
    ['a password', {}, withPassword],
    ['a password the server asks for', { asksQuestions: true }, withPassword],
    ['a private key', { publicKeys: [key.public] }, { privateKey: key.private }],
    [
      'a private key with a passphrase',
      { publicKeys: [lockedKey.public] },
      { privateKey: lockedKey.private, passphrase: 'open sesame' },
    ],
  ])('logs in with %s', async (_, options, credential) => {
    await using server = await SshServer.start(options);
    await using machine = await connect(targetOf(server, { kind }), credential, { limits });
    expect((await machine.exec({ script: 'echo in' })).stdout).toBe('in\n');
    expect(machine.hostKeys).toEqual([publicKeyOf(server.hostKey)]);
    expect(machine.address).toBe(`hansa@127.0.0.1:${server.port}`);
  });

  it('logs in with the agent', async () => {
    await using place = await temporaryDirectory();
    const agentSocket = place.path('agent');
    const agent = spawn('ssh-agent', ['-D', '-a', agentSocket], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(agent.stdout, 'data');
      await writeFile(place.path('key'), key.private, { mode: 0o600 });
      const added = spawnSync('ssh-add', [place.path('key')], {
        env: { ...process.env, SSH_AUTH_SOCK: agentSocket },
      });
      expect(added.status).toBe(0);
      await using server = await SshServer.start({ publicKeys: [key.public] });
      await using machine = await connect(
        targetOf(server, { kind }),
        { agent: true },
        { limits, agentSocket },
      );
      expect((await machine.exec({ script: 'echo in' })).stdout).toBe('in\n');
    } finally {
      agent.kill();
    }
  });

  it.each<[string, SshServerOptions, Credential]>([
    ['password', {}, { password: 'not this one' }],
    ['password, where the server asks for it', { asksQuestions: true }, { password: 'not this one' }],
    ['key', { publicKeys: [] }, { privateKey: key.private }],
  ])(
    'says that the %s was refused, having tried once, without telling it',
    async (_, options, credential) => {
      await using server = await SshServer.start(options);
      const refused = connect(targetOf(server, { kind }), credential, { limits });
      await expect(refused).rejects.toMatchObject({ reason: 'AuthenticationFailed', retry: 'never' });
      expect(server.passwords.length).toBe(credential.password ? 1 : 0);
      expect(server.connections).toBe(1);
      await expect(refused).rejects.not.toThrow('not this one');
    },
  );

  it.each([
    ['that is pinned', (shown: string) => ({ hostKeys: [shown] })],
    ['pinned among others', (shown: string) => ({ hostKeys: [publicKeyOf(makeKeyPair()), shown] })],
    ['any, where that was asked for', () => ({ hostKeys: [], insecureIgnoreHostKey: true })],
  ])('trusts a host key %s', async (_, changes) => {
    await using server = await SshServer.start();
    const target = targetOf(server, { kind, ...changes(publicKeyOf(server.hostKey)) });
    await using machine = await connect(target, withPassword, { limits });
    expect((await machine.exec({ script: 'echo in' })).stdout).toBe('in\n');
  });

  it('trusts a host key from a known_hosts file, and no other then', async () => {
    await using server = await SshServer.start();
    await using place = await temporaryDirectory();
    const knownHostsFiles = [place.path('missing'), place.path('known_hosts')];
    const target = targetOf(server, { kind, hostKeys: [] });
    const known = (text: string) => writeFile(place.path('known_hosts'), text);
    await known(`[127.0.0.1]:${server.port} ${publicKeyOf(server.hostKey)}\n`);
    await using machine = await connect(target, withPassword, { knownHostsFiles, limits });
    expect((await machine.exec({ script: 'echo in' })).stdout).toBe('in\n');
    await known(`[127.0.0.1]:${server.port} ${publicKeyOf(makeKeyPair())}\n`);
    await expect(connect(target, withPassword, { knownHostsFiles, limits })).rejects.toMatchObject({
      reason: 'HostKeyChanged',
    });
  });

  it('trusts an unknown host once and has its key recorded before anything is sent to it', async () => {
    await using server = await SshServer.start();
    const sights: (FirstSight & { passwordsBefore: number })[] = [];
    const onFirstSight = async (sight: FirstSight) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      sights.push({ ...sight, passwordsBefore: server.passwords.length });
    };
    const target = targetOf(server, { kind, hostKeys: [] });
    await using machine = await connect(target, withPassword, { onFirstSight, limits });
    expect((await machine.exec({ script: 'echo in' })).stdout).toBe('in\n');
    expect(sights).toEqual([
      {
        host: '127.0.0.1',
        port: server.port,
        hostKey: publicKeyOf(server.hostKey),
        fingerprint: fingerprint(server.hostKey),
        passwordsBefore: 0,
      },
    ]);
    expect(machine.hostKeys).toEqual([publicKeyOf(server.hostKey)]);
  });

  it('refuses an unknown host where nobody records it, or where recording fails', async () => {
    await using server = await SshServer.start();
    const target = targetOf(server, { kind, hostKeys: [] });
    await expect(connect(target, withPassword, { limits })).rejects.toMatchObject({
      reason: 'HostKeyUnknown',
      message: expect.stringContaining(fingerprint(server.hostKey)) as string,
    });
    const onFirstSight = () => Promise.reject(new Error('the state file is read-only'));
    await expect(connect(target, withPassword, { onFirstSight, limits })).rejects.toThrow('read-only');
    expect(server.passwords).toEqual([]);
  });

  it('fault 13: stops hard at a changed host key: both fingerprints, no login, no command, no second try', async () => {
    const old = makeKeyPair();
    await using server = await SshServer.start();
    const refused = connect(targetOf(server, { kind, hostKeys: [publicKeyOf(old)] }), withPassword, {
      limits,
      onFirstSight: () => undefined,
    });
    await expect(refused).rejects.toMatchObject({ reason: 'HostKeyChanged', retry: 'never' });
    await expect(refused).rejects.toThrow(fingerprint(old));
    await expect(refused).rejects.toThrow(fingerprint(server.hostKey));
    expect({ logins: server.logins, commands: server.commands }).toEqual({ logins: [], commands: [] });
  });

  it('fault 13: stops hard where the key changes between two connections, also one seen for the first time', async () => {
    await using server = await SshServer.start();
    await using machine = await connect(targetOf(server, { kind, hostKeys: [] }), withPassword, {
      limits,
      onFirstSight: () => undefined,
    });
    await machine.exec({ script: ':' });
    const { logins, commands } = { logins: server.logins.length, commands: server.commands.length };
    await server.restart({ hostKey: makeKeyPair() });
    await expect(machine.exec({ script: 'echo in' })).rejects.toMatchObject({ reason: 'HostKeyChanged' });
    expect([server.logins.length, server.commands.length]).toEqual([logins, commands]);
  });

  describe('through a bastion', () => {
    const bastionOf = (server: SshServer, hostKeys = [publicKeyOf(server.hostKey)]) => {
      const { bastion: _, ...target } = targetOf(server, { kind, user: 'jump', hostKeys });
      return target;
    };

    it('reaches the machine, with a credential of its own for the bastion', async () => {
      await using bastion = await SshServer.start({ password: 'of the bastion' });
      await using server = await SshServer.start({ publicKeys: [key.public] });
      await using machine = await connect(
        targetOf(server, { kind, bastion: bastionOf(bastion) }),
        { privateKey: key.private },
        { bastionCredential: { password: 'of the bastion' }, limits },
      );
      expect((await machine.exec({ script: 'cat', stdin: 'far' })).stdout).toBe('far');
      expect([bastion.forwarded, bastion.commands.length]).toEqual([1, 0]);
    });

    it.each(['bastion', 'machine'] as const)('stops hard at a changed key of the %s', async (changed) => {
      await using bastion = await SshServer.start();
      await using server = await SshServer.start();
      const other = [publicKeyOf(makeKeyPair())];
      const target =
        changed === 'bastion'
          ? targetOf(server, { kind, bastion: bastionOf(bastion, other) })
          : targetOf(server, { kind, bastion: bastionOf(bastion), hostKeys: other });
      await expect(connect(target, withPassword, { limits })).rejects.toMatchObject({
        reason: 'HostKeyChanged',
        message: expect.stringContaining(changed === 'bastion' ? 'jump@' : 'hansa@') as string,
      });
      expect(server.logins).toEqual([]);
      expect(changed === 'bastion' ? bastion.passwords : []).toEqual([]);
    });

    it('that does not let through, says so', async () => {
      await using bastion = await SshServer.start({ mayForward: false });
      await using server = await SshServer.start();
      const refused = connect(targetOf(server, { kind, bastion: bastionOf(bastion) }), withPassword, {
        limits: { ...limits, connectAttempts: 1 },
      });
      await expect(refused).rejects.toMatchObject({ reason: 'Unreachable' });
    });
  });

  it('tries again where nobody answers, and then says what to look at', async () => {
    const place = createServer().listen(0, '127.0.0.1');
    await once(place, 'listening');
    const { port } = place.address() as { port: number };
    place.close();
    await once(place, 'close');
    const target = targetOf({ port, hostKey: key }, { kind });
    await expect(connect(target, withPassword, { limits })).rejects.toMatchObject({
      reason: 'Unreachable',
      message: expect.stringContaining('2 attempts') as string,
    });
  });

  it('waits for a machine that is just starting', async () => {
    await using server = await SshServer.start();
    const { port } = server;
    await server.stop();
    const connecting = connect(targetOf({ port, hostKey: server.hostKey }, { kind }), withPassword, {
      limits: { ...limits, connectAttempts: 20, retryDelayMs: 100 },
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await server.listen();
    await using machine = await connecting;
    expect((await machine.exec({ script: 'echo in' })).stdout).toBe('in\n');
  });

  it('gives up in time on a port that takes connections and says nothing, and at once when told to', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const target = targetOf({ port, hostKey: key }, { kind });
    const impatient = { connectTimeoutMs: 1000, connectAttempts: 1 };
    await expect(connect(target, withPassword, { limits: impatient })).rejects.toMatchObject({
      reason: 'Unreachable',
    });
    const signal = AbortSignal.timeout(200);
    const startMs = performance.now();
    await expect(connect(target, withPassword, { signal })).rejects.toThrow(/timeout/i);
    expect(performance.now() - startMs).toBeLessThan(3000);
    silent.close();
  });
});

describe('a credential that can not work', () => {
  const locked = makeKeyPair('open sesame');
  it.each<[string, Credential, RegExp]>([
    ['an encrypted key without its passphrase', { privateKey: locked.private }, /passphrase/],
    ['a wrong passphrase', { privateKey: locked.private, passphrase: 'sesame' }, /does not open/],
    ['a public key', { privateKey: locked.public }, /public key/],
    ['no key at all', { privateKey: 'AAAA' }, /can't be read/],
    ['an agent where none is', { agent: true }, /agent/],
  ])('%s: is told before the machine is asked', async (_, credential, sentence) => {
    await using server = await SshServer.start();
    const options = { limits, agentSocket: '' };
    await expect(connect(targetOf(server), credential, options)).rejects.toMatchObject({
      reason: 'AuthenticationFailed',
      message: expect.stringMatching(sentence) as string,
    });
    expect(server.logins).toEqual([]);
  });
});

describe.each(kinds.filter((kind) => kind === 'openssh'))('what %s leaves behind', (kind) => {
  it('is nothing: no files, no processes', async () => {
    await using place = await temporaryDirectory();
    await mkdir(place.path('tmp'));
    await chmod(place.path('tmp'), 0o700);
    await using server = await SshServer.start();
    const before = process.env.TMPDIR;
    process.env.TMPDIR = place.path('tmp');
    try {
      const machine = await connect(targetOf(server, { kind }), withPassword, { limits });
      const found = spawnSync('grep', ['-r', withPassword.password ?? '', place.path('tmp')]);
      expect(found.status).toBe(1);
      await machine.close();
      expect(spawnSync('find', [place.path('tmp'), '-mindepth', '1']).stdout.toString()).toBe('');
      expect(spawnSync('pgrep', ['-f', place.path('tmp')]).stdout.toString()).toBe('');
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });
});
