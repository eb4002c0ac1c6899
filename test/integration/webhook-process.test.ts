import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ResourceType } from '../../src/kube/index.ts';
import { until } from '../support/look.ts';
import { hansaNamespace, startWorld, types, type World } from '../support/world.ts';

const program = new URL('../../src/cli/hansa.ts', import.meta.url).pathname;
const secrets = types['Secret'] as ResourceType;

let world: World;
const started: ChildProcess[] = [];

beforeAll(async () => {
  world = await startWorld({ members: [], running: false });
});
afterEach(async () => {
  await Promise.all(
    started.splice(0).map(async (child) => {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }),
  );
});
afterAll(() => world?.down());

function start(flags: readonly string[]) {
  const child = spawn(
    process.execPath,
    [
      program,
      ...flags,
      '--kubeconfig',
      world.host.kubeconfigPath,
      '--listen',
      '127.0.0.1:0',
      '--webhook-bind',
      '127.0.0.1',
      '--webhook-port',
      '0',
    ],
    { env: { PATH: process.env['PATH'], HOME: tmpdir() }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  started.push(child);
  const log: Record<string, unknown>[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as Record<string, unknown>);
  });
  const said = (message: string) =>
    until(() => {
      const line = log.find(({ msg }) => msg === message);
      expect(line).toBeDefined();
      return line as Record<string, unknown>;
    });
  return { said };
}

async function ca(): Promise<string> {
  const secret = await world.host.client.get(secrets, { namespace: hansaNamespace, name: 'hansa-webhook' });
  const { 'ca.crt': text = '' } = secret['data'] as Readonly<Record<string, string>>;
  return Buffer.from(text, 'base64').toString('utf8');
}

async function health(port: unknown): Promise<string> {
  const dispatcher = new Agent({ connect: { ca: await ca() } });
  try {
    return await (await request(`https://127.0.0.1:${String(port)}/healthz`, { dispatcher })).body.text();
  } finally {
    await dispatcher.close();
  }
}

describe('the webhook as processes', () => {
  it('is served by the controller with certificates in a Secret, and by a process of its own with the same', async () => {
    const controller = start(['controller', '--webhook-url', 'https://127.0.0.1:8443']);
    const { port } = await controller.said('webhook listening');
    expect(await health(port)).toBe('ok');
    const first = await ca();

    const alone = start(['webhook']);
    const { webhook } = await alone.said('listening');
    expect(await health(webhook)).toBe('ok');
    expect(await ca()).toBe(first);
  });
});
