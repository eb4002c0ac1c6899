import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { systemClock } from '../../src/kube/index.ts';
import { type Bundle, createFromDirectories, openBundle } from '../../src/provision/bundle/index.ts';
import { removeMember } from '../../src/provision/etcd/change-members.ts';
import { readMembers } from '../../src/provision/etcd/read-members.ts';
import type { ClusterSpec } from '../../src/provision/plan/cluster-spec.ts';
import { readCluster } from '../../src/provision/read/index.ts';
import { applyCni } from '../../src/provision/steps/apply-cni.ts';
import { clearStaleMember } from '../../src/provision/steps/clear-stale-member.ts';
import { copyPki } from '../../src/provision/steps/copy-pki.ts';
import { deleteNode } from '../../src/provision/steps/delete-node.ts';
import { importImages } from '../../src/provision/steps/import-images.ts';
import { initControlPlane } from '../../src/provision/steps/init-control-plane.ts';
import { installKubernetes } from '../../src/provision/steps/install-kubernetes.ts';
import { installRuntime } from '../../src/provision/steps/install-runtime.ts';
import { joinControlPlane } from '../../src/provision/steps/join-control-plane.ts';
import { loadBundle } from '../../src/provision/steps/load-bundle.ts';
import { prepareHost } from '../../src/provision/steps/prepare-host.ts';
import { resetMachine } from '../../src/provision/steps/reset-machine.ts';
import { setEndpoint } from '../../src/provision/steps/set-endpoint.ts';
import { setNode } from '../../src/provision/steps/set-node.ts';
import { storeKubeconfig } from '../../src/provision/steps/store-kubeconfig.ts';
import { verifyCluster } from '../../src/provision/steps/verify-cluster.ts';
import { verifyNode } from '../../src/provision/steps/verify-node.ts';
import { ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';
import { type ByHand, byHand } from '../support/provision-by-hand.ts';

const tell = (line: string) => console.log(line);
const progress = plainProgress(tell);
const { signal } = new AbortController();
/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;
const clusterMs = 10 * 60_000;

describe('steps by hand, on two bare machines', () => {
  const bundlePath = join(machinesDir(), `bundle-steps-${process.pid}`);
  let group: MachineGroup;
  let bundle: Bundle;
  let spec: ClusterSpec;
  let hand: ByHand;

  beforeAll(async () => {
    await ensureDocker({ progress, signal });
    const source = await ensureBundleDir({ progress, signal });
    await createFromDirectories([source.path], { to: bundlePath, privateKey: undefined, clock: systemClock });
    bundle = await openBundle(bundlePath, { allowUnsigned: true });
    group = await startMachines({ count: 2, variant: 'bare', progress, signal });
    spec = specFor(source.kubernetesVersion, group);
    hand = await byHand(spec, group.machines, { bundle, tell: (line) => isProgress(line) || tell(line) });
  }, coldMs);
  afterAll(async () => {
    await hand?.[Symbol.asyncDispose]();
    await group?.[Symbol.asyncDispose]();
    await rm(bundlePath, { recursive: true, force: true });
  }, 60_000);

  it(
    'make a cluster of the first, and have nothing to do then',
    async () => {
      const all = async () => [
        ...(await prepare(hand, 'm1')),
        await hand.run('init-control-plane', initControlPlane, 'm1'),
        await hand.run('apply-cni', applyCni),
        await hand.run('set-node', setNode, 'm1'),
        await hand.run('verify-node', verifyNode, 'm1'),
        await hand.run('store-kubeconfig', storeKubeconfig),
      ];
      await all();
      expect(new Set(await all())).toEqual(new Set(['done']));
      expect([...hand.secrets.keys()].toSorted()).toEqual(
        ['ca', 'etcd', 'kubeconfig', 'proxy', 'sa'].map((name) => `duo-${name}`),
      );
    },
    clusterMs,
  );

  it(
    'make the second a control plane, though its power is cut right after etcd took it in',
    async () => {
      await prepare(hand, 'm2');
      await hand.run('copy-pki', copyPki, 'm2');
      const killed = cutPowerWhenInEtcd();
      await expect(hand.run('join-control-plane', joinControlPlane, 'm2')).rejects.toMatchObject({
        reason: 'MachineRestarted',
      });
      await killed;
      const stale = (await members()).find(({ isLearner }) => isLearner);
      await prepare(hand, 'm2');
      await hand.run('clear-stale-member', clearStaleMember, 'm2');
      await hand.run('copy-pki', copyPki, 'm2');
      await hand.run('join-control-plane', joinControlPlane, 'm2');
      await hand.run('set-node', setNode, 'm2');
      await hand.run('verify-node', verifyNode, 'm2');
      await hand.run('verify-cluster', verifyCluster);
      const now = await members();
      expect(now.map(({ name }) => name).toSorted()).toEqual(['m1', 'm2']);
      expect(now.map(({ id }) => id)).not.toContain(stale?.id);
      // Nobody can join with what was used here.
      const tokens = await group.machine('m1').exec('kubeadm token list -o jsonpath="{.description}"');
      expect(tokens).not.toContain('one join');
      await group.machine('m2').exec('! ls /etc/kubernetes/hansa/join.yaml /etc/kubernetes/hansa/pki');
    },
    clusterMs,
  );

  it(
    'make the second a bare machine again',
    async () => {
      const own = (await members()).find(({ name }) => name === 'm2');
      await removeMember(hand.machine('m1'), own?.id ?? '');
      await hand.run('reset-machine', resetMachine, 'm2', { etcdData: 'delete' });
      await hand.run('delete-node', deleteNode, 'm2');
      const left = await group.machine('m2').exec(
        `ls -d /etc/hansa /etc/kubernetes/pki /usr/local/bin/* /var/lib/etcd/* /var/lib/containerd/* \
/etc/systemd/system/kubelet.service /etc/systemd/system/containerd.service /etc/modules-load.d/90-hansa.conf 2>/dev/null || true
grep hansa /etc/hosts || true
ip -brief link | grep -E 'cni0|flannel' || true
iptables-save | grep KUBE- || true
nft list tables | grep kube-proxy || true`,
      );
      expect(left.trim()).toBe('');
      expect((await members()).map(({ name }) => name)).toEqual(['m1']);
    },
    clusterMs,
  );

  const members = () => readMembers(hand.machine('m1'), { signal });

  async function cutPowerWhenInEtcd(): Promise<void> {
    for (;;) {
      if ((await members()).length > 1) break;
      await sleep(200);
    }
    await group.machine('m2').kill();
    await group.machine('m2').start();
  }
});

function isProgress(line: string): boolean {
  return line.endsWith(' MB');
}

async function prepare(hand: ByHand, machine: string): Promise<readonly string[]> {
  return [
    await hand.run('prepare-host', prepareHost, machine),
    await hand.run('load-bundle', loadBundle, machine),
    await hand.run('install-runtime', installRuntime, machine),
    await hand.run('install-kubernetes', installKubernetes, machine),
    await hand.run('import-images', importImages, machine),
    await hand.run('set-endpoint', setEndpoint, machine),
  ];
}

function specFor(version: string, { machines }: MachineGroup): ClusterSpec {
  const apiVersion = 'provision.hansa.dev/v1alpha1';
  const cluster = {
    version,
    endpointMode: 'LocalProxy',
    cgroupDriver: 'cgroupfs',
    proxy: { mode: 'nftables' },
    // The disk of the computer the test runs on may be nearly full, and that is nothing to a machine on it.
    protection: { evictionHard: { 'memory.available': '100Mi' } },
  };
  return readCluster([
    { apiVersion, kind: 'KubeCluster', metadata: { name: 'duo' }, spec: cluster },
    ...machines.map(({ name, ip, ssh }) => ({
      apiVersion,
      kind: 'KubeMachine',
      metadata: { name },
      spec: {
        clusterName: 'duo',
        role: 'control-plane',
        host: ip,
        user: ssh.user,
        hostKeys: [ssh.hostKey],
        credentialRef: { name: 'ssh' },
        // Something must run CoreDNS.
        taints: [],
      },
    })),
  ]).spec;
}
