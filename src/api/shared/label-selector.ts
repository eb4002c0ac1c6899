import { z } from 'zod';
import { rules } from './rules.ts';

const labelKey = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

// Patterns rather than CEL: a selector may stand in each of a thousand overrides, and a pattern costs nothing there.
const value = (description: string) =>
  z
    .string()
    .max(63)
    .regex(
      labelValue,
      'must be a label value: letters, digits, "-", "_" and ".", a letter or digit first and last',
    )
    .meta({ description });

const requirement = z
  .object({
    key: z
      .string()
      .max(317)
      .regex(labelKey, 'must be a label key such as region or example.com/tier')
      .meta({ description: 'Label of the cluster.' }),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).meta({
      description: 'How the label is compared.',
    }),
    values: z.exactOptional(
      z
        .array(value('A value the label may have.'))
        .max(100)
        .meta({ description: 'Values to compare with; for In and NotIn only.' }),
    ),
  })
  .meta({
    description: 'One demand on one label.',
    ...rules(
      {
        rule: "!(self.operator in ['In', 'NotIn']) || (has(self.values) && self.values.size() > 0)",
        message: 'must list at least one value with operator In or NotIn',
        fieldPath: '.values',
      },
      {
        rule: "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || self.values.size() == 0",
        message: 'must be left out with operator Exists or DoesNotExist',
        fieldPath: '.values',
      },
    ),
  });

/** Kubernetes' LabelSelector over the labels of the KubeFedCluster objects. `{}` selects every cluster. */
export function labelSelector(description: string) {
  return z
    .object({
      matchLabels: z.exactOptional(
        z.record(z.string(), value('The value the label must have.')).meta({
          description: 'Labels and values that the cluster must have, all of them.',
          maxProperties: 100,
        }),
      ),
      matchExpressions: z.exactOptional(
        z
          .array(requirement)
          .max(100)
          .meta({ description: 'Demands that the cluster must meet, all of them.' }),
      ),
    })
    .meta({ description });
}

export type LabelSelector = z.infer<ReturnType<typeof labelSelector>>;
