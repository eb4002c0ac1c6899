import { z } from 'zod';
import { rules } from './rules.ts';

/** A cluster's name, or its alias (annotation hansa.dev/alias), which may have capitals. */
export const clusterNamePattern = '^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$';

export function clusterName(description: string): z.ZodString {
  return z
    .string()
    .max(253)
    .meta({
      description,
      ...rules({
        rule: `self.matches('${clusterNamePattern}')`,
        message:
          'must be the name of a KubeFedCluster or its alias: letters, digits, "-", "_" and ".", with a letter or digit first and last',
      }),
    });
}
