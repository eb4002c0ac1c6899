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

  it('reaches a port whether something listens there or not', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const open = ask(['127.0.0.1', `${port}`]).facts.reaches;
    server.close();
    await once(server, 'close');
    const closed = ask(['127.0.0.1', `${port}`]).facts.reaches;
    const reached = [{ address: '127.0.0.1', port, outcome: 'reached' }];
    expect([open, closed]).toEqual([reached, reached]);
  });

  it('leaves the password of a proxy where it is', () => {
    const { facts, stdout } = ask([], { https_proxy: 'http://me:horse@proxy.local:3128' });
    expect(facts.proxyEnvironment['https_proxy']).toBe('http://proxy.local:3128');
    expect(stdout).not.toContain('horse');
  });
});
