import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type ConnectOptions, connect, type Transport } from '../../../../src/provision/transport/index.ts';
import { Link } from './link.ts';
import { SshServer, type SshServerOptions, targetOf, withPassword } from './ssh-server.ts';
import { failureOf, quickLimits, temporaryDirectory, uploadOf } from './temporary.ts';

const kinds = spawnSync('ssh', ['-V']).status === 0 ? (['ssh2', 'openssh'] as const) : (['ssh2'] as const);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe.each(kinds)('a command over %s', (kind) => {
  const reach = (server: SshServer, options: ConnectOptions = {}): Promise<Transport> =>
    connect(targetOf(server, { kind }), withPassword, {
      ...options,
      limits: { ...quickLimits, ...options.limits },
    });

  it('comes back with its code, its output whole, and its lines as they came', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server);
    const lines: string[] = [];
    const result = await machine.exec({
      script: 'printf "%s|" "$@"; echo; cat; echo late >&2; exit 9',
      args: ["it's", '$HOME', '', 'two\nlines'],
      stdin: 'in',
      onLine: (line) => lines.push(line),
    });
    expect(result).toEqual({
      code: 9,
      signal: undefined,
      stdout: "it's|$HOME||two\nlines|\nin",
      stderr: 'late\n',
    });
    expect(lines.toSorted()).toEqual(['in', "it's|$HOME||two", 'late', 'lines|']);
  });

  it('may print a lot, but not more than it was allowed', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server);
    const script = 'head -c 3000000 /dev/zero | tr "\\0" x';
    expect((await machine.exec({ script })).stdout.length).toBe(3_000_000);
    await expect(machine.exec({ script, maxBytes: 100_000 })).rejects.toMatchObject({
      reason: 'OutputTooLarge',
    });
    expect((await machine.exec({ script: 'echo well' })).stdout).toBe('well\n');
  });

  it('masks the password in lines, stderr and errors, not in what the program asked for', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server);
    const lines: string[] = [];
    const result = await machine.exec({
      script: 'x=$(cat); echo "$x"; echo "$x" >&2',
      stdin: `my ${withPassword.password}\ntoken abcdef.0123456789abcdef\n`,
      onLine: (line) => lines.push(line),
    });
    expect(result.stdout).toContain(withPassword.password);
    expect(result.stderr).toBe('my ***\ntoken ***\n');
    expect(lines.join()).not.toMatch(/horse|0123456789abcdef/);
    const path = `/proc/${withPassword.password}`;
    const failure = await failureOf(machine.writeFile({ path: `${path}/f`, content: '', mode: 0o600 }));
    expect(failure).toMatchObject({ reason: 'FileUnwritable' });
    expect(String(failure)).not.toMatch(/horse/);
  });

  it('fault 7: is not sent again when the connection breaks under it', async () => {
    await using server = await SshServer.start();
    await using place = await temporaryDirectory();
    await using machine = await reach(server);
    const running = machine.exec({ script: 'echo x >>"$1"; sleep 5', args: [place.path('done')] });
    const failure = failureOf(running);
    await until(() => existsSync(place.path('done')));
    server.drop();
    expect(await failure).toMatchObject({ reason: 'ConnectionLost' });
    expect((await machine.exec({ script: 'cat "$1"', args: [place.path('done')] })).stdout).toBe('x\n');
  });

  it.each(['drop', 'drop-after', 'no-code'] as const)(
    'whose server does "%s" has an unknown end',
    async (misdeed) => {
      await using server = await SshServer.start();
      await using machine = await reach(server);
      server.onCommand = (line) => (line.includes('do it') ? misdeed : 'run');
      const running = machine.exec({ script: 'echo do it' });
      await expect(running).rejects.toMatchObject({ reason: 'ConnectionLost' });
      expect(server.commands.filter((line) => line.includes('do it'))).toHaveLength(1);
      expect((await machine.exec({ script: 'echo well' })).stdout).toBe('well\n');
    },
  );

  it('on a connection that was lost meanwhile goes over a new one', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server);
    server.drop();
    expect((await machine.exec({ script: 'echo well' })).stdout).toBe('well\n');
    server.drop();
    await pause(100);
    expect((await machine.exec({ script: 'echo well' })).stdout).toBe('well\n');
    expect(server.connections).toBe(3);
  });

  it('over a connection that turns to noise is lost, and the next one works', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server);
    const running = machine.exec({ script: 'sleep 5' });
    const failure = failureOf(running);
    await pause(300);
    server.garble();
    expect(await failure).toMatchObject({ reason: 'ConnectionLost' });
    expect((await machine.exec({ script: 'echo well' })).stdout).toBe('well\n');
  });

  it('that says nothing ends at its deadline, and leaves its channel to others', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server, { limits: { maxChannels: 1 } });
    if (kind === 'ssh2') server.onCommand = (line) => (line.includes('silent') ? 'hang' : 'run');
    const silent = machine.exec({ script: ': silent; sleep 30', deadlineMs: 400 });
    await expect(silent).rejects.toMatchObject({ reason: 'DeadlineExceeded' });
    expect((await machine.exec({ script: 'echo well' })).stdout).toBe('well\n');
  });

  it('stops waiting when its signal says so, also while it waits for its turn', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server, { limits: { maxChannels: 1 } });
    const [one, two] = [new AbortController(), new AbortController()];
    const first = machine.exec({ script: 'sleep 30', signal: one.signal });
    const second = machine.exec({ script: 'echo second', signal: two.signal });
    const both = Promise.all([failureOf(first), failureOf(second)]);
    await pause(200);
    two.abort(new Error('never mind'));
    one.abort(new Error('enough'));
    expect((await both).map(String)).toEqual(['Error: enough', 'Error: never mind']);
    expect((await machine.exec({ script: 'echo well' })).stdout).toBe('well\n');
  });

  it('is told where the server runs no commands at all', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server, { limits: { startTimeoutMs: 1000 } });
    server.onCommand = () => 'refuse';
    // ssh tells only the one that holds the connection.
    const reason = kind === 'ssh2' ? 'ChannelRefused' : 'DeadlineExceeded';
    await expect(machine.exec({ script: 'echo' })).rejects.toMatchObject({ reason });
  });

  it('that a signal ended has the code a shell gives it', async () => {
    await using server = await SshServer.start();
    await using machine = await reach(server);
    expect((await machine.exec({ script: 'kill -9 $$' })).code).toBe(137);
  });

  it.each([1, 2])(
    'fault 26: waits its turn where the server has MaxSessions %i: all come through',
    async (maxSessions) => {
      await using server = await SshServer.start({ maxSessions });
      await using machine = await reach(server);
      const numbers = [1, 2, 3, 4, 5, 6];
      const results = await Promise.all(
        numbers.map((n) => machine.exec({ script: 'sleep 0.1; echo $1', args: [`${n}`] })),
      );
      expect(results.map(({ stdout }) => Number(stdout))).toEqual(numbers);
      expect(server.mostSessions).toBe(maxSessions);
      expect(server.connections).toBe(1);
    },
  );

  it('shares one connection with at most eight others', async () => {
    await using server = await SshServer.start({ maxSessions: 100 });
    await using machine = await reach(server);
    await Promise.all(Array.from({ length: 20 }, () => machine.exec({ script: 'sleep 0.2' })));
    expect([server.connections, server.mostSessions]).toEqual([1, 8]);
  });

  it('after the transport was closed is refused', async () => {
    await using server = await SshServer.start();
    const machine = await reach(server);
    await machine.close();
    await machine.close();
    await expect(machine.exec({ script: 'echo' })).rejects.toMatchObject({ reason: 'Closed' });
  });

  it('over a dead network is lost after the keepalives, not at its deadline', async () => {
    await using server = await SshServer.start();
    await using link = await Link.to(server.port);
    await using machine = await connect(
      targetOf({ port: link.port, hostKey: server.hostKey }, { kind }),
      withPassword,
      {
        limits: { ...quickLimits, keepaliveIntervalMs: kind === 'ssh2' ? 200 : 1000, keepaliveCount: 2 },
      },
    );
    const running = machine.exec({ script: 'sleep 30' });
    const failure = failureOf(running);
    await pause(500);
    link.isDead = true;
    const startMs = performance.now();
    expect(await failure).toMatchObject({ reason: 'ConnectionLost' });
    expect(performance.now() - startMs).toBeLessThan(6000);
    link.isDead = false;
    link.cut();
    expect((await machine.exec({ script: 'echo well' })).stdout).toBe('well\n');
  });

  it('fault 26: and files work over a slow and far link, with MaxSessions 1', {
    timeout: 60_000,
  }, async () => {
    await using server = await SshServer.start({ maxSessions: 1 });
    await using link = await Link.to(server.port);
    await using place = await temporaryDirectory();
    link.bytesPerSecond = 50_000;
    link.delayMs = 100;
    await using machine = await connect(
      targetOf({ port: link.port, hostKey: server.hostKey }, { kind }),
      withPassword,
    );
    const content = randomBytes(120_000);
    const [echo, , uploaded] = await Promise.all([
      machine.exec({ script: 'cat', stdin: 'far away' }),
      machine.writeFile({ path: place.path('file'), content: 'small', mode: 0o600 }),
      machine.upload(uploadOf(place.path('big'), content)),
    ]);
    expect([echo.stdout, uploaded]).toEqual(['far away', 'uploaded']);
    expect(await readFile(place.path('big'))).toEqual(content);
  });

  it('and an upload go on where a broken connection stopped, sending little twice', {
    timeout: 40_000,
  }, async () => {
    await using server = await SshServer.start();
    await using link = await Link.to(server.port);
    await using place = await temporaryDirectory();
    link.bytesPerSecond = 1_500_000;
    await using machine = await connect(
      targetOf({ port: link.port, hostKey: server.hostKey }, { kind }),
      withPassword,
      {
        limits: quickLimits,
      },
    );
    const content = randomBytes(4_000_000);
    const before = link.bytesSent;
    const uploading = machine.upload(uploadOf(place.path('big'), content));
    for (const share of [1_200_000, 2_800_000]) {
      await until(() => link.bytesSent - before > share);
      link.cut();
    }
    expect(await uploading).toBe('uploaded');
    expect(await readFile(place.path('big'))).toEqual(content);
    expect(link.bytesSent - before).toBeLessThan(6_500_000);
  });
});

describe('a server that lets nobody in for good', () => {
  it('fails an upload after a bounded number of losses', async () => {
    await using server = await SshServer.start();
    await using machine = await connect(targetOf(server), withPassword, { limits: quickLimits });
    server.onCommand = () => 'drop';
    await expect(machine.upload(uploadOf('/tmp/never', Buffer.from('x')))).rejects.toMatchObject({
      reason: 'ConnectionLost',
    });
    expect(server.commands.length).toBeLessThan(10);
  });

  it('refuses every channel: that is told, with what to look at', { timeout: 30_000 }, async () => {
    const options: SshServerOptions = { maxSessions: 0 };
    await using server = await SshServer.start(options);
    await using machine = await connect(targetOf(server), withPassword, {
      limits: { ...quickLimits, refusedTimeoutMs: 1000 },
    });
    await expect(machine.exec({ script: 'echo' })).rejects.toMatchObject({
      reason: 'ChannelRefused',
      message: expect.stringContaining('MaxSessions') as string,
    });
  });
});

describe('a source that breaks', () => {
  it('ends the upload with its own error', async () => {
    await using server = await SshServer.start();
    await using place = await temporaryDirectory();
    await using machine = await connect(targetOf(server), withPassword, { limits: quickLimits });
    const content = () =>
      Readable.from(
        (function* () {
          yield Buffer.alloc(10);
          throw new Error('bundle is gone');
        })(),
      );
    const file = uploadOf(place.path('f'), Buffer.alloc(100), { content });
    await expect(machine.upload(file)).rejects.toThrow(/bundle is gone/);
    expect(existsSync(place.path('f'))).toBe(false);
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(10);
}
