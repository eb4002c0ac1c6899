import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { HansaError, isJsonObject, type JsonObject, messageOf } from '../../base/index.ts';

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

const helperLimitMs = 20_000;
const hubKey = 'https://index.docker.io/v1/';

/** What `docker login` (or oras, or helm) has stored for a registry; undefined = ask without a name. */
export async function credentialsFor(
  registry: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<RegistryCredentials | undefined> {
  const config = await readConfig(join(env['DOCKER_CONFIG'] || join(homedir(), '.docker'), 'config.json'));
  if (!config) return undefined;
  const keys =
    registry === 'docker.io' ? [hubKey, 'docker.io', 'index.docker.io'] : [registry, `https://${registry}`];
  const helpers = isJsonObject(config['credHelpers']) ? config['credHelpers'] : {};
  for (const key of keys) {
    const helper = helpers[key] ?? config['credsStore'];
    const found =
      (typeof helper === 'string' ? await askHelper(helper, key) : undefined) ??
      storedIn(config['auths'], key);
    if (found) return found;
  }
  return undefined;
}

async function readConfig(path: string): Promise<JsonObject | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    throw new HansaError(`${path} cannot be read: ${messageOf(error)}`, {
      reason: 'InputNotReadable',
      retry: 'never',
    });
  }
}

function storedIn(auths: unknown, key: string): RegistryCredentials | undefined {
  const entry = isJsonObject(auths) ? auths[key] : undefined;
  if (!isJsonObject(entry) || typeof entry['auth'] !== 'string') return undefined;
  const [username = '', ...password] = Buffer.from(entry['auth'], 'base64').toString('utf8').split(':');
  return username ? { username, password: password.join(':') } : undefined;
}

/** `docker-credential-NAME get`: the registry on standard input, JSON on standard output. */
async function askHelper(helper: string, registry: string): Promise<RegistryCredentials | undefined> {
  if (!/^[\w.-]+$/.test(helper)) return undefined;
  const { failed, stdout } = await execa(`docker-credential-${helper}`, ['get'], {
    input: registry,
    timeout: helperLimitMs,
    reject: false,
  });
  // A helper that knows nothing of the registry fails, and so does one that isn't installed.
  if (failed) return undefined;
  try {
    const answer: unknown = JSON.parse(stdout);
    if (!isJsonObject(answer)) return undefined;
    const { Username: username, Secret: password } = answer;
    return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
  } catch {
    return undefined;
  }
}
