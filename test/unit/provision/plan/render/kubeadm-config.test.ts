import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  renderInitConfig,
  renderJoinConfig,
  renderPatches,
} from '../../../../../src/provision/plan/render/kubeadm-config.ts';
import { cacheDirFor } from '../../../../../src/sandbox/index.ts';
import { clusterOf, documentOf, documentsOf, inputFor, server } from './builders.ts';

const ticket = {
  token: 'abcdef.0123456789abcdef',
  caHash: `sha256:${'a'.repeat(64)}`,
  apiServerAddress: '10.0.0.1',
};

describe('the first control plane', () => {
  it('has its endpoint set even when it is alone, since that can not be added later', () => {
    const config = documentOf(renderInitConfig(inputFor(clusterOf())), 'ClusterConfiguration');
    expect(config).toMatchObject({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      clusterName: 'shop',
      kubernetesVersion: 'v1.36.3',
      controlPlaneEndpoint: '10.0.0.1:6443',
      networking: { podSubnet: '10.244.0.0/16', dnsDomain: 'cluster.local' },
    });
  });

  it('answers to every name it could be called by, later control planes included', () => {
    const cluster = clusterOf({ certSANs: ['api.example.com'] }, { controlPlanes: 3 });
    const config = documentOf(renderInitConfig(inputFor(cluster)), 'ClusterConfiguration');
    const names = [
      'api.shop',
      'localhost',
      '127.0.0.1',
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.3',
      'api.example.com',
    ];
    expect((config.apiServer as { certSANs: string[] }).certSANs).toEqual(expect.arrayContaining(names));
  });

  it('is told its address in every place where another card of the machine could be taken', () => {
    const cluster = clusterOf({}, { machine: { host: '192.0.2.7', internalAddress: '10.9.0.7' } });
    const init = documentOf(renderInitConfig(inputFor(cluster)), 'InitConfiguration');
    expect(init.localAPIEndpoint).toEqual({ advertiseAddress: '10.9.0.7', bindPort: 6443 });
    expect(init.nodeRegistration).toMatchObject({
      kubeletExtraArgs: [{ name: 'node-ip', value: '10.9.0.7' }],
    });
    const config = documentOf(renderInitConfig(inputFor(cluster)), 'ClusterConfiguration');
    expect((config.apiServer as { certSANs: string[] }).certSANs).toEqual(
      expect.arrayContaining(['10.9.0.7', '192.0.2.7']),
    );
  });

  it('takes its second address, in a cluster of both families, from the same card', () => {
    const cluster = clusterOf({
      clusterNetwork: {
        pods: { cidrBlocks: ['10.244.0.0/16', 'fd00:1::/56'] },
        services: { cidrBlocks: ['10.96.0.0/16', 'fd00:2::/112'] },
      },
    });
    const facts = server({
      interfaces: [
        { name: 'eth0', mac: undefined, mtu: 1500, addresses: ['198.51.100.1/24', 'fd00:9::1/64'] },
        { name: 'eth1', mac: undefined, mtu: 1500, addresses: ['fe80::1/64', '10.0.0.1/24', 'fd00:8::1/64'] },
      ],
    });
    const init = documentOf(renderInitConfig(inputFor(cluster, { facts })), 'InitConfiguration');
    expect(init.nodeRegistration).toMatchObject({
      kubeletExtraArgs: [{ name: 'node-ip', value: '10.0.0.1,fd00:8::1' }],
    });
  });

  it('never pulls what it has been given, so that a missing image is found at once', () => {
    const policy = (hasImages: boolean) =>
      documentOf(renderInitConfig(inputFor(clusterOf(), { hasImages })), 'InitConfiguration')
        .nodeRegistration;
    expect(policy(true)).toMatchObject({ imagePullPolicy: 'Never' });
    expect(policy(false)).toMatchObject({ imagePullPolicy: 'IfNotPresent' });
  });

  it('carries the taints that are asked for, and kubeadm’s own where none are', () => {
    const registration = (machine: object) => {
      const cluster = clusterOf({}, { controlPlanes: 3, machine });
      return documentOf(renderInitConfig(inputFor(cluster)), 'InitConfiguration').nodeRegistration;
    };
    expect(registration({})).not.toHaveProperty('taints');
    expect(registration({ taints: [] })).toMatchObject({ taints: [] });
    expect(registration({ taints: [{ key: 'x', effect: 'NoExecute' }] })).toMatchObject({
      taints: [{ key: 'x', effect: 'NoExecute' }],
    });
    const alone = documentOf(renderInitConfig(inputFor(clusterOf())), 'InitConfiguration');
    expect(alone.nodeRegistration).toMatchObject({ taints: [] });
  });

  it('leaves no token behind that somebody could use tomorrow', () => {
    const init = documentOf(renderInitConfig(inputFor(clusterOf())), 'InitConfiguration');
    expect(init.bootstrapTokens).toEqual([expect.objectContaining({ ttl: '10m0s' })]);
  });
});

describe('flags of the user', () => {
  const kubeadm = {
    apiServer: { extraArgs: [{ name: 'audit-log-path', value: '-' }] },
    etcd: { extraArgs: [{ name: 'quota-backend-bytes', value: '1000000000' }] },
    featureGates: { ControlPlaneKubeletLocalMode: true },
    kubelet: { maxPods: 40, evictionHard: { 'memory.available': '1Gi' } },
    patches: { 'kube-apiserver+merge.yaml': 'metadata: {labels: {tier: front}}\n' },
  };

  it('come in place of Hansa’s own', () => {
    const text = renderInitConfig(
      inputFor(clusterOf({ kubeadm }), { facts: server({ memoryBytes: 2 * 1024 ** 3 }) }),
    );
    expect(documentOf(text, 'ClusterConfiguration')).toMatchObject({
      apiServer: {
        extraArgs: [
          { name: 'max-requests-inflight', value: '200' },
          { name: 'max-mutating-requests-inflight', value: '100' },
          { name: 'audit-log-path', value: '-' },
        ],
      },
      etcd: { local: { extraArgs: [{ name: 'quota-backend-bytes', value: '1000000000' }] } },
      featureGates: { ControlPlaneKubeletLocalMode: true },
    });
    expect(documentOf(text, 'KubeletConfiguration')).toMatchObject({
      maxPods: 40,
      evictionHard: { 'memory.available': '1Gi' },
    });
  });

  it('that are no numbers and no booleans stay texts for a reader of YAML 1.1', () => {
    const args = ['yes', 'on', '0755', '1:30', '1e3', 'null', '~'].map((value) => ({ name: 'x', value }));
    const text = renderInitConfig(inputFor(clusterOf({ kubeadm: { scheduler: { extraArgs: args } } })));
    expect(documentOf(text, 'ClusterConfiguration').scheduler).toEqual({ extraArgs: args });
  });

  it('reach kubeadm as files of its patches directory', () => {
    const input = inputFor(clusterOf({ kubeadm }));
    expect(renderPatches(input)).toEqual(kubeadm.patches);
    expect(documentOf(renderInitConfig(input), 'InitConfiguration').patches).toEqual({
      directory: '/etc/kubernetes/hansa/patches',
    });
  });
});

describe('protection', () => {
  it('reserves for the system and holds only pods to it', () => {
    const kubelet = documentOf(renderInitConfig(inputFor(clusterOf())), 'KubeletConfiguration');
    expect(kubelet).toMatchObject({
      kubeReserved: { cpu: '100m', memory: '256Mi' },
      systemReserved: { cpu: '100m', memory: '256Mi' },
      enforceNodeAllocatable: ['pods'],
      evictionHard: { 'memory.available': '500Mi' },
    });
  });

  it('can be switched off as a whole', () => {
    const text = renderInitConfig(inputFor(clusterOf({ protection: { enabled: false } })));
    expect(documentOf(text, 'KubeletConfiguration')).not.toHaveProperty('kubeReserved');
    expect(documentOf(text, 'ClusterConfiguration')).toMatchObject({
      etcd: { local: { dataDir: '/var/lib/etcd' } },
    });
    expect(text).not.toContain('quota-backend-bytes');
  });
});

describe('a machine with cgroup v1', () => {
  const cgroupV1 = { facts: server({ cgroup: 1 }) };

  it('is let in from 1.35 on, where kubelet and kubeadm would refuse it', () => {
    const text = renderInitConfig(inputFor(clusterOf({ cgroupDriver: 'cgroupfs' }), cgroupV1));
    expect(documentOf(text, 'KubeletConfiguration')).toMatchObject({
      failCgroupV1: false,
      cgroupDriver: 'cgroupfs',
    });
    expect(documentOf(text, 'InitConfiguration').nodeRegistration).toMatchObject({
      ignorePreflightErrors: ['SystemVerification'],
    });
  });

  it('needs nothing of it at 1.34, nor does one with cgroup v2', () => {
    const old = renderInitConfig(inputFor(clusterOf({ version: '1.34.4' }), cgroupV1));
    const modern = renderInitConfig(inputFor(clusterOf()));
    for (const text of [old, modern]) {
      expect(text).not.toContain('failCgroupV1');
      expect(text).not.toContain('SystemVerification');
    }
  });

  it('may join a cluster whose first machine had cgroup v2, by a patch of its own', () => {
    const cluster = clusterOf({}, { workers: 1 });
    const patches = renderPatches(inputFor(cluster, { on: 'm2', ...cgroupV1 }));
    expect(Object.keys(patches)).toEqual(['kubeletconfiguration-hansa+merge.yaml']);
    expect(Object.values(patches)[0]).toContain('failCgroupV1: false');
    const join = renderJoinConfig(inputFor(cluster, { on: 'm2', ...cgroupV1 }), ticket);
    expect(documentOf(join, 'JoinConfiguration')).toHaveProperty('patches');
  });
});

describe('kube-proxy', () => {
  it('has the mode that is asked for', () => {
    const text = renderInitConfig(inputFor(clusterOf({ proxy: { mode: 'nftables' } })));
    expect(documentOf(text, 'KubeProxyConfiguration')).toMatchObject({ mode: 'nftables' });
  });

  it('is left out where another program does its work', () => {
    const text = renderInitConfig(inputFor(clusterOf({ proxy: { mode: 'none' } })));
    expect([...documentsOf(text).keys()]).not.toContain('KubeProxyConfiguration');
    expect(documentOf(text, 'ClusterConfiguration').proxy).toEqual({ disabled: true });
  });

  it('does not touch the connection table of the machine around a container', () => {
    const proxyOn = (isContainer: boolean) =>
      documentOf(
        renderInitConfig(inputFor(clusterOf(), { facts: server({ isContainer }) })),
        'KubeProxyConfiguration',
      );
    expect(proxyOn(true)).toMatchObject({ conntrack: { maxPerCore: 0 } });
    expect(proxyOn(false)).not.toHaveProperty('conntrack');
  });
});

describe('a machine that joins', () => {
  const cluster = clusterOf({}, { controlPlanes: 3, workers: 1 });

  it('goes to a control plane that is well, and takes no other CA', () => {
    const join = documentOf(renderJoinConfig(inputFor(cluster, { on: 'm4' }), ticket), 'JoinConfiguration');
    expect(join.discovery).toEqual({
      bootstrapToken: {
        token: ticket.token,
        apiServerEndpoint: '10.0.0.1:6443',
        caCertHashes: [ticket.caHash],
      },
    });
    expect(join).not.toHaveProperty('controlPlane');
  });

  it('as a control plane announces its own address', () => {
    const join = documentOf(renderJoinConfig(inputFor(cluster, { on: 'm2' }), ticket), 'JoinConfiguration');
    expect(join.controlPlane).toEqual({ localAPIEndpoint: { advertiseAddress: '10.0.0.2', bindPort: 6443 } });
  });
});

describe('an etcd that others keep', () => {
  it('is reached with the files that its Secret was put into', () => {
    const etcd = { external: { endpoints: ['https://10.5.0.1:2379'], secretRef: { name: 'etcd' } } };
    const config = documentOf(renderInitConfig(inputFor(clusterOf({ etcd }))), 'ClusterConfiguration');
    expect(config.etcd).toEqual({
      external: {
        endpoints: ['https://10.5.0.1:2379'],
        caFile: '/etc/kubernetes/pki/etcd/ca.crt',
        certFile: '/etc/kubernetes/pki/apiserver-etcd-client.crt',
        keyFile: '/etc/kubernetes/pki/apiserver-etcd-client.key',
      },
    });
  });
});

/** Those that test machines have been made of on this computer. */
const kubeadms = globSync(join(cacheDirFor(), 'machines', 'bundles', '*', 'bin', 'kubeadm')).filter(
  existsSync,
);

for (const kubeadm of kubeadms) {
  describe(`kubeadm itself (${kubeadm.split('/').at(-3)})`, () => {
    const version = kubeadm.split('/').at(-3)?.split('-')[0] ?? '';
    const rich = {
      version,
      certSANs: ['api.example.com'],
      certificates: { validity: '90m', renewBefore: '30m', caValidity: '8760h' },
      kubeadm: {
        apiServer: { extraArgs: [{ name: 'audit-log-path', value: '-' }] },
        patches: { 'etcd+merge.yaml': 'metadata: {}\n' },
      },
      proxy: { mode: 'nftables' },
    };

    it.each([
      ['a single machine', renderInitConfig(inputFor(clusterOf({ version })))],
      ['three control planes', renderInitConfig(inputFor(clusterOf(rich, { controlPlanes: 3 })))],
      ['no kube-proxy', renderInitConfig(inputFor(clusterOf({ version, proxy: { mode: 'none' } })))],
      [
        'a container with cgroup v1',
        renderInitConfig(
          inputFor(clusterOf({ version }), { facts: server({ cgroup: 1, isContainer: true }) }),
        ),
      ],
      [
        'a control plane that joins',
        renderJoinConfig(inputFor(clusterOf(rich, { controlPlanes: 3 }), { on: 'm2' }), ticket),
      ],
      [
        'a worker that joins',
        renderJoinConfig(inputFor(clusterOf({ version }, { workers: 1 }), { on: 'm2' }), ticket),
      ],
    ])('takes what is rendered for %s', async (_, text) => {
      await expect(validate(kubeadm, text)).resolves.toMatchObject({ stderr: expect.any(String) });
    });

    it('finds an unknown field, so that its consent means something', async () => {
      const text = renderInitConfig(inputFor(clusterOf({ version }))).replace('dnsDomain', 'dnsDomian');
      await expect(validate(kubeadm, text)).rejects.toThrow(/unknown field/);
    });
  });
}

async function validate(kubeadm: string, text: string): Promise<{ readonly stderr: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'hansa-kubeadm-'));
  try {
    const path = join(directory, 'config.yaml');
    await writeFile(path, text);
    return await promisify(execFile)(kubeadm, ['config', 'validate', '--config', path]);
  } finally {
    await rm(directory, { recursive: true });
  }
}
