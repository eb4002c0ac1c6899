import { z } from 'zod';
import type { KindAddress } from '../federated-kinds.ts';
import { rules } from './rules.ts';

/** The object that members get. Its content is for the members to judge; only its kind must be the right one. */
export function template({ group, kind }: KindAddress) {
  return z
    .looseObject({
      apiVersion: z.exactOptional(
        z
          .string()
          .max(317)
          .meta({
            description: `May be left out. If set, a version ${group === '' ? 'of the core group' : `of group ${group}`}.`,
          }),
      ),
      kind: z.exactOptional(
        z
          .string()
          .max(63)
          .meta({ description: `May be left out. If set, it must be ${kind}.` }),
      ),
    })
    .meta({
      description: `The ${kind} that each member gets. Name and namespace are those of this object; labels and annotations come from here.`,
      ...rules(
        {
          rule: `!has(self.kind) || self.kind == '${kind}'`,
          message: `must be ${kind}, or be left out`,
          fieldPath: '.kind',
        },
        {
          rule:
            group === ''
              ? "!has(self.apiVersion) || !self.apiVersion.contains('/')"
              : `!has(self.apiVersion) || self.apiVersion.startsWith('${group}/')`,
          message: `must be a version ${group === '' ? 'of the core group, such as v1' : `of group ${group}, such as ${group}/v1`}, or be left out`,
          fieldPath: '.apiVersion',
        },
      ),
    });
}
