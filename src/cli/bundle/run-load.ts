import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { HansaError, silentProgress } from '../../base/index.ts';
import { type LoadedMachine, loadMachines } from '../../provision/bundle/index.ts';
import { type ReadCluster, readCluster } from '../../provision/read/index.ts';
import { fileClusterStore } from '../../provision/store/index.ts';
import { openState } from '../cluster/state-place.ts';
import type { LoadFlags } from '../commands/bundle.ts';
import { interruptSignal, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { readFlagFile } from './read-file.ts';
import { openChecked } from './run-read.ts';

export async function runLoad(path: string, flags: LoadFlags): Promise<void> {
  const format = readOutput(flags.output, ['json']);
  const read = readFile(await readFlagFile('--filename', flags.filename));
  const publicKey = flags.publicKey ?? read.bundle?.publicKey;
  const trust = { ...(publicKey ? { publicKey } : {}), allowUnsigned: flags.allowUnsigned ?? false };
  const bundle = await openChecked(path, trust, { isQuiet: format !== undefined });
  const loaded = await loadMachines({
    cluster: read.spec,
    machines: flags.machine.length > 0 ? flags.machine : undefined,
    bundle,
    secrets: secretsOf(read, flags),
    knownHostsFiles: [join(homedir(), '.ssh', 'known_hosts')],
    ...(flags.trustNewHosts
      ? {
          onFirstSight: (machine, { fingerprint }) =>
            void process.stderr.write(`${machine} has the host key ${fingerprint}: trusted from now on\n`),
        }
      : {}),
    progress: format ? silentProgress : createProgress(),
    signal: interruptSignal(),
  });
  if (format) await printData(loaded, format);
  refuseFailures(loaded);
}

function readFile(text: string): ReadCluster {
  return readCluster(parseAllDocuments(text).map((document) => document.toJS() as unknown));
}

/** What the file itself brings comes first; the state file has the rest. */
function secretsOf(read: ReadCluster, flags: LoadFlags) {
  const { name, namespace } = read.spec;
  const { secrets } = fileClusterStore(openState(flags), { name, namespace });
  return { ...secrets, get: async (secret: string) => read.secrets.get(secret) ?? secrets.get(secret) };
}

function refuseFailures(loaded: readonly LoadedMachine[]): void {
  const failed = loaded.filter(({ failure }) => failure !== undefined);
  if (failed.length === 0) return;
  const [first] = failed;
  throw new HansaError(
    failed.length === 1
      ? `${first?.machine} was not loaded: ${first?.failure}`
      : `${failed.length} of ${loaded.length} machines were not loaded; the first, ${first?.machine}: ${first?.failure}`,
    { reason: 'LoadFailed' },
  );
}
