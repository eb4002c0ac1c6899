import { createHash } from 'node:crypto';
import { HansaError, messageOf } from '../../src/base/index.ts';
import type { Docker } from './docker.ts';
import { groupLabel, machineLabel, ownerLabel } from './labels.ts';

export interface GroupNetwork {
  readonly name: string;
  /** `10.213.7`, to which machines add their last number. */
  readonly prefix: string;
}

/** Apart from what clusters use inside (10.96.0.0/12, 10.244.0.0/16) and from Docker's own choices. */
const firstParts = '10.213';

/** Makes a network with a range that nobody has yet. Docker gives fixed addresses only in ranges that were asked for. */
export async function createNetwork(
  docker: Docker,
  { name, group, owner, internal }: { name: string; group: string; owner: string; internal: boolean },
): Promise<GroupNetwork> {
  const labels = [`${machineLabel}=network`, `${groupLabel}=${group}`, `${ownerLabel}=${owner}`];
  const start = createHash('sha256').update(name).digest().readUInt16BE() % 250;
  for (let attempt = 0; attempt < 250; attempt += 1) {
    const prefix = `${firstParts}.${1 + ((start + attempt) % 250)}`;
    try {
      await docker.run([
        'network',
        'create',
        `--subnet=${prefix}.0/24`,
        ...labels.map((label) => `--label=${label}`),
        ...(internal ? ['--internal'] : []),
        name,
      ]);
      return { name, prefix };
    } catch (error) {
      if (!/overlap/i.test(messageOf(error))) throw error;
    }
  }
  throw new HansaError(`every network ${firstParts}.N.0/24 is taken: take old groups of machines down`, {
    reason: 'NoFreeNetwork',
    retry: 'never',
  });
}
