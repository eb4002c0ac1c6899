import { z } from 'zod';
import type { FederatedKind } from '../federated-kinds.ts';

/** A field for kinds that have `spec.replicas` only. */
export function retainReplicas({ hasReplicas }: FederatedKind) {
  return hasReplicas ? { retainReplicas: z.exactOptional(retain) } : {};
}

const retain = z.boolean().meta({
  description:
    'Leaves `spec.replicas` of an existing object to the cluster, such as to its HorizontalPodAutoscaler.',
});
