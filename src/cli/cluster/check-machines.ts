import { HansaError } from '../../base/index.ts';
import type { ClusterSpec } from '../../provision/index.ts';

/** Each of these names is that of a machine. @throws HansaError InvalidOption */
export function checkMachines({ name, machines }: ClusterSpec, wanted: readonly string[]): void {
  const unknown = wanted.find((machine) => !machines.some((each) => each.name === machine));
  if (unknown === undefined) return;
  throw new HansaError(
    `cluster ${name} has no machine ${unknown}: it has ${machines.map((each) => each.name).join(', ')}`,
    { reason: 'InvalidOption', retry: 'never' },
  );
}
