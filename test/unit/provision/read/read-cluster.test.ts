import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readCluster, readClusters } from '../../../../src/provision/read/index.ts';
import { kubeCluster, kubeMachine, problemsOf, secret } from './builders.ts';

const three = [kubeMachine('m1'), kubeMachine('m2'), kubeMachine('m3')];
const worker = kubeMachine('w9', { role: 'worker' });

describe('the shortest file that makes a cluster', () => {
  const { spec, credentials, warnings, leaving } = readCluster([kubeCluster(), kubeMachine('m1')]);

  it('has every default filled in', () => {
    expect(spec).toEqual({
      name: 'shop',
      namespace: 'default',
      version: '1.36.3',
      network: { pods: ['10.244.0.0/16'], services: ['10.96.0.0/12'], domain: 'cluster.local' },
      endpoint: { mode: 'Direct', host: '10.0.0.1', port: 6443, virtualRouterId: undefined },
      certSANs: [],
      imageRepository: 'registry.k8s.io',
      cgroupDriver: 'systemd',
      etcd: { kind: 'stacked', imageTag: undefined },
      kubeadm: {
        apiServerArgs: [],
        controllerManagerArgs: [],
        schedulerArgs: [],
        etcdArgs: [],
        featureGates: {},
        kubelet: {},
        kubeProxy: {},
        patches: {},
        ignorePreflightErrors: [],
      },
      cni: { kind: 'flannel', backend: 'vxlan', port: undefined },
      proxy: { mode: 'iptables' },
      protection: {
        enabled: true,
        kubeReserved: { cpu: '100m', memory: '256Mi' },
        systemReserved: { cpu: '100m', memory: '256Mi' },
        evictionHard: {
          'memory.available': '500Mi',
          'nodefs.available': '10%',
          'nodefs.inodesFree': '5%',
          'imagefs.available': '15%',
        },
      },
      rollout: {
        maxUnavailable: 1,
        drain: { timeoutMs: 300_000, gracePeriodSeconds: undefined, deleteEmptyDirData: false, force: false },
      },
      certificates: { validityHours: 8760, caValidityHours: 87_600, renewBeforeHours: 720 },
      backup: undefined,
      register: undefined,
      deletionPolicy: 'Orphan',
      paused: false,
      machines: [
        {
          name: 'm1',
          role: 'control-plane',
          ssh: {
            kind: 'ssh2',
            host: '10.0.0.1',
            port: 22,
            user: 'root',
            credential: 'ssh',
            hostKeys: [],
            bastion: undefined,
            insecureIgnoreHostKey: false,
          },
          internalAddress: '10.0.0.1',
          addressSelector: undefined,
          nodeName: 'm1',
          labels: {},
          taints: [],
          kubeletArgs: [],
        },
      ],
    });
  });

  it('names its credential, and gives no cause for warning', () => {
    expect({ credentials, warnings, leaving }).toEqual({ credentials: ['ssh'], warnings: [], leaving: [] });
  });
});

describe('the examples', () => {
  const files = ['examples/provision', 'test/provision/examples'].flatMap((folder) =>
    readdirSync(folder).map((file) => `${folder}/${file}`),
  );
  it.each(files)('%s is in order, warns of nothing and tells what one will see', (file) => {
    const text = readFileSync(file, 'utf8');
    const [cluster] = readClusters(parseAllDocuments(text).map((each) => each.toJS() as unknown));
    expect(cluster?.warnings).toEqual([]);
    expect(cluster?.needs.map(({ name }) => name).toSorted()).toEqual(
      [...(cluster?.secrets.keys() ?? [])].toSorted(),
    );
    expect(text).toMatch(/^# .*\n(#.*\n)*# You will see: /);
  });
});

describe('what follows from the machines', () => {
  it('is a proxy on every machine for several control planes, on a port that no API server has', () => {
    expect(readCluster([kubeCluster(), ...three]).spec.endpoint).toMatchObject({
      mode: 'LocalProxy',
      host: 'api.shop',
      port: 7443,
    });
  });

  it('is a load balancer that others keep where a host is named', () => {
    const named = kubeCluster({ controlPlaneEndpoint: { host: 'api.example.com' } });
    expect(readCluster([named, ...three]).spec.endpoint).toMatchObject({ mode: 'External', port: 6443 });
  });

  it('is taints as kubeadm has them once there is a second machine', () => {
    const { spec } = readCluster([kubeCluster(), kubeMachine('m1'), worker]);
    expect(spec.machines.map(({ taints }) => taints)).toEqual([undefined, undefined]);
  });

  it('leaves out machines that are being deleted, and names them', () => {
    const gone = kubeMachine('m3', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    const read = readCluster([kubeCluster(), kubeMachine('m1'), gone]);
    expect(read.spec.machines.map(({ name }) => name)).toEqual(['m1']);
    expect(read.leaving).toEqual(['m3']);
  });

  it('is an address within the selected network, where SSH does not go there anyway', () => {
    const read = readCluster([
      kubeCluster({
        machineDefaults: { credentialRef: { name: 'ssh' }, addressSelector: { cidr: '10.0.0.0/24' } },
      }),
      ...three,
      kubeMachine('w4', { role: 'worker', host: '203.0.113.4' }),
    ]);
    expect(
      read.spec.machines.map(({ internalAddress, addressSelector }) => internalAddress ?? addressSelector),
    ).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.0/24']);
  });
});

describe('two clusters in one file', () => {
  const other = [kubeCluster({}, { name: 'depot' }), kubeMachine('d5', { clusterName: 'depot' })];

  it('each get their own machines and Secrets', () => {
    const clusters = readClusters([
      kubeCluster(),
      ...other,
      ...three,
      secret('ssh', { 'ssh-privatekey': '-----BEGIN OPENSSH PRIVATE KEY-----\n' }),
      secret('unrelated', { a: 'b' }),
    ]);
    expect(clusters.map(({ spec }) => [spec.name, spec.machines.length])).toEqual([
      ['shop', 3],
      ['depot', 1],
    ]);
    expect(clusters.map(({ secrets }) => [...secrets.keys()])).toEqual([['ssh'], ['ssh']]);
  });

  it('are refused where one is wanted', () => {
    expect(() => readCluster([kubeCluster(), kubeMachine('m1'), ...other])).toThrow(
      'several clusters here (shop, depot)',
    );
  });
});

describe('a Secret in the file', () => {
  it('may have its values in base64, and stringData wins', () => {
    const mixed = {
      ...secret('ssh', { agent: 'true' }),
      data: {
        password: Buffer.from('pässword').toString('base64'),
        agent: Buffer.from('false').toString('base64'),
      },
    };
    expect(readCluster([kubeCluster(), kubeMachine('m1'), mixed]).secrets.get('ssh')).toEqual({
      password: 'pässword',
      agent: 'true',
    });
  });

  it('is never among the objects that are kept', () => {
    const read = readCluster([
      kubeCluster(),
      kubeMachine('m1'),
      secret('ssh', { password: 'hunter2hunter2' }),
    ]);
    expect(JSON.stringify([read.objects, read.spec, read.warnings])).not.toContain('hunter2');
    expect(read.objects).toHaveLength(2);
  });

  it.each<[string, object, string]>([
    [
      'no way to log in',
      { 'sudo-password': 'x' },
      'Secret ssh: data has none of ssh-privatekey, password and agent',
    ],
    [
      'a public key',
      { 'ssh-privatekey': 'ssh-ed25519 AAAA me' },
      'is a public key: the private one is the file without .pub',
    ],
    [
      'something else',
      { 'ssh-privatekey': 'hunter2hunter2' },
      'Secret ssh: data.ssh-privatekey is not a private key',
    ],
    [
      'a number',
      { password: 12345678 },
      'Secret ssh: stringData.password must be a string: put it in quotes',
    ],
  ])('with %s is told so, without a word of what is in it', (_, values, told) => {
    const problems = problemsOf(kubeCluster(), kubeMachine('m1'), secret('ssh', values)).join('\n');
    expect(problems).toContain(told);
    expect(problems).not.toMatch(/hunter2|AAAA|12345678/);
  });
});

const backup = (fields: object) => ({
  backup: {
    target: { directory: { path: '/backups' } },
    encryptionSecretRef: { name: 'backup' },
    ...fields,
  },
});
const dual = (pods: readonly string[], services: readonly string[]) => ({
  clusterNetwork: { pods: { cidrBlocks: pods }, services: { cidrBlocks: services } },
});
const flags = (name: string, value = 'x') => ({ extraArgs: [{ name, value }] });

describe('a cluster is refused with the field and the mend:', () => {
  it.each<[string, object, string]>([
    ['a version without patch', { version: '1.36' }, 'spec.version must be a full version such as 1.36.3'],
    ['a version too old', { version: '1.33.1' }, 'spec.version 1.33.1 is too old: Hansa makes 1.34 to 1.37'],
    ['a version nobody knows', { version: 'v1.38.0' }, 'spec.version 1.38.0 is newer than this Hansa knows'],
    [
      'a slip of the pen',
      { controlPlaneEndpont: {} },
      'spec.controlPlaneEndpont is not a field that Hansa knows',
    ],
    [
      'a slip deep inside',
      { rollout: { drain: { timout: '5m' } } },
      'spec.rollout.drain.timout is not a field',
    ],
    [
      'what is no CIDR',
      dual(['10.244.0.0/33'], ['10.96.0.0/16']),
      'pods.cidrBlocks[0] "10.244.0.0/33" is not a CIDR',
    ],
    [
      'bits behind the prefix',
      dual(['10.244.0.1/16'], ['10.96.0.0/16']),
      'pods.cidrBlocks[0] 10.244.0.1/16 has bits behind its prefix: write 10.244.0.0/16',
    ],
    [
      'Services among pods',
      dual(['10.96.0.0/14'], ['10.96.0.0/16']),
      "services.cidrBlocks 10.96.0.0/16 overlaps the pods' 10.96.0.0/14",
    ],
    [
      'machines among pods',
      dual(['10.0.0.0/16'], ['10.96.0.0/16']),
      'pods.cidrBlocks 10.0.0.0/16 has the address 10.0.0.1 of machine m1',
    ],
    [
      'machines among Services',
      dual(['10.244.0.0/16'], ['10.0.0.0/16']),
      'services.cidrBlocks 10.0.0.0/16 has the address 10.0.0.1 of machine m1',
    ],
    [
      'an endpoint among pods',
      { controlPlaneEndpoint: { host: '10.244.0.9' } },
      'has the address 10.244.0.9 of the endpoint',
    ],
    [
      'two networks of one family',
      dual(['10.1.0.0/16', '10.2.0.0/16'], ['10.96.0.0/16', 'fd00:1::/112']),
      'pods.cidrBlocks has two networks of one family',
    ],
    [
      'families that differ',
      dual(['10.244.0.0/16', 'fd00::/56'], ['10.96.0.0/16']),
      'services.cidrBlocks has IPv4, and the pods have IPv4, IPv6',
    ],
    [
      'Services of another family than the machines',
      dual(['fd00::/56'], ['fd00:1::/112']),
      'KubeMachine m1: spec.internalAddress 10.0.0.1 is IPv4, and the first network of the services is IPv6',
    ],
    [
      'pods without room for a Node',
      dual(['10.244.0.0/25'], ['10.96.0.0/16']),
      'pods.cidrBlocks a /25 is too small: each Node takes a /24',
    ],
    [
      'pods beyond what can be divided',
      dual(['fd00::/40', '10.244.0.0/16'], ['fd00:1::/112', '10.96.0.0/16']),
      'pods.cidrBlocks a /40 is too large',
    ],
    [
      'Services beyond what an API server takes',
      dual(['10.244.0.0/16'], ['16.0.0.0/8']),
      'services.cidrBlocks a /8 is too large: API servers take at most a /12',
    ],
    [
      'Services without room for DNS',
      dual(['10.244.0.0/16'], ['10.96.0.0/29']),
      'services.cidrBlocks a /29 is too small',
    ],
    [
      'Keepalived without an address',
      { endpointMode: 'Keepalived', keepalived: { virtualRouterId: 7 } },
      'spec.controlPlaneEndpoint.host is missing: Keepalived needs a free address',
    ],
    [
      'Keepalived without a number',
      { endpointMode: 'Keepalived', controlPlaneEndpoint: { host: '10.0.0.100' } },
      'spec.keepalived.virtualRouterId is missing',
    ],
    [
      'Keepalived on an address that is taken',
      {
        endpointMode: 'Keepalived',
        keepalived: { virtualRouterId: 7 },
        controlPlaneEndpoint: { host: '10.0.0.1' },
      },
      '10.0.0.1 is the address of m1: choose one that no machine has',
    ],
    [
      'keepalived without Keepalived',
      { keepalived: { virtualRouterId: 7 } },
      'spec.keepalived means nothing with Direct',
    ],
    [
      'virtual router 256',
      { endpointMode: 'Keepalived', keepalived: { virtualRouterId: 256 } },
      'spec.keepalived.virtualRouterId must be at most 255',
    ],
    [
      'External without a host',
      { endpointMode: 'External' },
      'spec.controlPlaneEndpoint.host is missing: External needs',
    ],
    [
      'a proxy on the port of the API server',
      { endpointMode: 'LocalProxy', controlPlaneEndpoint: { port: 6443 } },
      'spec.controlPlaneEndpoint.port must not be 6443 with LocalProxy',
    ],
    [
      'a proxy under an address',
      { endpointMode: 'LocalProxy', controlPlaneEndpoint: { host: '10.9.9.9' } },
      'must be a name with LocalProxy',
    ],
    [
      'a SAN with a port',
      { certSANs: ['api.example.com:6443'] },
      'spec.certSANs[0] "api.example.com:6443" must be a DNS name or an address, without a port',
    ],
    [
      'two kinds of etcd',
      { etcd: { stacked: {}, external: { endpoints: ['https://a:2379'], secretRef: { name: 'x' } } } },
      'spec.etcd must have one of stacked, external',
    ],
    ['two CNIs', { cni: { flannel: {}, none: {} } }, 'spec.cni must have one of flannel, manifest, none'],
    ['a manifest that is no YAML', { cni: { manifest: 'a: [' } }, 'spec.cni.manifest is not YAML'],
    [
      'a manifest without objects',
      { cni: { manifest: 'just words' } },
      'spec.cni.manifest must hold Kubernetes objects',
    ],
    [
      'kube-proxy as a static pod',
      { proxy: { mode: 'StaticPod' } },
      'spec.proxy asks for a static pod of kube-proxy, which Hansa runs as a DaemonSet: a static pod can’t use a ServiceAccount',
    ],
    [
      'a patch of kube-proxy',
      { kubeadm: { patches: { 'kube-proxy+merge.yaml': 'x' } } },
      'patches kube-proxy, which Hansa runs as a DaemonSet',
    ],
    [
      'IPVS',
      { proxy: { mode: 'ipvs' } },
      'spec.proxy.mode is ipvs, which Kubernetes has deprecated: take nftables',
    ],
    [
      'a patch that kubeadm would pass over',
      { kubeadm: { patches: { 'apiserver.yaml': 'x' } } },
      'spec.kubeadm.patches["apiserver.yaml"] must be named target[suffix]',
    ],
    [
      'a patch of an unknown type',
      { kubeadm: { patches: { 'etcd+jsonpatch.yaml': 'x' } } },
      'must be named target[suffix]',
    ],
    [
      'a flag that another field decides',
      { kubeadm: { apiServer: flags('advertise-address') } },
      'spec.kubeadm.apiServer.extraArgs[0] sets --advertise-address, which is decided by internalAddress',
    ],
    ['a flag with its dashes', { kubeadm: { scheduler: flags('--v') } }, 'without the dashes before it'],
    [
      'two cgroup drivers',
      { kubeadm: { kubelet: { cgroupDriver: 'cgroupfs' } } },
      'spec.kubeadm.kubelet.cgroupDriver is "cgroupfs", and spec.cgroupDriver is systemd',
    ],
    [
      'a duration in words',
      { rollout: { drain: { timeout: '5 minutes' } } },
      'spec.rollout.drain.timeout must be a duration such as 30s, 5m or 1h30m',
    ],
    [
      'a renewal without end',
      { certificates: { validity: '100h', renewBefore: '100h' } },
      'spec.certificates.renewBefore must be shorter than validity',
    ],
    [
      'a CA that ends first',
      { certificates: { caValidity: '8000h' } },
      'spec.certificates.caValidity must not be shorter',
    ],
    [
      'a schedule with four fields',
      backup({ schedule: '15 */6 * *' }),
      'spec.backup.schedule "15 */6 * *" has 4 fields',
    ],
    ['a schedule at minute 60', backup({ schedule: '60 * * * *' }), 'spec.backup.schedule "60" is no minute'],
    [
      'two targets',
      backup({ target: { directory: { path: '/a' }, s3: { bucket: 'abc', secretRef: { name: 'x' } } } }),
      'spec.backup.target must have exactly one of directory, s3',
    ],
    ['no target', backup({ target: {} }), 'spec.backup.target must have exactly one of directory, s3'],
    [
      'a label that is none',
      { register: { labels: { 'the region': 'eu' } } },
      'spec.register.labels["the region"] must be a label key',
    ],
    [
      'a label value that is none',
      { register: { labels: { region: 'the eu' } } },
      'spec.register.labels.region must be a label value',
    ],
    [
      'an unknown signal',
      { protection: { evictionHard: { memory: '1Gi' } } },
      'spec.protection.evictionHard["memory"] is none of memory.available',
    ],
    ['an amount that is none', { protection: { kubeReserved: { memory: '1 GB' } } }, 'is not a quantity'],
  ])('%s', (_, spec, told) => {
    const problems = problemsOf(kubeCluster(spec), kubeMachine('m1'));
    expect(problems.join('\n')).toContain(told);
    expect(problems.every((problem) => /^Kube(Cluster shop|Machine m1): /.test(problem))).toBe(true);
  });
});

describe('machines are refused with the field and the mend:', () => {
  const one = kubeCluster();
  it.each<[string, readonly object[], string]>([
    ['none at all', [one], 'KubeCluster shop: has no control plane: add a KubeMachine'],
    ['workers alone', [one, worker], 'KubeCluster shop: has no control plane'],
    ['no host', [one, kubeMachine('m1', { host: undefined })], 'KubeMachine m1: spec.host is missing'],
    [
      'a name and no address',
      [one, kubeMachine('m1', { host: 'm1.example.com' })],
      'KubeMachine m1: spec.internalAddress is missing: "m1.example.com" is a name, so set the address',
    ],
    [
      'an address that is none',
      [one, kubeMachine('m1', { internalAddress: '10.0.0.256' })],
      'spec.internalAddress "10.0.0.256" is not an IPv4 or IPv6 address',
    ],
    [
      'a loopback address',
      [one, kubeMachine('m1', { host: '127.0.0.1', port: 2201 })],
      'spec.internalAddress 127.0.0.1 (in 127.0.0.0/8) can’t be reached from other machines',
    ],
    [
      'both ways to an address',
      [one, kubeMachine('m1', { internalAddress: '10.0.0.1', addressSelector: { cidr: '10.0.0.0/8' } })],
      'spec.addressSelector is there beside internalAddress',
    ],
    [
      'a selector that is no CIDR',
      [one, kubeMachine('m1', { addressSelector: { cidr: '10.0.0.0' } })],
      'spec.addressSelector.cidr "10.0.0.0" is not a CIDR',
    ],
    [
      'an unknown address for Direct',
      [one, kubeMachine('m1', { host: 'a.b', addressSelector: { cidr: '10.0.0.0/8' } })],
      'spec.controlPlaneEndpoint.host is missing: the address of the control plane is not known',
    ],
    [
      'Direct with three control planes',
      [kubeCluster({ endpointMode: 'Direct' }), ...three],
      'spec.endpointMode is Direct, and there are 3 control planes',
    ],
    [
      'two of one name',
      [one, kubeMachine('m1'), kubeMachine('m1', { host: '10.0.0.2' })],
      'KubeMachine m1: metadata.name is there twice',
    ],
    [
      'two of one Node',
      [one, kubeMachine('m1'), kubeMachine('m2', { nodeName: 'm1' })],
      'KubeMachine m2: spec.nodeName m1 is that of m1 too',
    ],
    [
      'two at one address',
      [one, kubeMachine('m1'), kubeMachine('m2', { internalAddress: '10.0.0.1' })],
      'KubeMachine m2: spec.internalAddress 10.0.0.1 is that of m1 too',
    ],
    [
      'two behind one door',
      [one, kubeMachine('m1'), kubeMachine('m2', { host: '10.0.0.1', internalAddress: '10.0.0.2' })],
      'KubeMachine m2: spec.host 10.0.0.1:22 is that of m1 too',
    ],
    [
      'a Node name with capitals',
      [one, kubeMachine('m1', { nodeName: 'Master_1' })],
      'spec.nodeName must be lower-case letters',
    ],
    [
      'a Node name too long',
      [one, kubeMachine('m1', { nodeName: 'a'.repeat(64) })],
      'can’t be the name of a Node',
    ],
    [
      'a label key that is none',
      [one, kubeMachine('m1', { labels: { 'a/b/c': 'x' } })],
      'spec.labels["a/b/c"] must be a label key',
    ],
    [
      'a taint without an effect',
      [one, kubeMachine('m1', { taints: [{ key: 'a' }] })],
      'spec.taints[0].effect must be one of "NoSchedule"',
    ],
    [
      'a taint twice',
      [
        one,
        kubeMachine('m1', {
          taints: [
            { key: 'a', effect: 'NoExecute' },
            { key: 'a', value: 'x', effect: 'NoExecute' },
          ],
        }),
      ],
      'spec.taints[1] repeats a:NoExecute',
    ],
    [
      'the pause image as a flag',
      [
        kubeCluster({ version: '1.35.0' }),
        kubeMachine('m1', { kubelet: flags('pod-infra-container-image') }),
      ],
      'spec.kubelet.extraArgs[0] sets --pod-infra-container-image, with which kubelet 1.35.0 does not start',
    ],
    [
      'the address as a flag',
      [one, kubeMachine('m1', { kubelet: flags('node-ip') })],
      'sets --node-ip, which is decided by internalAddress',
    ],
    [
      'no credential',
      [kubeCluster({ machineDefaults: {} }), kubeMachine('m1')],
      'spec.credentialRef is missing: name a Secret',
    ],
    [
      'a role that is none',
      [one, kubeMachine('m1', { role: 'master' })],
      'spec.role must be one of "control-plane", "worker"',
    ],
    [
      'a host with a port',
      [one, kubeMachine('m1', { host: '[fd00::1]:22' })],
      'spec.host must be a host name or an address, without a port',
    ],
    [
      'a fingerprint for a host key',
      [one, kubeMachine('m1', { hostKeys: ['SHA256:abc'] })],
      'spec.hostKeys[0] must be a public host key',
    ],
    [
      'a cluster that is not there',
      [one, kubeMachine('m1'), kubeMachine('m2', { clusterName: 'depot' })],
      'KubeMachine m2: spec.clusterName names the KubeCluster default/depot, which is not there',
    ],
    [
      'an apiVersion of the future',
      [{ ...one, apiVersion: 'provision.hansa.dev/v2' }],
      'KubeCluster shop: apiVersion provision.hansa.dev/v2 is not known to this Hansa: write provision.hansa.dev/v1alpha1',
    ],
    [
      'an object without a name',
      [one, kubeMachine('m1'), { ...worker, metadata: {} }],
      'document 3: metadata.name is missing in this KubeMachine',
    ],
  ])('%s', (_, objects, told) => {
    expect(problemsOf(...objects).join('\n')).toContain(told);
  });

  it('with several slips tell all of them at once', () => {
    const problems = problemsOf(
      kubeCluster({ version: '1.20.0', proxy: { mode: 'iptables' } }),
      kubeMachine('m1', { host: 'a.b' }),
      kubeMachine('m2', { role: 'x' }),
    );
    expect(problems.length).toBeGreaterThanOrEqual(3);
  });
});

describe('what is allowed, and deserves a word', () => {
  const warningsOf = (...objects: readonly object[]) =>
    readCluster(objects).warnings.map(({ object, field, message }) => `${object}: ${field} ${message}`);

  it('is an even number of control planes', () => {
    const [warning] = warningsOf(kubeCluster(), kubeMachine('m1'), kubeMachine('m2'));
    expect(warning).toContain(
      'has 2 control planes: etcd survives the loss of 0 of them, no more than with 1',
    );
    expect(warningsOf(kubeCluster(), ...three)).toEqual([]);
  });

  it('but not over an etcd that others keep', () => {
    const external = { endpoints: ['https://10.9.0.1:2379'], secretRef: { name: 'etcd' } };
    const cluster = kubeCluster({ etcd: { external } });
    expect(warningsOf(cluster, kubeMachine('m1'), kubeMachine('m2'))).toEqual([]);
  });

  it('is a machine whose host key is not looked at', () => {
    const [warning] = warningsOf(kubeCluster(), kubeMachine('m1', { insecureIgnoreHostKey: true }));
    expect(warning).toContain('KubeMachine m1: spec.insecureIgnoreHostKey takes any host key');
  });

  it('is the pause image as a flag before 1.35', () => {
    const old = kubeCluster({ version: '1.34.4' });
    expect(warningsOf(old, kubeMachine('m1', { kubelet: flags('pod-infra-container-image') }))).toHaveLength(
      1,
    );
  });
});

describe('whatever is in a file', () => {
  it('leads to a cluster or to sentences, and never breaks the reader', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('10.0.0.1', '10.0.0.0/8', '1.36.3', 'vxlan', {}, []),
    );
    const names = (
      'version clusterNetwork controlPlaneEndpoint endpointMode etcd kubeadm cni proxy backup certificates ' +
      'machineDefaults host labels taints internalAddress'
    ).split(' ');
    const specFields = fc.dictionary(fc.constantFrom(...names), value);
    fc.assert(
      fc.property(specFields, specFields, value, (cluster, machine, junk) => {
        for (const problem of problemsOf(
          kubeCluster(cluster),
          kubeMachine('m1', machine),
          junk as unknown as object,
        )) {
          expect(problem).toMatch(/\S+ \S+/);
          expect(problem).not.toMatch(/undefined|\[object|Cannot read/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
