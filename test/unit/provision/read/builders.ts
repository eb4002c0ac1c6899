import { type InvalidClusterError, readClusters } from '../../../../src/provision/read/index.ts';

export function kubeCluster(spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: 'KubeCluster',
    metadata: { name: 'shop', ...metadata },
    spec: { version: '1.36.3', machineDefaults: { credentialRef: { name: 'ssh' } }, ...spec },
  };
}

export function kubeMachine(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: 'KubeMachine',
    metadata: { name, ...metadata },
    spec: { clusterName: 'shop', role: 'control-plane', host: `10.0.0.${hostNumber(name)}`, ...spec },
  };
}

export function secret(name: string, stringData: object, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, ...metadata }, stringData };
}

/** Every problem of these objects, one line each; empty when they are in order. */
export function problemsOf(...objects: readonly object[]): readonly string[] {
  try {
    readClusters(objects);
    return [];
  } catch (error) {
    return (error as InvalidClusterError).message.split('\n');
  }
}

function hostNumber(name: string): number {
  return Number(/[0-9]+$/.exec(name)?.[0] ?? 1);
}
