import type { KubeConfig } from '@kubernetes/client-node';
import { HansaError, messageOf } from '../base/index.ts';

/** How to reach and authenticate to one API server; holds secrets, so it is never logged or thrown. */
export interface Access {
  /** Such as `https://10.0.0.1:6443`, without a trailing slash. */
  readonly server: string;
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name to verify the serving certificate against, if not the one in `server`. */
  readonly serverName?: string;
  /** Which checks of the serving certificate are left out, as KubeFedCluster's disabledTLSValidations says. */
  readonly skipTls?: readonly ('all' | 'subjectName' | 'validityPeriod')[];
  /** http, https or socks5 address of a proxy. */
  readonly proxyUrl?: string;
  /** Header fields of each request; asked again after `refresh`, for tokens that rotate. */
  readonly headers?: (options: { readonly refresh: boolean }) => Promise<Readonly<Record<string, string>>>;
}

export interface KubeConfigSource {
  /** Path of a kubeconfig file. Absent = in-cluster account if there is one, else KUBECONFIG, else ~/.kube/config. */
  readonly path?: string | undefined;
  /** The kubeconfig itself, instead of a path. */
  readonly text?: string | undefined;
  readonly context?: string | undefined;
}

export interface LoadedKubeConfig {
  readonly access: Access;
  readonly context: string;
  /** Namespace of the context or of the in-cluster account. */
  readonly namespace?: string;
}

/** A token in a file or an exec plugin is read again after this long; kubelet rotates well before expiry. */
const headersMaxAgeMs = 30_000;

/**
 * Reads access data through @kubernetes/client-node's KubeConfig (contexts, client certificates, tokens, exec plugins,
 * OIDC, in-cluster accounts).
 * @throws HansaError KubeConfigUnreadable, ContextNotFound
 */
export async function loadAccess({ path, text, context }: KubeConfigSource): Promise<LoadedKubeConfig> {
  // Imported late: the package takes a third of a second and 60 MB, and offline commands need none of it.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (text !== undefined) config.loadFromString(text);
    else if (path) config.loadFromFile(path);
    else if (!context && process.env.KUBERNETES_SERVICE_HOST && !process.env.KUBECONFIG)
      config.loadFromCluster();
    else config.loadFromDefault();
  } catch (error) {
    throw new HansaError(
      `cannot read the kubeconfig ${path ?? process.env.KUBECONFIG ?? '(default)'}: ${messageOf(error)}`,
      { reason: 'KubeConfigUnreadable', retry: 'never', cause: error },
    );
  }
  if (context) selectContext(config, context, path);
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new HansaError(
      `the kubeconfig ${path ?? ''} has no cluster for its current context: name one with --context`,
      { reason: 'ContextNotFound', retry: 'never' },
    );
  }
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  return {
    access: await accessOf(config, cluster),
    context: config.getCurrentContext(),
    ...(namespace ? { namespace } : {}),
  };
}

function selectContext(config: KubeConfig, context: string, path: string | undefined): void {
  const names = config.getContexts().map(({ name }) => name);
  if (!names.includes(context)) {
    throw new HansaError(
      `no context "${context}" in the kubeconfig ${path ?? '(default)'}; it has: ${names.join(', ') || 'none'}`,
      { reason: 'ContextNotFound', retry: 'never' },
    );
  }
  config.setCurrentContext(context);
}

interface TlsOptions {
  headers?: Record<string, string | string[]>;
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
}

async function accessOf(
  config: KubeConfig,
  cluster: { server: string; skipTLSVerify?: boolean; tlsServerName?: string; proxyUrl?: string },
): Promise<Access> {
  const first = await httpsOptions(config);
  let headers = plainHeaders(first);
  let readAtMs = performance.now();
  return {
    server: cluster.server.replace(/\/+$/, ''),
    ...(first.ca ? { ca: first.ca } : {}),
    ...(first.cert ? { cert: first.cert } : {}),
    ...(first.key ? { key: first.key } : {}),
    ...(cluster.tlsServerName ? { serverName: cluster.tlsServerName } : {}),
    ...(cluster.skipTLSVerify ? { skipTls: ['all'] as const } : {}),
    ...(cluster.proxyUrl ? { proxyUrl: cluster.proxyUrl } : {}),
    headers: async ({ refresh }) => {
      if (refresh || performance.now() - readAtMs > headersMaxAgeMs) {
        headers = plainHeaders(await httpsOptions(config));
        readAtMs = performance.now();
      }
      return headers;
    },
  };
}

async function httpsOptions(config: KubeConfig): Promise<TlsOptions> {
  const options: TlsOptions = {};
  await config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  return options;
}

function plainHeaders({ headers = {} }: TlsOptions): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'authorization') result.authorization = String(value);
  }
  return result;
}
