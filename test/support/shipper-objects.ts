import type { JsonObject } from '../../src/base/index.ts';
import type { KubeObject } from '../../src/kube/index.ts';

/** The Application that guides to Shipper teach. */
export function superServer(repoUrl = 'https://charts.example.com'): KubeObject {
  return shipperObject('Application', 'super-server', {
    revisionHistoryLimit: 3,
    template: environment(repoUrl),
  });
}

/** The environment of that Application. */
export function environment(repoUrl = 'https://charts.example.com'): JsonObject {
  return {
    chart: { name: 'nginx', version: '0.0.1', repoUrl },
    clusterRequirements: { regions: [{ name: 'local' }] },
    strategy: {
      steps: [
        {
          name: 'staging',
          capacity: { incumbent: 100, contender: 1 },
          traffic: { incumbent: 100, contender: 0 },
        },
        {
          name: 'full on',
          capacity: { incumbent: 0, contender: 100 },
          traffic: { incumbent: 0, contender: 100 },
        },
      ],
    },
    values: { replicaCount: 3 },
  };
}

export function shipperObject(kind: string, name: string, spec: JsonObject): KubeObject {
  return {
    apiVersion: 'shipper.booking.com/v1alpha1',
    kind,
    metadata: { name, ...(kind === 'Cluster' ? {} : { namespace: 'default' }) },
    spec,
  };
}
