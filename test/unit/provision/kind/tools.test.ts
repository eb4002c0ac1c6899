import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKindTools } from '../../../../src/provision/kind/index.ts';

const { signal } = new AbortController();

describe('the programs that a cluster of kind needs', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hansa-kind-tools-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  const program = async (name: string, script: string) => {
    const path = join(dir, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  };

  it('says what to do where there is no kind', async () => {
    expect(await openKindTools({ PATH: dir }).kindLack(signal)).toMatch(
      /no program kind in PATH: install kind .*HANSA_KIND/,
    );
  });

  it('says that HANSA_KIND names nothing', async () => {
    const env = { PATH: dir, HANSA_KIND: join(dir, 'nothing') };
    expect(await openKindTools(env).kindLack(signal)).toContain('HANSA_KIND names');
  });

  it('takes a kind that is new enough, and no older one', async () => {
    const env = { PATH: dir, HANSA_KIND: await program('mine', 'echo "kind v0.31.0 go1.25 linux/amd64"') };
    expect(await openKindTools(env).kindLack(signal)).toBeUndefined();
    await program('mine', 'echo "kind v0.9.0 go1.15 linux/amd64"');
    expect(await openKindTools(env).kindLack(signal)).toContain('kind 0.9.0 is too old');
  });

  it('says what to do where there is no docker', async () => {
    await expect(openKindTools({ PATH: dir }).docker(['ps'], { signal })).rejects.toMatchObject({
      reason: 'DockerMissing',
      message: expect.stringContaining('install Docker') as string,
    });
  });

  it('says that the engine does not answer', async () => {
    await program('docker', 'echo "Cannot connect to the Docker daemon at unix:///x" >&2; exit 1');
    await expect(openKindTools({ PATH: dir }).docker(['ps'], { signal })).rejects.toMatchObject({
      reason: 'DockerMissing',
      message: expect.stringContaining('start it') as string,
    });
  });

  it('tells each line while the program runs, and gives all of them in the end', async () => {
    await program('docker', 'cat; echo one >&2; echo two >&2; exit 3');
    const lines: string[] = [];
    const end = await openKindTools({ PATH: `${dir}:/usr/bin:/bin` }).docker(['x'], {
      signal,
      input: 'given',
      onLine: (line) => lines.push(line),
    });
    expect(lines).toEqual(['one', 'two']);
    expect(end).toEqual({ code: 3, stdout: 'given', stderr: 'one\ntwo\n' });
  });
});
