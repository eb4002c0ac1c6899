import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { factsScript } from '../../../../src/provision/facts/facts-script.ts';
import { parseFacts } from '../../../../src/provision/facts/parse-facts.ts';

function ask(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { stdout } = spawnSync('sh', ['-s', ...args], {
    input: factsScript,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...env },
    timeout: 30_000,
  });
  return { stdout, facts: parseFacts(stdout, { askedAtSeconds: Date.now() / 1000, canSudo: true }) };
}

describe('the facts script, on this computer', { timeout: 40_000 }, () => {
  it('tells what every Linux knows of itself', () => {
    const { facts } = ask();
    expect(facts.cpus).toBeGreaterThan(0);
    expect(facts.memoryBytes).toBeGreaterThan(1e8);
    expect(facts.disks.find(({ path }) => path === '/var/lib')?.freeInodes).toBeGreaterThan(0);
    expect(Math.abs(facts.clockSeconds - facts.askedAtSeconds)).toBeLessThan(30);
    expect(facts.fsyncP99Ms ?? 1).toBeGreaterThan(0);
  });

  it('tells a port where something listens from one where nothing does, and from a name that is none', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const open = ask(['127.0.0.1', `${port}`]).facts.reaches;
    server.close();
    await once(server, 'close');
    const closed = ask(['127.0.0.1', `${port}`]).facts.reaches;
    const sight = { address: '127.0.0.1', port };
    expect(open).toEqual([{ ...sight, outcome: 'reached' }]);
    expect(closed).toEqual([{ ...sight, outcome: 'refused' }]);
    const named = ask(['api.hansa.invalid', '6443']).facts.reaches;
    expect(named).toEqual([{ address: 'api.hansa.invalid', port: 6443, outcome: 'unknown-name' }]);
  });

  it('leaves the password of a proxy where it is', () => {
    const { facts, stdout } = ask([], { https_proxy: 'http://me:horse@proxy.local:3128' });
    expect(facts.proxyEnvironment['https_proxy']).toBe('http://proxy.local:3128');
    expect(stdout).not.toContain('horse');
  });
});
