import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  type ArgsChange,
  configurationWith,
  differencesIn,
  hasChange,
  manifestWith,
} from '../../../../src/provision/steps/manifest-args.ts';

const etcdManifest = `apiVersion: v1
kind: Pod
metadata:
  name: etcd
spec:
  containers:
  - command:
    - etcd
    - --name=m1
    - --initial-cluster=m1=https://10.0.0.1:2380,m2=https://10.0.0.2:2380
    - --quota-backend-bytes=2147483648
    image: registry.k8s.io/etcd:3.6.8-0
    name: etcd
`;

const etcdQuota: ArgsChange = {
  pod: 'etcd',
  set: [{ name: 'quota-backend-bytes', value: '4294967296' }],
  removed: [],
};

function commandOf(manifest: string): readonly string[] {
  const pod = parse(manifest) as { spec: { containers: { command: string[] }[] } };
  return pod.spec.containers[0]?.command ?? [];
}

describe('the arguments of etcd', () => {
  it('are changed by hand, and all members stay named in the initial cluster', () => {
    expect(differencesIn(etcdManifest, etcdQuota)).toEqual(['--quota-backend-bytes=4294967296']);
    const changed = manifestWith(etcdManifest, etcdQuota);
    expect(commandOf(changed)).toEqual([
      'etcd',
      '--name=m1',
      '--initial-cluster=m1=https://10.0.0.1:2380,m2=https://10.0.0.2:2380',
      '--quota-backend-bytes=4294967296',
    ]);
    expect(differencesIn(changed, etcdQuota)).toEqual([]);
  });

  it('go when they are taken back', () => {
    const back: ArgsChange = {
      pod: 'etcd',
      set: [],
      removed: [{ name: 'quota-backend-bytes', value: '2147483648' }],
    };
    expect(differencesIn(etcdManifest, back)).toEqual(['no --quota-backend-bytes=2147483648']);
    expect(commandOf(manifestWith(etcdManifest, back))).not.toContain('--quota-backend-bytes=2147483648');
  });
});

describe('kubeadm’s configuration', () => {
  const change: ArgsChange = {
    pod: 'kube-apiserver',
    set: [{ name: 'max-requests-inflight', value: '500' }],
    removed: [{ name: 'profiling', value: 'false' }],
  };
  const before = {
    kind: 'ClusterConfiguration',
    apiServer: {
      certSANs: ['a'],
      extraArgs: [
        { name: 'profiling', value: 'false' },
        { name: 'audit-log-path', value: '-' },
      ],
    },
  };

  it('takes a change and keeps everything else', () => {
    const after = configurationWith(before, change);
    expect(after).toEqual({
      kind: 'ClusterConfiguration',
      apiServer: {
        certSANs: ['a'],
        extraArgs: [
          { name: 'audit-log-path', value: '-' },
          { name: 'max-requests-inflight', value: '500' },
        ],
      },
    });
    expect([hasChange(before, change), hasChange(after, change)]).toEqual([false, true]);
  });

  it('has a removal when the argument was never there', () => {
    expect(
      hasChange(
        { kind: 'ClusterConfiguration' },
        { pod: 'kube-scheduler', set: [], removed: change.removed },
      ),
    ).toBe(true);
  });

  it('leaves an external etcd alone', () => {
    const external = { etcd: { external: { endpoints: ['https://e:2379'] } } };
    expect(configurationWith(external, etcdQuota)).toEqual(external);
  });
});
