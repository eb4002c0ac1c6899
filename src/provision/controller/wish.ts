import { forgetMachineAnnotation } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { hashOf, type Json } from '../../base/index.ts';
import type { ClusterView, MachineView } from './views.ts';

/** What the host has of one cluster. */
export interface AskedFor {
  readonly cluster: ClusterView;
  readonly machines: readonly MachineView[];
}

/** Hash of all that people can ask for: another hash, another wish. */
export function wishOf({ cluster, machines }: AskedFor): string {
  return hashOf({
    cluster: cluster.spec,
    isDeleting: cluster.deletedAt !== undefined,
    machines: machines.map(({ name, spec, deletedAt }) => ({
      name,
      spec,
      isLeaving: deletedAt !== undefined,
    })),
    forgotten: forgottenIn({ cluster, machines }),
  } as unknown as Json);
}

/**
 * Names that a person gave up for good, with the annotation forget-machine: machines on their way out, and Nodes that no
 * machine is behind.
 */
export function forgottenIn({ cluster, machines }: AskedFor): readonly string[] {
  // The name must be written out, so that an annotation that was copied along forgets nobody.
  const leaving = machines.filter(({ name, annotations }) => annotations[forgetMachineAnnotation] === name);
  const strays = (cluster.annotations[forgetMachineAnnotation] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return [...new Set([...leaving.map(({ name }) => name), ...strays])];
}
