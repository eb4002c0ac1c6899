import type { ClusterStore, SecretStore } from '../engine/executor.ts';
import type { JournalRecord } from '../plan/journal.ts';
import type { FileLock } from './file-lock.ts';
import type { ClusterKey } from './state-content.ts';
import type { StateFile } from './state-file.ts';

/** Journal, lock and secrets of one cluster of a state file. */
export function fileClusterStore(file: StateFile, key: ClusterKey): ClusterStore {
  // While it is held here, nothing is written that was not checked against it.
  let held: FileLock | undefined;
  const secrets: SecretStore = {
    get: (name) => file.readSecret(key, name),
    put: (name, values) => file.writeSecret(key, name, values, held),
    remove: (name) => file.removeSecret(key, name, held),
  };
  return {
    secrets,
    journal: async () => (await file.cluster(key))?.journal ?? [],
    append: (record: JournalRecord) => file.append(key, record, held),
    lock: async (owner, signal) => {
      const lock = await file.lockCluster(key, owner, signal);
      held = lock;
      return {
        lost: lock.lost,
        [Symbol.asyncDispose]: async () => {
          if (held === lock) held = undefined;
          await lock[Symbol.asyncDispose]();
        },
      };
    },
  };
}
