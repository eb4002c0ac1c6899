import { HansaError } from '../../base/index.ts';
import { type ClusterKey, type Observed, readClusters, type StateFile } from '../../provision/index.ts';

/** Networks of the other clusters that the state file keeps; one whose objects can't be read any more tells nothing. */
export async function otherNetworks(own: ClusterKey, state: StateFile): Promise<Observed['others']> {
  const others = (await state.clusters()).filter(
    ({ namespace, name }) => namespace !== own.namespace || name !== own.name,
  );
  return others.flatMap(({ objects }) => {
    try {
      return readClusters(objects).map(({ spec: { name, network } }) => ({ name, ...network }));
    } catch (error) {
      if (error instanceof HansaError) return [];
      throw error;
    }
  });
}
