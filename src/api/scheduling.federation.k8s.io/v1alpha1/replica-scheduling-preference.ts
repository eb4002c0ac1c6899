import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import {
  preferenceColumns,
  preferenceSpecFields,
  preferenceStatus,
} from '../../shared/replica-scheduling-preference.ts';

export const legacyReplicaSchedulingPreferenceSchema = z.object({
  spec: z.object(preferenceSpecFields).meta({ description: 'How the replicas shall be spread.' }),
  status: z.exactOptional(preferenceStatus),
});

export const legacyReplicaSchedulingPreference: ServedKind = {
  address: {
    group: 'scheduling.federation.k8s.io',
    version: 'v1alpha1',
    kind: 'ReplicaSchedulingPreference',
    plural: 'replicaschedulingpreferences',
    namespaced: true,
  },
  // `rsp` belongs to scheduling.kubefed.io: two kinds of one short name make kubectl pick one of them.
  shortNames: [],
  categories: ['federated'],
  description:
    'The shape of 2019: spreads the replicas of the FederatedDeployment of the same name and namespace (in either group) over clusters. Served for the YAML that guides teach; new objects belong in scheduling.kubefed.io/v1alpha1.',
  unapprovedBecause: 'the group of the retired KubeFed project, served so that its YAML keeps working',
  schema: legacyReplicaSchedulingPreferenceSchema,
  columns: preferenceColumns,
  example: `apiVersion: scheduling.federation.k8s.io/v1alpha1
kind: ReplicaSchedulingPreference
metadata:
  name: test-deployment
  namespace: test-ns
spec:
  targetKind: FederatedDeployment
  totalReplicas: 9
  clusters:
    A:
      weight: 1
    B:
      weight: 2
`,
};
