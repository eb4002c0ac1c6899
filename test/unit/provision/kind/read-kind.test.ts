import { describe, expect, it } from 'vitest';
import { InvalidClusterError, readCluster } from '../../../../src/provision/read/index.ts';

const cluster = (spec: Readonly<Record<string, unknown>>, name = 'dev') => ({
  apiVersion: 'provision.hansa.dev/v1alpha1',
  kind: 'KubeCluster',
  metadata: { name },
  spec: { version: '1.36.3', provider: { kind: {} }, ...spec },
});

function problemsOf(...objects: readonly unknown[]): readonly string[] {
  try {
    readCluster(objects);
    return [];
  } catch (error) {
    if (error instanceof InvalidClusterError) return error.problems.map(({ field }) => field);
    throw error;
  }
}

describe('a KubeCluster for kind', () => {
  it('needs no machines and no Secrets, and goes with its containers by default', () => {
    const { spec, kind, needs } = readCluster([cluster({})]);
    expect({ machines: spec.machines, policy: spec.deletionPolicy, needs }).toEqual({
      machines: [],
      policy: 'Reset',
      needs: [],
    });
    expect(kind).toMatchObject({
      nodeImage: 'kindest/node:v1.36.3',
      controlPlanes: 1,
      workers: 0,
      cni: 'kindnet',
    });
  });

  it('is no cluster of kind without its provider', () => {
    expect(problemsOf(cluster({ provider: undefined }))).not.toEqual([]);
  });

  it.each([
    ['endpointMode', { endpointMode: 'LocalProxy' }],
    ['kubeadm', { kubeadm: { kubelet: { maxPods: 20 } } }],
    ['etcd', { etcd: { stacked: {} } }],
    ['certSANs', { certSANs: ['api.example.com'] }],
    ['machineDefaults', { machineDefaults: { user: 'ops' } }],
    ['bundle', { bundle: { path: '/srv/bundle' } }],
    ['cni.flannel', { cni: { flannel: {} } }],
    ['controlPlaneEndpoint.host', { controlPlaneEndpoint: { host: 'api.example.com' } }],
    ['clusterNetwork.serviceDomain', { clusterNetwork: { serviceDomain: 'shop.example' } }],
    ['provider.kind.worker', { provider: { kind: { worker: 1 } } }],
    ['provider.kind.controlPlanes', { provider: { kind: { controlPlanes: 0 } } }],
  ])('refuses %s by its name', (field, spec) => {
    expect(problemsOf(cluster(spec))).toContain(`spec.${field}`);
  });

  it('refuses KubeMachines that name it', () => {
    const machine = {
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeMachine',
      metadata: { name: 'm1' },
      spec: { clusterName: 'dev', role: 'worker', host: '192.0.2.1' },
    };
    expect(problemsOf(cluster({}), machine)).toContain('spec.clusterName');
  });
});
