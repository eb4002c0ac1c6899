import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { plainProgress } from '../../src/cli/progress.ts';
import { openShell, type Shell } from '../demo/hansa-command.ts';
import { type Docker, ensureDocker } from '../machines/docker.ts';
import { machinesDir } from '../machines/places.ts';
import { ensureKind, ensureNodeImage, kindEnvironment, type NodeImage } from './kind/node-image.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
/** On a fresh machine Kubernetes and kind are compiled first. */
const coldMs = 30 * 60_000;
const clusterMs = 10 * 60_000;

/** kind itself, with a node image that is made here: no registry is asked for anything. */
describe('a cluster that kind makes for a KubeCluster', () => {
  const name = `kind-${process.pid}`;
  const dir = join(machinesDir(), name);
  const file = join(dir, 'cluster.yaml');
  let docker: Docker;
  let image: NodeImage;
  let shell: Shell;
  let env: Readonly<Record<string, string>>;

  const write = async (changes: Readonly<Record<string, unknown>> = {}) => {
    const cluster = {
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeCluster',
      metadata: { name },
      spec: {
        version: image.kubernetesVersion,
        provider: { kind: { nodeImage: image.name, kubeadmConfigPatches: [forOldCgroups], ...changes } },
        proxy: { mode: 'nftables' },
        cni: { manifest: image.cniManifest },
      },
    };
    await writeFile(file, stringify(cluster));
  };
  const apply = async () => {
    const said = await shell.hansa(['cluster', 'apply', '-f', file, '-o', 'json'], { mayFail: true });
    const [outcome] = JSON.parse(said || '[]') as readonly Outcome[];
    return outcome;
  };
  const containers = () =>
    docker.run(['ps', '--all', '--quiet', '--filter', `label=io.x-k8s.kind.cluster=${name}`]);
  const nodeStates = async () => {
    const args = ['cluster', 'status', name, '-o', 'json'];
    const status = JSON.parse(await shell.hansa(args, { mayFail: true })) as Status;
    return { isWell: status.isWell, states: status.nodes.map(({ state }) => state) };
  };

  beforeAll(async () => {
    docker = await ensureDocker({ progress, signal });
    const options = { docker, progress, signal };
    const kindPath = await ensureKind(options);
    image = await ensureNodeImage(options);
    await mkdir(dir, { recursive: true });
    const all = {
      ...kindEnvironment(docker, kindPath),
      HANSA_STATE: join(dir, 'state.json'),
      HANSA_STATE_PASSPHRASE: 'only for this test',
    };
    env = Object.fromEntries(Object.entries(all).flatMap(([key, value]) => (value ? [[key, value]] : [])));
    shell = openShell({ env, signal, quiet: true });
    await write();
  }, coldMs);

  afterAll(async () => {
    const left = (await containers()).split('\n').filter(Boolean);
    if (left.length > 0) await docker.run(['rm', '--force', '--volumes', ...left]);
    await rm(dir, { recursive: true, force: true });
    await docker[Symbol.asyncDispose]();
  }, clusterMs);

  it(
    'is made, with its nodes and DNS ready',
    async () => {
      const outcome = await apply();
      expect(outcome).toMatchObject({ isComplete: true, refusals: [] });
      expect(await nodeStates()).toEqual({ isWell: true, states: ['Ready'] });
    },
    clusterMs,
  );

  it('gives a kubeconfig that leads to it from here', async () => {
    const kubeconfig = join(dir, 'kubeconfig');
    await writeFile(kubeconfig, await shell.hansa(['cluster', 'kubeconfig', name]), { mode: 0o600 });
    const args = ['--kubeconfig', kubeconfig, 'get', 'nodes', '--output', 'name'];
    expect((await execa(image.kubectlPath, args)).stdout).toBe(`node/${name}-control-plane`);
  });

  it('is left alone when nothing is to do', async () => {
    const before = await containers();
    const outcome = await apply();
    expect(outcome).toMatchObject({ isComplete: true, steps: [] });
    expect(await containers()).toBe(before);
  }, 60_000);

  it('is not made anew for what kind can’t change, and the field is named', async () => {
    await write({ workers: 1 });
    const outcome = await apply();
    expect(outcome?.refusals.map(({ reason, field }) => ({ reason, field }))).toEqual([
      { reason: 'KindCantChange', field: 'spec.provider.kind.workers' },
    ]);
    expect((await containers()).split('\n')).toHaveLength(1);
    await write();
  }, 60_000);

  it(
    'is started again after its containers were stopped',
    async () => {
      await docker.run(['stop', '--time', '5', `${name}-control-plane`]);
      expect(await nodeStates()).toMatchObject({ isWell: false });
      expect(await apply()).toMatchObject({ isComplete: true });
      expect(await nodeStates()).toEqual({ isWell: true, states: ['Ready'] });
    },
    clusterMs,
  );

  it('goes with its containers when it is deleted', async () => {
    await shell.hansa(['cluster', 'delete', name, '--yes']);
    expect(await containers()).toBe('');
    expect(await shell.hansa(['cluster', 'status'])).not.toContain(name);
  }, 120_000);

  it('never touches containers that somebody else made under its name', async () => {
    const labels = [
      '--label',
      `io.x-k8s.kind.cluster=${name}`,
      '--label',
      'io.x-k8s.kind.role=control-plane',
    ];
    await docker.run(['create', '--name', `${name}-control-plane`, ...labels, image.name]);
    const before = await containers();
    expect(await apply()).toMatchObject({ refusals: [{ reason: 'KindClusterOfOthers' }], steps: [] });
    expect(await containers()).toBe(before);
  }, 60_000);
});

interface Outcome {
  readonly isComplete: boolean;
  readonly steps: readonly unknown[];
  readonly refusals: readonly { readonly reason: string; readonly field: string }[];
}

interface Status {
  readonly isWell: boolean;
  readonly nodes: readonly { readonly state: string }[];
}

/** Docker on cgroup v1, as in some virtual machines: newer kubelets refuse it, and kind's own cgroup root is not there. */
const forOldCgroups = `kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
cgroupDriver: cgroupfs
cgroupRoot: /
failCgroupV1: false
`;
