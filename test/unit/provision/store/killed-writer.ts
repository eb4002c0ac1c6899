import { writeSync } from 'node:fs';
import { systemClock } from '../../../../src/kube/index.ts';
import { fileClusterStore } from '../../../../src/provision/store/file-cluster-store.ts';
import { StateFile } from '../../../../src/provision/store/state-file.ts';
import { record, shop } from './builders.ts';

// Appends to the journal until it is killed, and says on stdout what was promised to be durable.
const [, , path = '', operation = ''] = process.argv;
const store = fileClusterStore(
  new StateFile({ path, passphrase: () => Promise.resolve('correct horse battery'), clock: systemClock }),
  shop,
);
await using lock = await store.lock(`writer ${operation}`, new AbortController().signal);
for (let attempt = 1; !lock.lost.aborted; attempt += 1) {
  const text = 'x'.repeat(2_000);
  await store.append(record({ operation, attempt, event: 'intent', evidence: { text } }));
  writeSync(1, `${operation} ${attempt}\n`);
}
