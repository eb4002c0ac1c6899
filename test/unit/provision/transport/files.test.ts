import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { connect, type Transport } from '../../../../src/provision/transport/index.ts';
import { SshServer, targetOf, withPassword } from './ssh-server.ts';
import { temporaryDirectory, uploadOf } from './temporary.ts';

async function machineAt(kind: 'ssh2' | 'local'): Promise<{ machine: Transport } & AsyncDisposable> {
  const server = await SshServer.start();
  const machine = await connect(targetOf(server, { kind }), withPassword);
  return {
    machine,
    async [Symbol.asyncDispose]() {
      await machine.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe.each(['ssh2', 'local'] as const)('files over %s', (kind) => {
  it('are written whole, with their mode and folders, and not again when they are there', async () => {
    await using place = await temporaryDirectory();
    await using scene = await machineAt(kind);
    const { machine } = scene;
    const path = place.path("deep/er/it's here");
    const file = { path, content: 'text\n', mode: 0o640 };
    expect(await machine.writeFile(file)).toBe('written');
    const { mtimeMs, mode } = await stat(path);
    expect(mode & 0o7777).toBe(0o640);
    expect(await machine.writeFile(file)).toBe('unchanged');
    expect((await stat(path)).mtimeMs).toBe(mtimeMs);
    expect(await readdir(place.path('deep/er'))).toEqual(["it's here"]);
  });

  it.each([
    ['content', { content: 'other\n' }],
    ['mode', { mode: 0o600 }],
    ['owner', { owner: 'daemon:daemon' }],
  ])('are written when their %s differs', async (_, change) => {
    await using place = await temporaryDirectory();
    await using scene = await machineAt(kind);
    const file = { path: place.path('f'), content: 'text\n', mode: 0o640 };
    await scene.machine.writeFile(file);
    const changed = { ...file, ...change };
    expect(await scene.machine.writeFile(changed)).toBe('written');
    expect(await scene.machine.writeFile(changed)).toBe('unchanged');
    expect(await readFile(file.path, 'utf8')).toBe(changed.content);
  });

  it('keep every byte, both ways, empty ones too', async () => {
    await using place = await temporaryDirectory();
    await using scene = await machineAt(kind);
    for (const content of [randomBytes(1_000_000), Buffer.alloc(0), Buffer.from([0, 255, 10, 13, 0])]) {
      await scene.machine.writeFile({ path: place.path('b'), content, mode: 0o600 });
      expect(await scene.machine.readFile(place.path('b'))).toEqual(content);
    }
  });

  it('that are not there are undefined; what is no file is told', async () => {
    await using place = await temporaryDirectory();
    await using scene = await machineAt(kind);
    expect(await scene.machine.readFile(place.path('none'))).toBeUndefined();
    await expect(scene.machine.readFile('/tmp')).rejects.toMatchObject({ reason: 'FileUnreadable' });
    await expect(scene.machine.readFile('/dev/zero', { maxBytes: 1000 })).rejects.toMatchObject({
      reason: 'OutputTooLarge',
    });
  });

  it('leave the old one in place when the new can not be written', async () => {
    await using scene = await machineAt(kind);
    await expect(
      scene.machine.writeFile({ path: '/proc/nothing/f', content: 'x', mode: 0o600 }),
    ).rejects.toMatchObject({
      reason: 'FileUnwritable',
    });
    await expect(
      scene.machine.writeFile({ path: '/dev/full/f', content: 'x', mode: 0o600 }),
    ).rejects.toMatchObject({
      reason: 'FileUnwritable',
    });
  });

  it('replace a link by a file rather than what it points to', async () => {
    await using place = await temporaryDirectory();
    await using scene = await machineAt(kind);
    await writeFile(place.path('original'), 'old');
    await symlink(place.path('original'), place.path('link'));
    await scene.machine.writeFile({ path: place.path('link'), content: 'new', mode: 0o644 });
    expect(await readFile(place.path('original'), 'utf8')).toBe('old');
    expect(await readFile(place.path('link'), 'utf8')).toBe('new');
  });

  it('are uploaded once, mended in their mode, and checked against their hash', async () => {
    await using place = await temporaryDirectory();
    await using scene = await machineAt(kind);
    const content = randomBytes(300_000);
    const sent: number[] = [];
    const file = uploadOf(place.path('bin/kubelet'), content, { onProgress: (bytes) => sent.push(bytes) });
    expect(await scene.machine.upload(file)).toBe('uploaded');
    expect(sent.at(-1)).toBe(300_000);
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    await chmod(file.path, 0o600);
    expect(await scene.machine.upload(file)).toBe('unchanged');
    expect((await stat(file.path)).mode & 0o777).toBe(0o755);
    expect(await readFile(file.path)).toEqual(content);

    const lie = uploadOf(place.path('bin/other'), content, { sha256: 'f'.repeat(64) });
    await expect(scene.machine.upload(lie)).rejects.toMatchObject({ reason: 'HashMismatch', retry: 'never' });
    expect(await readdir(place.path('bin'))).toEqual(['kubelet']);
  });

  it('go on from what an upload before left, even where that is damaged', async () => {
    await using place = await temporaryDirectory();
    await using scene = await machineAt(kind);
    const content = randomBytes(300_000);
    const file = uploadOf(place.path('f'), content);
    const part = `${file.path}.${file.sha256.slice(0, 12)}.part`;
    const sent: number[] = [];
    await writeFile(part, content.subarray(0, 200_000));
    await scene.machine.upload({ ...file, onProgress: (bytes) => sent.push(bytes) });
    expect(Math.min(...sent)).toBeGreaterThan(196_608);
    expect(await readFile(file.path)).toEqual(content);

    const again = uploadOf(place.path('g'), content);
    await writeFile(`${again.path}.${again.sha256.slice(0, 12)}.part`, randomBytes(400_000));
    expect(await scene.machine.upload(again)).toBe('uploaded');
    expect(await readFile(again.path)).toEqual(content);
    expect((await readdir(place.path('.'))).toSorted()).toEqual(['f', 'g']);
  });

  it('of no bytes are uploaded as well', async () => {
    await using place = await temporaryDirectory();
    await using scene = await machineAt(kind);
    expect(await scene.machine.upload(uploadOf(place.path('empty'), Buffer.alloc(0)))).toBe('uploaded');
    expect((await stat(place.path('empty'))).size).toBe(0);
  });
});
