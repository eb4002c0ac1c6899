import { z } from 'zod';
import type { ServedKind } from '../../served-kind.ts';
import { labelSelector } from '../../shared/label-selector.ts';
import { strategyFields } from './strategy.ts';

const spec = z
  .object({
    appliesTo: z.exactOptional(
      z
        .object({
          kinds: z.exactOptional(
            z.array(z.string().min(1).max(63)).max(100).meta({
              description: 'Federated kinds such as FederatedConfigMap; absent means all.',
              'x-kubernetes-list-type': 'set',
            }),
          ),
          selector: z.exactOptional(
            labelSelector('Labels of the federated objects; absent or `{}` means all.'),
          ),
        })
        .meta({
          description:
            'Federated objects of the same namespace that are rolled out this way without naming the policy. Absent: only those that name it in spec.rollout.policy.',
        }),
    ),
    ...strategyFields,
  })
  .meta({ description: 'How changes of federated objects go through the clusters.' });

export const rolloutPolicySchema = z.object({ spec });
export type RolloutPolicySpec = z.infer<typeof spec>;

export const rolloutPolicyAddress = {
  group: 'rollout.hansa.dev',
  version: 'v1alpha1',
  kind: 'RolloutPolicy',
  plural: 'rolloutpolicies',
  namespaced: true,
} as const;

export const rolloutPolicy: ServedKind = {
  address: rolloutPolicyAddress,
  shortNames: ['hrp'],
  categories: ['hansa'],
  description:
    'How changes of federated objects go through the clusters: for those that name it in `spec.rollout.policy`, and for those it selects. Hansa makes a Rollout for each, with the name `<kind>-<name>`.',
  schema: rolloutPolicySchema,
  columns: [
    {
      name: 'Mode',
      type: 'string',
      jsonPath: '.spec.mode',
      description: 'How two revisions exist in one cluster',
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Since when it exists',
    },
  ],
  example: `apiVersion: rollout.hansa.dev/v1alpha1
kind: RolloutPolicy
metadata:
  name: careful
  namespace: shop
spec:
  appliesTo:
    kinds: [FederatedConfigMap]
  waves:
    - name: canary
      clusterSelector: {matchLabels: {canary: "true"}}
      soak: 10m
    - name: rest
      clusterSelector: {}
  failurePolicy: AbortAll
`,
};
