import { z } from 'zod';
import {
  addressOf,
  type FederatedKind,
  type FederatedKindRow,
  federatedGroups,
} from '../../federated-kinds.ts';
import type { ServedKind } from '../../served-kind.ts';
import { clusterName } from '../../shared/cluster-name.ts';
import { eachClusterOnce } from '../../shared/each-cluster-once.ts';
import { federatedAnnotations } from '../../shared/federated-annotations.ts';
import { federatedColumns } from '../../shared/federated-columns.ts';
import { federatedExamples } from '../../shared/federated-examples.ts';
import { federatedStatus } from '../../shared/federated-status.ts';
import { labelSelector } from '../../shared/label-selector.ts';
import { retainReplicas } from '../../shared/retain-replicas.ts';
import { rules } from '../../shared/rules.ts';
import { template } from '../../shared/template.ts';

// As in types.kubefed.io/v1beta1: what the API server's limits on rules allow.
const clustersMax = 5000;
const overridesMax = 2500;
const clusterOverridesMax = 200;
const pathMaxLength = 1024;

const clusterOverride = z
  .object({
    path: z
      .string()
      .min(1)
      .max(pathMaxLength)
      .meta({
        description:
          'The field, its names joined by dots, such as `spec.replicas`. Missing parents are made; lists cannot be entered.',
        ...rules(
          {
            rule: "!self.startsWith('/')",
            message:
              'is dotted in this group, such as spec.replicas: for JSON Pointers use types.kubefed.io/v1beta1',
          },
          {
            rule: "!(self in ['metadata.name', 'metadata.namespace', 'metadata.generateName'])",
            message: 'name and namespace cannot be overridden: make another federated object instead',
          },
        ),
      }),
    value: z.exactOptional(z.unknown().meta({ description: 'The value to set; any JSON.' })),
  })
  .meta({ description: 'One field to set.' });

const override = z
  .object({
    clusterName: clusterName('The cluster that the values are for.'),
    clusterOverrides: z.exactOptional(
      z
        .array(clusterOverride)
        .max(clusterOverridesMax)
        .meta({
          description: 'The values to set. Each path may occur once.',
          // Only so that the API server refuses a path that occurs twice: the list above is atomic.
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['path'],
        }),
    ),
  })
  .meta({ description: 'Changes to the template for one cluster.' });

const placement = z
  .object({
    clusterNames: z.exactOptional(
      z.array(clusterName('Name or alias of a cluster.')).max(clustersMax).meta({
        description:
          'The clusters by name. When present, the selector is not looked at; `[]` selects no cluster.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    clusterSelector: z.exactOptional(
      labelSelector(
        'The clusters by their labels; `{}` selects every cluster. Used while `clusterNames` is absent.',
      ),
    ),
  })
  .meta({ description: 'Which clusters get the object. With neither field, none does.' });

const overrides = z
  .array(override)
  .max(overridesMax)
  .meta({
    description: 'What differs from the template, cluster by cluster, each cluster once.',
    'x-kubernetes-list-type': 'atomic',
    ...rules(eachClusterOnce),
  });

/** The fields of spec that mean the same for every kind. */
export const legacyFederatedFields = {
  placement: z.exactOptional(placement),
  overrides: z.exactOptional(overrides),
};

/** The schema of `types.federation.k8s.io/v1alpha1` for one federated kind. */
function legacyFederatedSchema(row: FederatedKind) {
  return z.object({
    spec: z
      .object({
        template: z.exactOptional(template(row.target)),
        ...legacyFederatedFields,
        ...retainReplicas(row),
      })
      .meta({ description: 'What the members shall hold.' }),
    status: z.exactOptional(federatedStatus(row)),
  });
}

export function legacyFederatedKind(row: FederatedKindRow): ServedKind {
  const { group, version } = federatedGroups.legacy;
  const { template: given, path, value } = federatedExamples[row.federatedKind];
  const name = row.target.kind === 'Namespace' ? 'shop' : 'web';
  return {
    address: addressOf(row, federatedGroups.legacy),
    // The short names belong to types.kubefed.io: two kinds of one short name make kubectl pick one of them.
    shortNames: [],
    categories: ['federated'],
    description: `The shape of 2019 of a ${row.target.kind} in member clusters. Served for the YAML that guides teach; new objects belong in ${federatedGroups.current.group}/${federatedGroups.current.version}.`,
    unapprovedBecause: 'the group of the retired KubeFed project, served so that its YAML keeps working',
    schema: legacyFederatedSchema(row),
    columns: federatedColumns(row),
    annotations: federatedAnnotations,
    example: `apiVersion: ${group}/${version}
kind: ${row.federatedKind}
metadata:
  name: ${name}
  namespace: shop
spec:
${given}  placement:
    clusterNames:
      - cluster1
      - cluster2
  overrides:
    - clusterName: cluster2
      clusterOverrides:
        - path: ${path.join('.')}
          value: ${value}
`,
  };
}
