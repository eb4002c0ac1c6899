import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { systemClock } from '../../src/kube/index.ts';
import { createFromDirectories } from '../../src/provision/index.ts';
import { openShell } from '../demo/hansa-command.ts';
import { ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import type { Machine } from '../machines/machine.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
/** All pods together may have this much, though the machine sees the memory of the computer it is a container on. */
const forPodsMb = 2560;
const coldMs = 40 * 60_000;

/**
 * A hog takes 16 MB every 50 ms for as long as it lives, and no pod here has a limit of its own: what stops it are the
 * reservations that the spec makes. Without them it takes what the computer has, and the second test fails.
 */
describe('a control plane beside hogs', () => {
  const dir = join(machinesDir(), `protection-${process.pid}`);
  let group: MachineGroup;
  let machine: Machine;

  const kubectl = (args: string) =>
    machine.exec(`kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=5s ${args}`);
  const startHog = (name: string, kind: 'hog-memory' | 'hog-cpu') =>
    kubectl(`run ${name} --image=lab.local/hello:v1 --image-pull-policy=Never --restart=Never -- ${kind}`);
  /** How many of `count` questions a second apart the API server answers in time. */
  const answers = async (count: number) =>
    Number(
      await machine.exec(`good=0
for _ in $(seq ${count}); do
  sleep 1
  timeout 5 kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz >/dev/null 2>&1 && good=$((good + 1))
done
echo $good`),
    );

  beforeAll(async () => {
    await ensureDocker({ progress, signal });
    const { path } = await ensureBundleDir({ progress, signal });
    await mkdir(dir, { recursive: true });
    const bundle = join(dir, 'bundle');
    await createFromDirectories([path], { to: bundle, privateKey: undefined, clock: systemClock });
    group = await startMachines({ count: 1, progress, signal });
    machine = group.machine('m1');
    const file = join(dir, 'keep.yaml');
    await writeFile(file, yamlFor(machine, await totalMemoryMb()), { mode: 0o600 });
    const shell = openShell({
      env: { HANSA_STATE: join(dir, 'state.json'), HANSA_STATE_PASSPHRASE: 'only for this test' },
      signal,
      quiet: true,
    });
    await shell.hansa(['cluster', 'apply', '-f', file, '--bundle', bundle, '--allow-unsigned', '-o', 'json']);
  }, coldMs);
  afterAll(async () => {
    await group?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  it('has drop-ins for the services it lives on, and its pods come last to be killed', async () => {
    for (const unit of ['kubelet', 'containerd', 'ssh']) {
      const said = await machine.exec(`systemctl cat ${unit}.service`);
      expect(said).toContain('CPUWeight=1000');
    }
    const priorities = await kubectl(
      `get pods -n kube-system -l tier=control-plane -o jsonpath='{.items[*].spec.priorityClassName}'`,
    );
    expect(priorities.trim().split(' ')).toEqual(Array.from({ length: 4 }, () => 'system-node-critical'));
  });

  it('lives on while a pod takes all memory it can get; the pod is killed at what pods may have', {
    timeout: 180_000,
  }, async () => {
    await startHog('hog-memory', 'hog-memory');
    expect(await answers(30)).toBeGreaterThanOrEqual(28);
    const code = await kubectl(
      "get pod hog-memory -o jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}'",
    );
    // By the kernel. The runtime says OOMKilled only if it hears of that before it hears of the end.
    expect(code.trim()).toBe('137');
    const reached = Number.parseInt(await kubectl('logs hog-memory --tail=1'), 10);
    expect(reached).toBeGreaterThan(forPodsMb / 3);
    expect(reached).toBeLessThan(forPodsMb);
    expect(await restarts()).toEqual(['0', '0', '0', '0']);
    await kubectl('delete pod hog-memory --grace-period=0 --force');
  });

  it('answers while a pod takes all processor time it can get', { timeout: 180_000 }, async () => {
    await startHog('hog-cpu', 'hog-cpu');
    expect(await answers(20)).toBeGreaterThanOrEqual(18);
    expect(await kubectl('get pod hog-cpu -o jsonpath={.status.phase}')).toContain('Running');
    expect(await restarts()).toEqual(['0', '0', '0', '0']);
    await kubectl('delete pod hog-cpu --grace-period=0 --force');
  });

  async function restarts(): Promise<readonly string[]> {
    const said = await kubectl(
      `get pods -n kube-system -l tier=control-plane -o jsonpath='{.items[*].status.containerStatuses[0].restartCount}'`,
    );
    return said.trim().split(' ');
  }
});

function yamlFor({ name, ip, ssh }: Machine, totalMb: number): string {
  const namespace = 'clusters';
  const documents = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keep-ssh', namespace },
      type: 'provision.hansa.dev/ssh-credential',
      stringData: { 'ssh-privatekey': ssh.privateKey },
    },
    {
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeCluster',
      metadata: { name: 'keep', namespace },
      spec: {
        version: '1.36.3',
        endpointMode: 'Direct',
        cgroupDriver: 'cgroupfs',
        clusterNetwork: {
          pods: { cidrBlocks: ['10.244.0.0/16'] },
          services: { cidrBlocks: ['10.96.0.0/16'] },
        },
        proxy: { mode: 'nftables' },
        machineDefaults: { user: 'op', credentialRef: { name: 'keep-ssh' } },
        kubeadm: {
          ignorePreflightErrors: ['SystemVerification'],
          kubeProxy: { conntrack: { maxPerCore: 0 } },
          kubelet: { imageGCHighThresholdPercent: 100 },
        },
        protection: {
          kubeReserved: { cpu: '100m', memory: '256Mi' },
          systemReserved: { cpu: '100m', memory: `${totalMb - forPodsMb - 256}Mi` },
          // The disk is that of everybody here. Once in a while the kubelet's look, every 10 s, meets the hog just below
          // its limit: then the kubelet evicts it and takes no pod for five minutes, where the kernel shall speak.
          evictionHard: {
            'memory.available': '0%',
            'nodefs.available': '0%',
            'imagefs.available': '0%',
            'nodefs.inodesFree': '0%',
          },
        },
      },
    },
    {
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeMachine',
      metadata: { name, namespace },
      spec: { clusterName: 'keep', role: 'control-plane', host: ip, hostKeys: [ssh.hostKey], taints: [] },
    },
  ];
  return documents.map((document) => JSON.stringify(document)).join('\n---\n');
}

async function totalMemoryMb(): Promise<number> {
  const kilobytes = /^MemTotal:\s+(\d+)/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  return Math.floor(Number(kilobytes) / 1024);
}
