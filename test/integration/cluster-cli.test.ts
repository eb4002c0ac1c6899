import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SshServer } from '../unit/provision/transport/ssh-server.ts';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let dir = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hansa-cluster-cli-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** The real process, with a state file of its own and nobody at the terminal. */
function hansa(...args: readonly string[]): Promise<Ended> {
  const env = {
    PATH: process.env['PATH'],
    HOME: dir,
    HANSA_STATE: join(dir, 'state.json'),
    HANSA_STATE_PASSPHRASE: 'correct horse battery',
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['src/cli/hansa.ts', ...args], { env }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err });
    });
    child.stdin?.end();
  });
}

function cluster(
  change: { readonly port?: number; readonly spec?: string; readonly machines?: string } = {},
): string {
  const { port = 22, spec = '', machines = '' } = change;
  const path = join(dir, 'shop.yaml');
  writeFileSync(
    path,
    `
apiVersion: v1
kind: Secret
metadata: {name: shop-ssh}
stringData: {password: very-secret-password}
---
apiVersion: provision.hansa.dev/v1alpha1
kind: KubeCluster
metadata: {name: shop}
spec: {version: 1.36.3, machineDefaults: {user: op, port: ${port}, credentialRef: {name: shop-ssh}}${spec}}
---
apiVersion: provision.hansa.dev/v1alpha1
kind: KubeMachine
metadata: {name: m1}
spec: {clusterName: shop, role: control-plane, host: 127.0.0.1, internalAddress: 10.0.0.1}
${machines}`,
  );
  return path;
}

describe('hansa cluster without any machine', () => {
  it('ends with 2 for a wrong command line', async () => {
    const wrong = [
      ['cluster', 'apply'],
      ['cluster', 'apply', 'shop', '-o', 'xml'],
      ['cluster', 'upgrade', 'shop'],
      ['cluster', 'restore', 'shop', '--from', 'a', '--snapshot', 'b:/c'],
      ['create', 'machine', '--ip', '10.0.0.1'],
      ['create', 'credential', '--agent'],
    ];
    const ends = await Promise.all(wrong.map((args) => hansa(...args)));
    expect(ends.map(({ code }) => code)).toEqual(wrong.map(() => 2));
  });

  it('ends with 1 and a way on where nothing is kept', async () => {
    const verbs = [
      ['cluster', 'delete', 'shop', '--yes'],
      ['cluster', 'backup', 'shop'],
      ['certs', 'renew', 'shop'],
      ['snapshot', 'etcd'],
      ['recover', 'etcd'],
      ['restore', '--from', 'latest'],
      ['upgrade', 'cluster', '--to', '1.36.3'],
    ];
    const ends = await Promise.all(verbs.map((args) => hansa(...args)));
    for (const { code, out, err } of ends) {
      expect(code).toBe(1);
      expect(out).toBe('');
      expect(err).toMatch(
        /^hansa: (there is no cluster shop in the state file|the state file has no cluster yet)/,
      );
    }
  });

  it('makes and forgets one piece by piece', async () => {
    const key = join(dir, 'key');
    writeFileSync(key, '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n');
    expect(
      (await hansa('create', 'credential', '--cluster', 'shop', '--user', 'op', '--private-key', key)).code,
    ).toBe(0);
    expect((await hansa('create', 'cluster', '--version', '1.36.3')).code).toBe(0);
    const made = await hansa('create', 'machine', '--ip', '10.0.0.1', '--role', 'master', '--no-apply');
    expect(made).toMatchObject({ code: 0, err: '' });
    expect((await hansa('cluster', 'status')).out).toMatch(/default +shop +1 /);
    expect(readFileSync(join(dir, 'state.json'), 'utf8')).not.toContain('OPENSSH');
    const deleted = await hansa('delete', 'machine', '--ip', '10.0.0.1');
    expect(deleted).toMatchObject({ code: 1, out: '' });
    expect(deleted.err).toContain('hansa cluster delete shop');
    expect((await hansa('delete', 'cluster')).err).toContain('say --yes to agree');
    expect((await hansa('delete', 'cluster', '--yes')).out).toBe('✓ cluster shop is forgotten\n');
    expect((await hansa('cluster', 'status')).out).toContain('No clusters are kept');
  });
});

describe('hansa cluster with a machine that nobody has met', () => {
  it('refuses to begin, keeps nothing of what was meant, and says what comes next', async () => {
    await using server = await SshServer.start({ password: 'another one' });
    const file = cluster({ port: server.port });
    const { code, out, err } = await hansa('cluster', 'apply', '-f', file);
    expect(code).toBe(1);
    expect(err).toMatch(/✗ m1: m1 can't be reached/);
    expect(out).toContain('✗ cluster shop: nothing was changed');
    expect(out).toContain(`Next: hansa cluster apply -f ${file} --accept-host-keys`);
    expect(server.commands).toEqual([]);
    expect(err + out).not.toContain('very-secret-password');
    const state = JSON.parse(readFileSync(join(dir, 'state.json'), 'utf8')) as {
      readonly clusters: Readonly<Record<string, { readonly objects: unknown; readonly journal: unknown }>>;
    };
    expect(state.clusters['default/shop']).toMatchObject({ objects: [], journal: [] });
  });

  it('tries a wrong password once, and shows it nowhere', async () => {
    await using server = await SshServer.start({ password: 'another one' });
    const file = cluster({ port: server.port });
    const { code, out, err } = await hansa('cluster', 'plan', '-f', file, '--accept-host-keys');
    expect(code).toBe(1);
    expect(err).toContain('m1: trusted at first sight');
    expect(out).toContain("m1 can't be reached");
    expect(server.passwords).toEqual(['very-secret-password']);
    expect(err + out).not.toContain('very-secret-password');
    expect(readFileSync(join(dir, 'state.json'), 'utf8')).not.toContain('very-secret-password');
  });

  it('tells programs the same', async () => {
    await using server = await SshServer.start({ password: 'another one' });
    const { code, out } = await hansa('cluster', 'apply', '-f', cluster({ port: server.port }), '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      { cluster: 'shop', isComplete: false, refusals: [{ machine: 'm1', reason: 'MachineUnreachable' }] },
    ]);
  });

  it('says that a schedule needs a clock', async () => {
    await using server = await SshServer.start({ password: 'another one' });
    const backups = join(dir, 'backups');
    mkdirSync(backups);
    const spec = `, backup: {schedule: "0 3 * * *", target: {directory: {path: ${backups}}}, encryptionSecretRef: {name: sealed}}`;
    const file = cluster({
      port: server.port,
      spec,
      machines:
        '---\napiVersion: v1\nkind: Secret\nmetadata: {name: sealed}\nstringData: {passphrase: long-enough-words}\n',
    });
    expect((await hansa('cluster', 'plan', '-f', file)).err).toContain(
      'run "hansa cluster backup shop" from cron',
    );
  });
});
