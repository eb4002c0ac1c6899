import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import {
  preferenceColumns,
  preferenceSpecFields,
  preferenceStatus,
} from '../../shared/replica-scheduling-preference.ts';

export const replicaSchedulingPreferenceSchema = z.object({
  spec: z
    .object({
      ...preferenceSpecFields,
      intersectWithClusterSelector: z.exactOptional(
        z.boolean().meta({
          description:
            "Whether only clusters count that the target and its FederatedNamespace select by label. Absent means every ready cluster, and the target's placement is written.",
        }),
      ),
    })
    .meta({ description: 'How the replicas shall be spread.' }),
  status: z.exactOptional(preferenceStatus),
});

export const replicaSchedulingPreference: ServedKind = {
  address: {
    group: 'scheduling.kubefed.io',
    version: 'v1alpha1',
    kind: 'ReplicaSchedulingPreference',
    plural: 'replicaschedulingpreferences',
    namespaced: true,
  },
  shortNames: ['rsp'],
  categories: ['federated'],
  description:
    'Spreads the replicas of the federated object of the same name and namespace over clusters by weight, minimum and maximum.',
  schema: replicaSchedulingPreferenceSchema,
  columns: preferenceColumns,
  example: `apiVersion: scheduling.kubefed.io/v1alpha1
kind: ReplicaSchedulingPreference
metadata:
  name: web
  namespace: shop
spec:
  targetKind: FederatedDeployment
  totalReplicas: 9
  clusters:
    cluster1: { weight: 2, minReplicas: 1 }
    "*": { weight: 1 }
`,
};
