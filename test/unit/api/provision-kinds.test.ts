import { describe, expect, it } from 'vitest';
import { etcdBackupSchema } from '../../../src/api/provision.hansa.dev/v1alpha1/etcd-backup.ts';
import { kubeClusterSchema } from '../../../src/api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { kubeMachineSchema } from '../../../src/api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { kubeOperationSchema } from '../../../src/api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { provisionKinds, servedKinds } from '../../../src/api/served-kinds.ts';

const kinds = provisionKinds;

describe('the kinds of provisioning', () => {
  it('have short names that are not those of Cluster API or of other kinds here', () => {
    expect(kinds.map(({ address, shortNames }) => [address.kind, address.plural, ...shortNames])).toEqual([
      ['KubeCluster', 'kubeclusters', 'kcl'],
      ['KubeMachine', 'kubemachines', 'kma'],
      ['KubeOperation', 'kubeoperations', 'kop'],
      ['EtcdBackup', 'etcdbackups', 'ebk'],
    ]);
    const all = servedKinds
      .filter(({ address }) => address.group !== 'provision.hansa.dev')
      .flatMap(({ address, shortNames }) => [address.plural, address.kind.toLowerCase(), ...shortNames]);
    const clusterApi = ['cl', 'ma', 'machine', 'cluster', 'md', 'ms', 'mhc', 'kcp'];
    const own = kinds.flatMap(({ shortNames }) => shortNames);
    expect(own.filter((name) => all.includes(name) || clusterApi.includes(name))).toEqual([]);
  });

  it('are namespaced and in both categories', () => {
    for (const { address, categories } of kinds) {
      expect(address.namespaced).toBe(true);
      expect(categories).toEqual(['hansa', 'provision']);
    }
  });

  it.each([
    ['KubeCluster', ['Phase', 'Version', 'Control Planes', 'Workers', 'Backup', 'Age']],
    ['KubeMachine', ['Cluster', 'Role', 'Host', 'Phase', 'Node', 'Version', 'Age']],
    ['KubeOperation', ['Cluster', 'Type', 'Phase', 'Approved', 'Message', 'Age']],
    ['EtcdBackup', ['Cluster', 'Trigger', 'Phase', 'Revision', 'Bytes', 'Taken']],
  ])('show the columns of %s that fit a terminal', (kind, names) => {
    const served = kinds.find(({ address }) => address.kind === kind);
    expect(served?.columns.filter(({ wide }) => !wide).map(({ name }) => name)).toEqual(names);
  });

  it('say of each condition what it means', () => {
    const text = JSON.stringify(kinds.map(({ schema }) => schema.toJSONSchema()));
    for (const type of [
      'EtcdClusterHealthy',
      'BackupRecent',
      'HostKeyVerified',
      'EtcdMemberHealthy',
      'Approved',
    ]) {
      expect(text).toContain(`\`${type}\` (`);
    }
  });
});

const wrong = (schema: typeof kubeClusterSchema | typeof kubeMachineSchema, spec: object) =>
  schema.safeParse({ spec }).error?.issues.map(({ path }) => path.join('.'));

describe('a schema', () => {
  it.each([
    [{ version: '1.36' }, 'spec.version'],
    [{ version: '1.36.3', imageRepository: 'https://registry.example.com' }, 'spec.imageRepository'],
    [{ version: '1.36.3', controlPlaneEndpoint: { port: 70_000 } }, 'spec.controlPlaneEndpoint.port'],
    [{ version: '1.36.3', rollout: { maxUnavailable: 0 } }, 'spec.rollout.maxUnavailable'],
    [{ version: '1.36.3', cni: { flannel: { backend: 'udp' } } }, 'spec.cni.flannel.backend'],
    [{ version: '1.36.3', deletionPolicy: 'Delete' }, 'spec.deletionPolicy'],
  ])('of KubeCluster refuses %j', (spec, field) => {
    expect(wrong(kubeClusterSchema, spec)).toEqual([field]);
  });

  const machine = { clusterName: 'shop', role: 'worker', host: '10.0.0.1' };
  it.each([
    [{ ...machine, user: 'Root User' }, 'spec.user'],
    [{ ...machine, host: 'user@host' }, 'spec.host'],
    [{ ...machine, clusterName: 'a.b' }, 'spec.clusterName'],
    [{ ...machine, bastion: { port: 22 } }, 'spec.bastion.host'],
  ])('of KubeMachine refuses %j', (spec, field) => {
    expect(wrong(kubeMachineSchema, spec)).toEqual([field]);
  });

  it('takes each host key as ssh-keyscan prints it', () => {
    const hostKeys = [
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb+/0==',
      'ecdsa-sha2-nistp256 AAAAE2VjZHNh comment',
      'ssh-rsa AAAAB3NzaC1yc2E=',
      'sk-ssh-ed25519@openssh.com AAAAGnNr',
    ];
    expect(wrong(kubeMachineSchema, { ...machine, hostKeys })).toBeUndefined();
  });

  it('of KubeOperation has a place for every kind of journal record', () => {
    const record = {
      at: '2026-01-01T00:00:00Z',
      operation: 'a',
      step: 'm/x',
      attempt: 1,
      inputs: 'h',
      evidence: {},
    };
    const events = ['intent', 'started', 'done', 'failed', 'interrupted', 'undone'];
    const journal = events.map((event) => ({ ...record, event }));
    const parsed = kubeOperationSchema.safeParse({
      spec: { clusterName: 'a', type: 'Apply' },
      status: { journal },
    });
    expect(parsed.data?.status?.journal).toEqual(journal);
  });

  it('of EtcdBackup keeps a revision of 64 bits', () => {
    const { example } = kinds.find(({ address }) => address.kind === 'EtcdBackup') ?? { example: '' };
    expect(example).toContain('revision: "');
    expect(
      etcdBackupSchema.shape.spec.shape.etcd.safeParse({ revision: '18446744073709551615' }).success,
    ).toBe(true);
  });
});
