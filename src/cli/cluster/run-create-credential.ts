import {
  createCredential,
  credentialName,
  deleteCredential,
  fileClusterStore,
} from '../../provision/index.ts';
import { readText } from '../offline/read-text.ts';
import { openState } from './state-place.ts';
import { anyCluster, keepVerb, keptCluster, tellNotes, type VerbFlags, verbState } from './verb-state.ts';

export interface CredentialFlags extends VerbFlags {
  readonly user: string;
  readonly privateKey?: string;
  readonly keyPassphraseFile?: string;
  readonly passwordFile?: string;
  readonly sudoPasswordFile?: string;
  readonly agent?: boolean;
}

/** The SSH credential of all machines of a cluster, sealed in the state file. */
export async function runCreateCredential(flags: CredentialFlags): Promise<void> {
  const state = openState(flags);
  const key = await anyCluster(flags, state);
  const [privateKey, passphrase, password, sudoPassword] = await Promise.all([
    flags.privateKey && readText(flags.privateKey),
    readSecret(flags.keyPassphraseFile),
    readSecret(flags.passwordFile),
    readSecret(flags.sudoPasswordFile),
  ]);
  const result = createCredential(await verbState(key, state), {
    user: flags.user,
    privateKey,
    passphrase,
    password,
    sudoPassword,
    agent: flags.agent,
  });
  await keepVerb(key, result, state);
  tellNotes(result.notes);
  process.stdout.write(`✓ cluster ${key.name} has the credential ${credentialName(key.name)}\n`);
}

export async function runDeleteCredential(flags: VerbFlags): Promise<void> {
  const state = openState(flags);
  const key = await keptCluster(flags, state);
  const result = deleteCredential(await verbState(key, state));
  await fileClusterStore(state, key).secrets.remove(credentialName(key.name));
  await keepVerb(key, result, state);
  process.stdout.write(`✓ the credential of cluster ${key.name} is deleted\n`);
}

/** Of a file, so that it is on no command line. The newline that editors add is no part of it. */
async function readSecret(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : (await readText(path)).replace(/\r?\n$/, '');
}
