import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { systemClock } from '../../src/kube/index.ts';
import { createFromDirectories } from '../../src/provision/index.ts';
import { fleetYaml } from '../demo/fleet.ts';
import { openShell, type Shell } from '../demo/hansa-command.ts';
import { ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;
const machines = ['m1', 'm2', 'm3'];

/** An address that moves between control planes. */
describe('a cluster behind keepalived', () => {
  const dir = join(machinesDir(), `vip-${process.pid}`);
  const bundlePath = join(dir, 'bundle');
  let group: MachineGroup;
  let shell: Shell;
  let version: string;
  let kubectl: string;
  let address: string;

  const apply = async () => {
    const path = join(dir, 'vip.yaml');
    const spec = {
      endpointMode: 'Keepalived',
      controlPlaneEndpoint: { host: address },
      keepalived: { virtualRouterId: 51 },
    };
    const yaml = fleetYaml(
      [{ name: 'vip', region: 'eu', machines, spec }],
      (name) => group.machine(name),
      version,
    );
    await writeFile(path, yaml, { mode: 0o600 });
    const bundle = ['--bundle', bundlePath, '--allow-unsigned'];
    const text = await shell.hansa(['cluster', 'apply', '-f', path, ...bundle, '-o', 'json'], {
      mayFail: true,
    });
    const [outcome] = JSON.parse(text) as readonly {
      readonly isComplete: boolean;
      readonly refusals: readonly { readonly reason: string; readonly message: string }[];
    }[];
    return outcome;
  };
  const holders = async (among: readonly string[]) => {
    const all = await Promise.all(
      among.map(async (name) => {
        const shown = await group.machine(name).exec('ip -4 -o address show');
        return shown.includes(` ${address}/`) ? [name] : [];
      }),
    );
    return all.flat();
  };
  const nodes = async () => {
    const args = [
      '--kubeconfig',
      join(dir, 'kubeconfig'),
      '--request-timeout=3s',
      'get',
      'nodes',
      '-o',
      'name',
    ];
    return (await execa(kubectl, args)).stdout.split('\n');
  };

  beforeAll(async () => {
    await ensureDocker({ progress, signal });
    const source = await ensureBundleDir({ progress, signal });
    version = source.kubernetesVersion;
    kubectl = join(source.path, 'bin', 'kubectl');
    await mkdir(dir, { recursive: true });
    await createFromDirectories([source.path], {
      to: bundlePath,
      privateKey: undefined,
      clock: systemClock,
    });
    group = await startMachines({ count: machines.length, progress, signal });
    address = group.machine('m1').ip.replace(/\d+$/, '200');
    shell = openShell({
      env: { HANSA_STATE: join(dir, 'state.json'), HANSA_STATE_PASSPHRASE: 'only for this test' },
      signal,
      quiet: true,
    });
  }, coldMs);
  afterAll(async () => {
    await group?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  it('fault 15: is not made while somebody else has its address', async () => {
    // Another host of the network, as far as the machines can tell: what has the address is beside them.
    await group.machine('m3').exec(`ip link add other type veth peer name others && ip link set others up &&
      ip address add ${address}/32 dev other && ip link set other up`);
    expect(await apply()).toMatchObject({
      isComplete: false,
      refusals: [{ reason: 'EndpointTaken', message: expect.stringContaining(address) }],
    });
    await group.machine('m3').exec('ip link delete other');
  }, 120_000);

  it(
    'has its address on one control plane, and on another when that loses its power',
    async () => {
      expect(await apply()).toMatchObject({ isComplete: true });
      await shell.hansa(['cluster', 'kubeconfig', 'vip', '--to', join(dir, 'kubeconfig')]);
      expect(await nodes()).toEqual(machines.map((name) => `node/${name}`));
      const [holder = '', second] = await holders(machines);
      expect(machines).toContain(holder);
      expect(second).toBe(undefined);
      await group.machine(holder).kill();
      await vi.waitFor(async () => expect(await nodes()).toHaveLength(machines.length), {
        timeout: 60_000,
        interval: 500,
      });
      expect(await holders(machines.filter((name) => name !== holder))).toHaveLength(1);
    },
    15 * 60_000,
  );
});
