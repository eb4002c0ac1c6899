import type { JsonObject } from '../../../../src/base/index.ts';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';
import type { ClusterKey, WholeCluster } from '../../../../src/provision/store/index.ts';
import { record } from '../store/builders.ts';

export interface KeptParts {
  readonly machines?: readonly string[];
  readonly secrets?: WholeCluster['secrets'];
  readonly journal?: readonly JournalRecord[];
  readonly spec?: JsonObject;
  readonly machineSpec?: JsonObject;
  readonly credential?: Readonly<Record<string, string>>;
  readonly ca?: string;
}

/** A cluster as a state file keeps it after it was made: objects, Secrets, and the journal of two runs. */
export function keptCluster(
  key: ClusterKey,
  {
    machines = ['m1', 'm2'],
    secrets = {},
    journal = twoRuns,
    spec = {},
    machineSpec = {},
    credential = { 'ssh-privatekey': 'SECRET-OF-SSH' },
    ca = `CA of ${key.name}`,
  }: KeptParts = {},
): WholeCluster {
  const { name, namespace } = key;
  return {
    ...key,
    objects: [
      {
        apiVersion: 'provision.hansa.dev/v1alpha1',
        kind: 'KubeCluster',
        metadata: { name, namespace, labels: { team: 'shop' } },
        spec: {
          version: '1.36.3',
          controlPlaneEndpoint: { host: '192.0.2.10' },
          machineDefaults: { user: 'ops', credentialRef: { name: `${name}-ssh` } },
          ...spec,
        },
      },
      ...machines.map((machine, index) => ({
        apiVersion: 'provision.hansa.dev/v1alpha1',
        kind: 'KubeMachine',
        metadata: { name: `${name}-${machine}`, namespace },
        spec: {
          clusterName: name,
          role: index === 0 ? 'control-plane' : 'worker',
          host: `192.0.2.${index + 1}`,
          internalAddress: `10.0.0.${index + 1}`,
          hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKbXbXHdtxOQXzlKJ6Zxx6d1Ff2y3zBkvgKQXKw3fN'],
          ...machineSpec,
        },
      })),
    ],
    journal,
    secrets: {
      [`${name}-ssh`]: credential,
      [`${name}-ca`]: { 'tls.crt': ca, 'tls.key': 'SECRET-OF-CA' },
      [`${name}-kubeconfig`]: { value: 'SECRET-OF-ADMIN' },
      ...secrets,
    },
  };
}

/** The second has a name that no object could have. */
const twoRuns: readonly JournalRecord[] = [
  record({ operation: 'create-1', step: 'm1/init-control-plane', event: 'intent', evidence: { node: 'm1' } }),
  record({ operation: 'create-1', step: 'm1/init-control-plane', event: 'started' }),
  record({ operation: 'create-1', step: 'm1/init-control-plane', event: 'done' }),
  record({ operation: 'apply-2026-01-01T00:00:00.000Z', step: 'm2/join-worker', event: 'started' }),
  record({
    operation: 'apply-2026-01-01T00:00:00.000Z',
    step: 'm2/join-worker',
    event: 'failed',
    message: 'no answer',
  }),
];
