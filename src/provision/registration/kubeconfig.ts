import { parse, stringify } from 'yaml';
import { HansaError, isJsonObject, type Json, type JsonObject } from '../../base/index.ts';

/** What a user entry may hold: credentials as they are. */
const userFields = ['client-certificate-data', 'client-key-data', 'token', 'username', 'password'];
const clusterFields = [
  'server',
  'certificate-authority-data',
  'tls-server-name',
  'insecure-skip-tls-verify',
  'proxy-url',
  'disable-compression',
];

/**
 * A kubeconfig from a Secret, cut down to its current context.
 *
 * Whoever may write the Secret must not make this process run a program (`exec`, `auth-provider`) or send a file of this
 * machine to a server of theirs (`tokenFile`, `certificate-authority`), so it may hold nothing but data.
 * @throws HansaError KubeconfigUnusable, in words without any of its content
 */
export function selfContainedKubeconfig(text: string, whose: string): string {
  const config = parseObject(text, whose);
  const contexts = named(config['contexts']);
  const current = typeof config['current-context'] === 'string' ? config['current-context'] : '';
  const context = current === '' ? [...contexts.values()][0] : contexts.get(current);
  const entry = objectIn(context, 'context');
  const cluster = objectIn(named(config['clusters']).get(textIn(entry, 'cluster')), 'cluster');
  const user = objectIn(named(config['users']).get(textIn(entry, 'user')), 'user');
  if (!cluster || !user || textIn(cluster, 'server') === '') {
    throw unusable(whose, 'has no complete context: it needs a cluster with a server, and a user');
  }
  for (const [part, fields] of [
    [cluster, clusterFields],
    [user, userFields],
  ] as const) {
    const foreign = Object.keys(part).filter((field) => !fields.includes(field) && field !== 'extensions');
    if (foreign.length > 0) {
      throw unusable(
        whose,
        `uses ${foreign.join(', ')}: only data in the kubeconfig itself is taken, no program and no file; ` +
          'put certificates, keys or a token into it',
      );
    }
  }
  return print(cluster, user);
}

/** The same, for another address of the API server. */
export function withServer(selfContained: string, server: string): string {
  const config = parse(selfContained) as {
    clusters: [{ cluster: JsonObject }];
    users: [{ user: JsonObject }];
  };
  return print({ ...config.clusters[0].cluster, server }, config.users[0].user);
}

export function serverIn(selfContained: string): string {
  const config = parse(selfContained) as { clusters: [{ cluster: { server: string } }] };
  return config.clusters[0].cluster.server;
}

function print(cluster: JsonObject, user: JsonObject): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'member',
    clusters: [{ name: 'member', cluster }],
    users: [{ name: 'member', user }],
    contexts: [{ name: 'member', context: { cluster: 'member', user: 'member' } }],
  });
}

function parseObject(text: string, whose: string): JsonObject {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch {
    // The parser's words quote the line they are about, and that may be a key.
    throw unusable(whose, 'is no YAML');
  }
  if (isJsonObject(value)) return value;
  throw unusable(whose, 'is no kubeconfig');
}

function named(list: Json | undefined): ReadonlyMap<string, JsonObject> {
  const entries = Array.isArray(list) ? list.filter(isJsonObject) : [];
  return new Map(entries.map((entry) => [textIn(entry, 'name'), entry]));
}

function objectIn(parent: JsonObject | undefined, field: string): JsonObject | undefined {
  const value = parent?.[field];
  return isJsonObject(value) ? value : undefined;
}

function textIn(parent: JsonObject | undefined, field: string): string {
  const value = parent?.[field];
  return typeof value === 'string' ? value : '';
}

function unusable(whose: string, what: string): HansaError {
  return new HansaError(`the kubeconfig of ${whose} ${what}`, {
    reason: 'KubeconfigUnusable',
    retry: 'never',
  });
}
