import type { ClusterSpec } from './cluster-spec.ts';
import type { Observed } from './facts.ts';
import type { Plan, Refusal } from './steps.ts';

/** A backup now: a snapshot of etcd, brought to the target of the spec with PKI and configuration. `purpose` says what for. */
export function planBackup(spec: ClusterSpec, { cluster }: Observed, purpose: string): Plan {
  if (cluster.kind !== 'up') return { steps: [], refusals: [notUp(spec, cluster.kind)], warnings: [] };
  return {
    steps: [
      {
        id: 'cluster/snapshot-etcd',
        kind: 'snapshot-etcd',
        machine: undefined,
        title: 'take a snapshot of etcd',
        reason: purpose,
        needs: [],
        inputs: { purpose },
        exclusive: 'etcd',
        isPointOfNoReturn: false,
        isDestructive: false,
      },
    ],
    refusals: [],
    warnings: spec.backup ? [] : [noTarget],
  };
}

function notUp({ name }: ClusterSpec, kind: 'absent' | 'down'): Refusal {
  return {
    reason: 'ClusterNotUp',
    machine: undefined,
    field: undefined,
    message:
      kind === 'absent'
        ? `cluster ${name} does not exist yet: there is nothing to back up`
        : `no API server of cluster ${name} answers: restore it from an earlier backup, or from what one machine still has`,
  };
}

const noTarget: Refusal = {
  reason: 'BackupStaysOnMachines',
  machine: undefined,
  field: 'spec.backup',
  message:
    'the spec names no place for backups, so the snapshot stays on the control planes, unsealed and without the PKI: set spec.backup to have it elsewhere',
};
