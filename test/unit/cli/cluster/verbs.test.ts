import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '../../../../src/base/index.ts';
import { runClusterBackup } from '../../../../src/cli/cluster/run-backup.ts';
import { runClusterReplace } from '../../../../src/cli/cluster/run-replace.ts';
import { runClusterUpgrade } from '../../../../src/cli/cluster/run-upgrade.ts';
import { runCreateCluster } from '../../../../src/cli/cluster/run-create-cluster.ts';
import {
  runCreateCredential,
  runDeleteCredential,
} from '../../../../src/cli/cluster/run-create-credential.ts';
import { runCreateMachine } from '../../../../src/cli/cluster/run-create-machine.ts';
import { runClusterDelete } from '../../../../src/cli/cluster/run-delete.ts';
import { runDeleteMachine } from '../../../../src/cli/cluster/run-delete-machine.ts';
import { leavingOf, readStored } from '../../../../src/cli/cluster/load-clusters.ts';
import { markLeaving, machineNames } from '../../../../src/cli/cluster/kept-objects.ts';
import { openState } from '../../../../src/cli/cluster/state-place.ts';
import { nameFor } from '../../../../src/cli/cluster/verb-state.ts';
import { type StateFile, fileClusterStore } from '../../../../src/provision/index.ts';

let dir = '';
let state: StateFile;
let kept: { readonly state: string; readonly passphraseFile: string };
let out = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hansa-verbs-'));
  const passphraseFile = file('passphrase', 'correct horse battery');
  kept = { state: join(dir, 'state.json'), passphraseFile };
  state = openState(kept);
  out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const shop = { namespace: 'default', name: 'shop' };
const privateKey = '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n';

async function makeShop(flags: object = {}): Promise<void> {
  const key = file('key', privateKey);
  await runCreateCredential({ ...kept, cluster: 'shop', user: 'op', privateKey: key });
  await runCreateCluster('shop', { ...kept, version: '1.36.3', endpointMode: 'LocalProxy', ...flags });
}

async function addMachine(ip: string, role: string): Promise<void> {
  await runCreateMachine({ ...kept, ip, role, apply: false });
}

async function objects(): Promise<readonly JsonObject[]> {
  return (await state.cluster(shop))?.objects ?? [];
}

describe('a cluster made piece by piece', () => {
  it('is what a file would have said', async () => {
    await makeShop({ podNetwork: '10.244.0.0/16' });
    await addMachine('10.0.0.1', 'master');
    await addMachine('10.0.0.2', 'node');
    const stored = await state.cluster(shop);
    const { spec } = readStored(stored ?? (undefined as never));
    expect(spec).toMatchObject({ version: '1.36.3', network: { pods: ['10.244.0.0/16'] } });
    expect(spec.machines).toMatchObject([
      { role: 'control-plane', internalAddress: '10.0.0.1', ssh: { user: 'op', credential: 'shop-ssh' } },
      { role: 'worker', internalAddress: '10.0.0.2' },
    ]);
    expect(await fileClusterStore(state, shop).secrets.get('shop-ssh')).toMatchObject({ user: 'op' });
    expect(out).toContain('hansa cluster apply shop');
  });

  it('has its credential sealed, whatever order it was given in', async () => {
    await runCreateCluster('shop', { ...kept, version: '1.36.3' });
    await runCreateCredential({ ...kept, user: 'op', privateKey: file('key', privateKey) });
    const [cluster] = await objects();
    expect(cluster?.['spec']).toMatchObject({ machineDefaults: { credentialRef: { name: 'shop-ssh' } } });
    expect(JSON.stringify(await state.clusters())).not.toContain('OPENSSH');
  });

  it('may come from a file with a KubeCluster, under its name', async () => {
    const path = file(
      'shop.yaml',
      'apiVersion: provision.hansa.dev/v1alpha1\nkind: KubeCluster\nmetadata: {name: shop}\nspec: {version: 1.36.3, cgroupDriver: cgroupfs}\n',
    );
    await runCreateCluster(undefined, { ...kept, filename: path });
    expect((await objects())[0]).toMatchObject({
      metadata: { name: 'shop' },
      spec: { cgroupDriver: 'cgroupfs' },
    });
  });

  it('asks for a control plane first', async () => {
    await makeShop();
    await expect(addMachine('10.0.0.2', 'node')).rejects.toThrow(
      'its first machine must be one, with --role master',
    );
    expect(machineNames(await objects())).toEqual([]);
  });

  it('asks for a credential before a machine', async () => {
    await runCreateCluster('shop', { ...kept, version: '1.36.3' });
    await expect(addMachine('10.0.0.1', 'master')).rejects.toThrow('hansa create credential --cluster shop');
  });

  it('needs a name where there is none yet, and where there are several', async () => {
    const key = file('key', privateKey);
    await expect(runCreateCredential({ ...kept, user: 'op', privateKey: key })).rejects.toThrow(
      '--cluster NAME',
    );
    await makeShop();
    await runCreateCluster('depot', { ...kept, version: '1.36.3' });
    await expect(addMachine('10.0.0.1', 'master')).rejects.toThrow('name the cluster: the state file has');
  });
});

describe('a name for a short form', () => {
  it('stands behind the verb or in --cluster, and not differently in both', () => {
    expect(nameFor('shop', {})).toBe('shop');
    expect(nameFor(undefined, { cluster: 'shop' })).toBe('shop');
    expect(() => nameFor('shop', { cluster: 'depot' })).toThrow('two names');
  });
});

describe('a credential', () => {
  it('is not deleted while machines are reached with it', async () => {
    await makeShop();
    await addMachine('10.0.0.1', 'master');
    await expect(runDeleteCredential(kept)).rejects.toMatchObject({ reason: 'InUse' });
  });

  it('is gone afterwards, and the cluster names it no more', async () => {
    await makeShop();
    await runDeleteCredential(kept);
    expect((await state.cluster(shop))?.secretNames).toEqual([]);
    expect(JSON.stringify(await objects())).not.toContain('shop-ssh');
  });
});

describe('a machine', () => {
  beforeEach(async () => {
    await makeShop();
    await addMachine('10.0.0.1', 'master');
    await addMachine('10.0.0.2', 'node');
  });

  it('is only forgotten with --force, by agreement', async () => {
    const flags = { ...kept, ip: '10.0.0.2', force: true };
    await expect(runDeleteMachine(undefined, flags)).rejects.toMatchObject({ reason: 'NeedsConsent' });
    expect(await runDeleteMachine(undefined, { ...flags, yes: true })).toBe(0);
    expect(machineNames(await objects())).toEqual(['shop-10-0-0-1']);
  });

  it('may be named by its name in place of its address, and must be one of them', async () => {
    expect(await runDeleteMachine('shop-10-0-0-2', { ...kept, force: true, yes: true })).toBe(0);
    await expect(runDeleteMachine('m9', kept)).rejects.toThrow(
      'there is no machine m9: there are shop-10-0-0-1',
    );
    await expect(runDeleteMachine(undefined, kept)).rejects.toThrow('its name, or --ip ADDRESS');
  });

  it('that is the last control plane is not taken from under the others', async () => {
    await expect(runDeleteMachine(undefined, { ...kept, ip: '10.0.0.1' })).rejects.toMatchObject({
      reason: 'LastControlPlane',
    });
    await expect(runClusterReplace('shop', 'shop-10-0-0-1', kept)).rejects.toMatchObject({
      reason: 'LastControlPlane',
    });
  });

  it('is drained always, and whoever asks otherwise hears what to do', async () => {
    await expect(
      runDeleteMachine(undefined, { ...kept, ip: '10.0.0.2', skipDrainDelete: true }),
    ).rejects.toThrow('--drain-timeout');
  });

  it('that is on its way out is known as such to every later apply', async () => {
    await state.putObjects(shop, markLeaving(await objects(), 'shop-10-0-0-2', '2026-11-23T10:00:00Z'));
    const cluster = readStored((await state.cluster(shop)) ?? (undefined as never));
    expect(cluster.spec.machines.map(({ name }) => name)).toEqual(['shop-10-0-0-1']);
    expect((await leavingOf(cluster, state)).map(({ name }) => name)).toEqual(['shop-10-0-0-2']);
  });
});

describe('a cluster of the state file', () => {
  it('is forgotten with its journal and secrets, by agreement', async () => {
    await makeShop();
    await expect(runClusterDelete('shop', kept)).rejects.toMatchObject({ reason: 'NeedsConsent' });
    expect(await runClusterDelete('shop', { ...kept, yes: true })).toBe(0);
    expect(await state.clusters()).toEqual([]);
  });

  it('keeps its version when an upgrade is refused', async () => {
    await makeShop();
    await addMachine('10.0.0.1', 'master');
    await expect(runClusterUpgrade('shop', { ...kept, to: '1.99.0' })).rejects.toThrow(
      'newer than this Hansa knows',
    );
    expect((await objects())[0]?.['spec']).toMatchObject({ version: '1.36.3' });
  });

  it('without a place for backups has no backup, and hears of the snapshot', async () => {
    await makeShop();
    await addMachine('10.0.0.1', 'master');
    await expect(runClusterBackup('shop', kept)).rejects.toThrow('hansa cluster snapshot shop');
  });
});
