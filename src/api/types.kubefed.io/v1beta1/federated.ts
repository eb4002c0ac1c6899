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
import { type CelRule, rules } from '../../shared/rules.ts';
import { template } from '../../shared/template.ts';

// The bounds keep the estimated cost of each rule below under the API server's limit of 10 million;
// an object of that size is far beyond what etcd stores.
const clustersMax = 5000;
const overridesMax = 2500;
const clusterOverridesMax = 200;
const pathMaxLength = 1024;

const pathRules: readonly CelRule[] = [
  {
    rule: "self == '' || self.startsWith('/')",
    message: 'must be a JSON Pointer that starts with "/", such as /spec/replicas',
  },
  {
    rule: "!(self in ['/kind', '/metadata/name', '/metadata/namespace', '/metadata/generateName'])",
    message: 'kind, name and namespace cannot be overridden: make another federated object instead',
  },
];

const clusterOverride = z
  .object({
    op: z.exactOptional(
      z.enum(['', 'add', 'remove', 'replace']).meta({
        description:
          'What to do at the path. Absent means `replace`, which also sets an absent member of a map.',
      }),
    ),
    path: z
      .string()
      .max(pathMaxLength)
      .meta({
        description:
          'JSON Pointer into the template, such as `/spec/replicas`; `~1` stands for a "/" and `~0` for a "~" in a key. `/-` at the end of a list appends.',
        ...rules(...pathRules),
      }),
    value: z.exactOptional(z.unknown().meta({ description: 'The value to put there; any JSON.' })),
  })
  .meta({ description: 'One change to the template.' });

const override = z
  .object({
    clusterName: z.exactOptional(clusterName('The cluster that the changes are for.')),
    clusterSelector: z.exactOptional(
      labelSelector(
        'The clusters that the changes are for, by their labels, instead of one by name. Entries apply in the order of the list.',
      ),
    ),
    clusterOverrides: z.exactOptional(
      z
        .array(clusterOverride)
        .max(clusterOverridesMax)
        .meta({
          description: 'The changes, applied in order. Each path may occur once.',
          // Only so that the API server refuses a path that occurs twice: the list above is atomic.
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['path'],
        }),
    ),
  })
  .meta({
    description: 'Changes to the template for some clusters.',
    ...rules({
      rule: 'has(self.clusterName) != has(self.clusterSelector)',
      message: 'set either clusterName or clusterSelector',
    }),
  });

const placement = z
  .object({
    clusters: z.exactOptional(
      z
        .array(
          z
            .object({ name: clusterName('Name or alias of a cluster.') })
            .meta({ description: 'A cluster by name.' }),
        )
        .max(clustersMax)
        .meta({
          description:
            'The clusters by name. When present, the selector is not looked at; `[]` selects no cluster.',
          'x-kubernetes-list-type': 'atomic',
        }),
    ),
    clusterSelector: z.exactOptional(
      labelSelector(
        'The clusters by their labels; `{}` selects every cluster. Used while `clusters` is absent.',
      ),
    ),
  })
  .meta({ description: 'Which clusters get the object. With neither field, none does.' });

const overrides = z
  .array(override)
  .max(overridesMax)
  .meta({
    description:
      'What differs from the template, cluster by cluster. A cluster may be named in one entry only.',
    'x-kubernetes-list-type': 'atomic',
    ...rules(eachClusterOnce),
  });

const rollout = z
  .object({
    policy: z
      .string()
      .min(1)
      .max(253)
      .meta({ description: 'Name of a RolloutPolicy in the same namespace.' }),
  })
  .meta({
    description:
      'How a change of template or overrides goes through the clusters: by the waves of a RolloutPolicy. Absent: to all at once, unless a policy or a Rollout selects this object.',
  });

/** The fields of spec that mean the same for every kind. */
export const federatedFields = {
  placement: z.exactOptional(placement),
  overrides: z.exactOptional(overrides),
  rollout: z.exactOptional(rollout),
};

/** The schema of `types.kubefed.io/v1beta1` for one federated kind. */
function federatedSchema(row: FederatedKind) {
  return z.object({
    spec: z
      .object({
        template: z.exactOptional(template(row.target)),
        ...(row.target.namespaced
          ? federatedFields
          : { placement: federatedFields.placement, overrides: federatedFields.overrides }),
        ...retainReplicas(row),
      })
      .meta({ description: 'What the members shall hold.' }),
    status: z.exactOptional(federatedStatus(row)),
  });
}

export function federatedKind(row: FederatedKindRow): ServedKind {
  const { template: given, path, value } = federatedExamples[row.federatedKind];
  const name = row.target.kind === 'Namespace' ? 'shop' : 'web';
  return {
    address: addressOf(row, federatedGroups.current),
    shortNames: row.shortNames,
    categories: ['federated'],
    description:
      row.target.kind === 'Namespace'
        ? 'A Namespace in member clusters. It must have the name of the namespace it is in, and it limits the clusters of every federated object there.'
        : `A ${row.target.kind} in member clusters: the template, where it goes, and what differs from cluster to cluster.`,
    schema: federatedSchema(row),
    columns: federatedColumns(row),
    annotations: federatedAnnotations,
    example: `apiVersion: ${federatedGroups.current.group}/${federatedGroups.current.version}
kind: ${row.federatedKind}
metadata:
  name: ${name}
  namespace: shop
spec:
${given}  placement:
    clusters:
      - name: cluster1
      - name: cluster2
  overrides:
    - clusterName: cluster2
      clusterOverrides:
        - path: /${path.join('/')}
          value: ${value}
`,
  };
}
