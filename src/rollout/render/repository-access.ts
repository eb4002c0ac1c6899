import { chartError } from './chart-errors.ts';

/** How to reach a chart repository; holds secrets, so it is never logged or thrown. */
export interface RepositoryAccess {
  /** `https://…`, `http://…` or `oci://…`, without a user in it. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Bearer token, instead of username and password. */
  readonly token?: string;
  /** PEM of the authorities that sign its certificate; absent means the system's. */
  readonly ca?: string;
  /** An OCI registry that speaks plain HTTP. */
  readonly plainHttp?: boolean;
}

export type RepositoryKind = 'http' | 'oci';

export function repositoryKindOf({ url }: Pick<RepositoryAccess, 'url'>): RepositoryKind {
  return url.startsWith('oci://') ? 'oci' : 'http';
}

/** The keys of a Secret that opens a repository, in base64 as the API server sends them. */
export type RepositorySecretData = Readonly<
  Partial<Record<'username' | 'password' | 'token' | 'ca.crt' | 'plainHttp', string>>
>;

/**
 * Puts the address of a repository and its Secret together. A user and password in the address count too, unless the
 * Secret has others.
 * @throws HansaError BrokenChartSpec, for what is no address
 */
export function repositoryAccess(repoUrl: string, secret: RepositorySecretData = {}): RepositoryAccess {
  const url = parsed(repoUrl);
  const text = (key: keyof RepositorySecretData): string | undefined =>
    secret[key] === undefined ? undefined : Buffer.from(secret[key], 'base64').toString('utf8');
  const username = text('username') ?? (decodeURIComponent(url.username) || undefined);
  const password = text('password') ?? (decodeURIComponent(url.password) || undefined);
  const token = text('token')?.trim();
  const ca = text('ca.crt');
  url.username = '';
  url.password = '';
  return {
    url: url.href.replace(/\/+$/, ''),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(token ? { token } : {}),
    ...(ca ? { ca } : {}),
    ...(text('plainHttp')?.trim() === 'true' ? { plainHttp: true } : {}),
  };
}

function parsed(repoUrl: string): URL {
  const url = URL.canParse(repoUrl) ? new URL(repoUrl) : undefined;
  if (url && url.host !== '' && ['http:', 'https:', 'oci:'].includes(url.protocol)) return url;
  // The address itself may carry a password, so it is not repeated.
  throw chartError(
    'BrokenChartSpec',
    'chart.repoUrl is no address of a chart repository: write one such as https://charts.example.com or oci://registry.example.com/charts',
  );
}

/** Takes the secrets of a repository out of a text that goes into a message. */
export function redact(text: string, { username, password, token }: Omit<RepositoryAccess, 'url'>): string {
  const basic = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64');
  const secrets = [password, token, basic, password && encodeURIComponent(password)]
    .filter((secret) => secret !== undefined && secret.length >= 3)
    .map(String);
  const withoutOurs = secrets.reduce((result, secret) => result.replaceAll(secret, '***'), text);
  // And what anybody writes as https://user:password@host, or signs an address with.
  return withoutOurs
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s@]*@/gi, '$1***@')
    .replace(/([?&][^=\s&]*(?:token|signature|credential|secret|password|key)[^=\s&]*=)[^&\s"']+/gi, '$1***');
}
