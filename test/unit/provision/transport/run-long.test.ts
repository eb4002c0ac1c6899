import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  connect,
  createRedactor,
  forgetLong,
  type LongCommand,
  runLong,
  type Transport,
} from '../../../../src/provision/transport/index.ts';
import { SshServer, type SshServerOptions, targetOf, withPassword } from './ssh-server.ts';
import { SudoPlace } from './sudo-place.ts';
import { failureOf, quickLimits, type TemporaryDirectory, temporaryDirectory } from './temporary.ts';

// There is no systemd here: this is the way without it. What it prints and keeps is the same.
interface Scene extends AsyncDisposable {
  readonly server: SshServer;
  readonly machine: Transport;
  readonly place: TemporaryDirectory;
  readonly directory: string;
}

async function scene(options: SshServerOptions = {}): Promise<Scene> {
  const place = await temporaryDirectory();
  const server = await SshServer.start(options);
  const machine = await connect(targetOf(server), withPassword, { limits: quickLimits });
  return {
    server,
    machine,
    place,
    directory: place.path('ops'),
    async [Symbol.asyncDispose]() {
      await machine.close();
      await server[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await pause(20);
};
const command = (changes: Partial<LongCommand>): LongCommand => ({
  id: 'init-1',
  script: 'echo done',
  deadlineMs: 30_000,
  ...changes,
});

describe('a long command', () => {
  it('comes back with its code, output and lines, however long they are', async () => {
    await using s = await scene();
    const lines: string[] = [];
    const result = await runLong(
      s.machine,
      command({
        script: 'echo "$1 $2"; cat; head -c 500000 /dev/zero | tr "\\0" "x"; echo; echo bad >&2; exit 5',
        args: ["it's", '$HOME two'],
        stdin: 'input\n',
        onLine: (line) => lines.push(line.slice(0, 20)),
      }),
      { directory: s.directory },
    );
    expect(result).toMatchObject({ kind: 'ended', code: 5, stderr: 'bad\n' });
    expect(result.kind === 'ended' && result.stdout).toBe(`it's $HOME two\ninput\n${'x'.repeat(500_000)}\n`);
    expect(lines.slice(0, 2)).toEqual(["it's $HOME two", 'input']);
    expect(lines).toContain('bad');
  });

  it('shows its lines while it runs', async () => {
    await using s = await scene();
    const lines: string[] = [];
    const go = s.place.path('go');
    const script = 'echo first; while [ ! -e "$1" ]; do sleep 0.1; done; echo last';
    const running = runLong(
      s.machine,
      command({ script, args: [go], onLine: (line) => lines.push(line) }),
      s,
    );
    await until(() => lines.length === 1);
    await writeFile(go, '');
    await running;
    expect(lines).toEqual(['first', 'last']);
  });

  it('leaves no secret of its input on the disk, and its files to root alone', async () => {
    await using s = await scene();
    const go = s.place.path('go');
    const script = 'echo started; while [ ! -e "$1" ]; do sleep 0.1; done; cat >/dev/null';
    const lines: string[] = [];
    const running = runLong(
      s.machine,
      command({ script, args: [go], stdin: 'very secret', onLine: (line) => lines.push(line) }),
      s,
    );
    await until(() => lines.length > 0);
    const names = await readdir(`${s.directory}/init-1`);
    expect(names).not.toContain('stdin');
    for (const name of names) {
      const { mode } = await stat(`${s.directory}/init-1/${name}`);
      expect([name, mode & 0o077]).toEqual([name, 0]);
      expect(await readFile(`${s.directory}/init-1/${name}`, 'utf8')).not.toContain('very secret');
    }
    expect(s.server.commands.join()).not.toContain('very secret');
    await writeFile(go, '');
    await running;
  });

  it('masks tokens in lines and stderr', async () => {
    await using s = await scene();
    const lines: string[] = [];
    const result = await runLong(
      s.machine,
      command({
        script: 'echo --token abcdef.0123456789abcdef; echo my hunter2 >&2',
        onLine: (line) => lines.push(line),
      }),
      { directory: s.directory, redactor: createRedactor(['hunter2']) },
    );
    expect(lines.toSorted()).toEqual(['--token ***', 'my ***']);
    expect(result).toMatchObject({ stderr: 'my ***\n', stdout: '--token abcdef.0123456789abcdef\n' });
  });

  it('fault 7: goes on when the connection is lost, runs once, and is found again with its exit code', async () => {
    await using s = await scene();
    const script = 'echo run >>"$1"; for i in 1 2 3 4 5 6 7 8; do echo "line $i"; sleep 0.3; done; exit 6';
    const lines: string[] = [];
    const running = runLong(
      s.machine,
      command({ script, args: [s.place.path('runs')], onLine: (line) => lines.push(line) }),
      s,
    );
    await until(() => lines.length >= 2);
    s.server.drop();
    await until(() => lines.length >= 4);
    await s.server.restart();
    expect(await running).toMatchObject({ kind: 'ended', code: 6 });
    expect(lines).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => `line ${i}`));
    expect(await readFile(s.place.path('runs'), 'utf8')).toBe('run\n');
  });

  it('whose start loses the connection is started once', async () => {
    await using s = await scene();
    const long = command({ script: 'echo run >>"$1"', args: [s.place.path('runs')] });
    const starts = () => s.server.commands.filter((line) => line.includes('systemd-run --quiet')).length;
    for (const misdeed of ['drop', 'drop-after'] as const) {
      let done = false;
      s.server.onCommand = (line) => {
        if (done || !line.includes('systemd-run --quiet')) return 'run';
        done = true;
        return misdeed;
      };
      const id = `start-${misdeed}`;
      expect(await runLong(s.machine, { ...long, id }, s)).toMatchObject({ kind: 'ended', code: 0 });
    }
    expect(starts()).toBe(4);
    expect(await readFile(s.place.path('runs'), 'utf8')).toBe('run\nrun\n');
  });

  it('is taken up by another process, while it runs and after', async () => {
    await using s = await scene();
    const long = command({
      script: 'echo run >>"$1"; echo out; sleep 1; exit 3',
      args: [s.place.path('runs')],
    });
    const first = new AbortController();
    const abandoned = runLong(s.machine, { ...long, signal: first.signal }, s);
    const failure = failureOf(abandoned);
    await until(() => existsSync(s.place.path('runs')));
    first.abort(new Error('killed'));
    expect(String(await failure)).toBe('Error: killed');
    for (let times = 0; times < 2; times += 1) {
      expect(await runLong(s.machine, long, s)).toMatchObject({ kind: 'ended', code: 3, stdout: 'out\n' });
    }
    expect(await readFile(s.place.path('runs'), 'utf8')).toBe('run\n');
  });

  it('may be started again once it was forgotten, but not while it runs', async () => {
    await using s = await scene();
    const long = command({ script: 'echo run >>"$1"; sleep 0.5', args: [s.place.path('runs')] });
    const running = runLong(s.machine, long, s);
    await until(() => existsSync(s.place.path('runs')));
    await expect(forgetLong(s.machine, long.id, s)).rejects.toThrow(/still running/);
    await running;
    await forgetLong(s.machine, long.id, s);
    await forgetLong(s.machine, long.id, s);
    await runLong(s.machine, long, s);
    expect(await readFile(s.place.path('runs'), 'utf8')).toBe('run\nrun\n');
  });

  it('with the id of another is refused', async () => {
    await using s = await scene();
    await runLong(s.machine, command({}), s);
    await expect(runLong(s.machine, command({ script: 'echo other' }), s)).rejects.toMatchObject({
      reason: 'LongCommandDiffers',
    });
    await expect(runLong(s.machine, command({ id: '../x' }), s)).rejects.toMatchObject({
      reason: 'ArgumentInvalid',
    });
  });

  it('that vanished without a trace is told as interrupted, and not done again', async () => {
    await using s = await scene();
    const script = 'echo run >>"$1"; sleep 30';
    const long = command({ script, args: [s.place.path('runs')] });
    const running = runLong(s.machine, long, s);
    await until(() => existsSync(s.place.path('runs')));
    const [pid] = (await readFile(`${s.directory}/init-1/started`, 'utf8')).split(' ');
    process.kill(-Number(pid), 'SIGKILL');
    expect(await running).toEqual({ kind: 'interrupted' });
    expect(await runLong(s.machine, long, s)).toEqual({ kind: 'interrupted' });
    expect(await readFile(s.place.path('runs'), 'utf8')).toBe('run\n');
  });

  it('of a process number that belongs to another by now is interrupted too', async () => {
    await using s = await scene();
    await runLong(s.machine, command({}), s);
    const files = `${s.directory}/init-1`;
    await writeFile(`${files}/started`, `${process.pid} 1\n`);
    await s.machine.exec({ script: 'rm "$1/rc"', args: [files] });
    expect(await runLong(s.machine, command({}), s)).toEqual({ kind: 'interrupted' });
  });

  it('that was put down but never started, is', async () => {
    await using s = await scene();
    await runLong(s.machine, command({ stdin: 'in', script: 'cat' }), s);
    const files = `${s.directory}/init-1`;
    await s.machine.exec({ script: 'cd "$1"; rm rc started; : >stdout; echo again >stdin', args: [files] });
    expect(await runLong(s.machine, command({ stdin: 'in', script: 'cat' }), s)).toMatchObject({
      stdout: 'again\n',
    });
  });

  it('past its deadline is stopped', async () => {
    await using s = await scene();
    const script = 'echo run >>"$1"; sleep 60; echo late >>"$1"';
    const long = command({ script, args: [s.place.path('runs')], deadlineMs: 1500 });
    await expect(runLong(s.machine, long, s)).rejects.toMatchObject({
      reason: 'DeadlineExceeded',
      message: expect.stringContaining('was stopped') as string,
    });
    const [pid] = (await readFile(`${s.directory}/init-1/started`, 'utf8')).split(' ');
    // Gone, or waiting for whoever collects orphans here.
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '0 (gone) Z');
    expect(state).toMatch(/\) Z/);
  });

  it('works with one channel and through sudo, beside other commands', async () => {
    await using sudo = await SudoPlace.create('asks', 'correct horse battery');
    await using s = await scene({ maxSessions: 1, binDir: sudo.directory });
    const running = runLong(s.machine, command({ script: 'id -u; sleep 1', stdin: 'x' }), s);
    const echo = await s.machine.exec({ script: 'echo beside' });
    expect(echo.stdout).toBe('beside\n');
    expect(await running).toMatchObject({ kind: 'ended', code: 0 });
  });

  it('on a full disk says so', async () => {
    await using s = await scene();
    await mkdir(s.place.path('bin'));
    await s.machine.writeFile({
      path: s.place.path('bin/mktemp'),
      content: '#!/bin/sh\necho "mktemp: failed: No space left on device" >&2; exit 1\n',
      mode: 0o755,
    });
    await using full = await SshServer.start({ binDir: s.place.path('bin') });
    await using machine = await connect(targetOf(full), withPassword);
    await expect(runLong(machine, command({}), s)).rejects.toMatchObject({ reason: 'DiskFull' });
    await expect(
      machine.writeFile({ path: s.place.path('f'), content: 'x', mode: 0o600 }),
    ).rejects.toMatchObject({ reason: 'DiskFull' });
  });
});
