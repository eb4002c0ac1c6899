import { isJsonObject, type JsonObject } from '../../base/index.ts';
import { createCluster, type KeyPairFlags } from '../../provision/index.ts';
import { invalidOption } from '../host-options.ts';
import { parseDocuments } from '../offline/parse-documents.ts';
import { readText } from '../offline/read-text.ts';
import { nameOf } from './kept-objects.ts';
import { openState } from './state-place.ts';
import { anyCluster, keepVerb, nameFor, tellNotes, type VerbFlags, verbState } from './verb-state.ts';

export interface CreateClusterOptions extends VerbFlags {
  readonly version?: string;
  readonly filename?: string;
  readonly podNetwork?: string;
  readonly serviceNetwork?: string;
  readonly vip?: string;
  readonly routerId?: string;
  readonly endpointMode?: string;
  readonly apiserverCaCert?: string;
  readonly apiserverCaKey?: string;
  readonly etcdCaCert?: string;
  readonly etcdCaKey?: string;
  readonly frontProxyCaCert?: string;
  readonly frontProxyCaKey?: string;
  readonly saPublicKey?: string;
  readonly saPrivateKey?: string;
  readonly clusterConfig?: string;
}

/** The KubeCluster, kept; nothing is made yet. */
export async function runCreateCluster(name: string | undefined, flags: CreateClusterOptions): Promise<void> {
  const file = flags.filename === undefined ? undefined : await onlyObject('--filename', flags.filename);
  const named = nameFor(name, flags) ?? (file && (nameOf(file) || undefined));
  const state = openState(flags);
  const key = await anyCluster({ ...flags, ...(named !== undefined && { cluster: named }) }, state);
  const result = createCluster(await verbState(key, state), {
    version: flags.version,
    file,
    podNetwork: flags.podNetwork,
    serviceNetwork: flags.serviceNetwork,
    vip: flags.vip,
    routerId: flags.routerId === undefined ? undefined : Number(flags.routerId),
    endpointMode: flags.endpointMode,
    apiServerCa: await readPair(flags.apiserverCaCert, flags.apiserverCaKey),
    etcdCa: await readPair(flags.etcdCaCert, flags.etcdCaKey),
    frontProxyCa: await readPair(flags.frontProxyCaCert, flags.frontProxyCaKey),
    serviceAccount: await readPair(flags.saPublicKey, flags.saPrivateKey),
    clusterConfig: flags.clusterConfig && (await onlyObject('--cluster-config', flags.clusterConfig)),
  });
  await keepVerb(key, result, state);
  tellNotes(result.notes);
  process.stdout.write(
    `✓ cluster ${key.name} is kept; it is made with its first control plane:\n  hansa create machine --cluster ${key.name} --role master --ip ADDRESS --bundle PATH\n`,
  );
}

async function readPair(certificate: string | undefined, key: string | undefined): Promise<KeyPairFlags> {
  return {
    certificate: certificate === undefined ? undefined : await readText(certificate),
    key: key === undefined ? undefined : await readText(key),
  };
}

async function onlyObject(flag: string, path: string): Promise<JsonObject> {
  const documents = parseDocuments(await readText(path));
  const [first, second] = documents;
  if (!first || second) throw invalidOption(`${flag} ${path}: it must hold one YAML document`);
  if (!first.ok) throw invalidOption(`${flag} ${path}, ${first.where}: ${first.message}`);
  if (!isJsonObject(first.value)) throw invalidOption(`${flag} ${path}: it must hold a map`);
  return first.value;
}
