import { type Dispatcher, EnvHttpProxyAgent, interceptors, request } from 'undici';
import { messageOf } from '../../base/index.ts';
import { type RepositoryAccess, redact } from './repository-access.ts';

const connectLimitMs = 5_000;
const maxRedirects = 5;

export type HttpOutcome =
  | {
      readonly kind: 'answered';
      readonly code: number;
      readonly headers: Readonly<Record<string, string | undefined>>;
      readonly body: Buffer;
    }
  | { readonly kind: 'too-large' }
  /** No answer, or not in time; the sentence has no secret in it. */
  | { readonly kind: 'unreachable'; readonly because: string };

export interface HttpGet {
  readonly url: string;
  /** CA and, for messages, secrets of the repository. */
  readonly access: RepositoryAccess;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One GET, whole. Proxies are taken from the usual variables; on a redirect to another host credentials stay behind.
 * @throws the signal's reason, if it is aborted; nothing else
 */
export async function httpGet({
  url,
  access,
  headers,
  maxBytes,
  limitMs,
  signal,
}: HttpGet): Promise<HttpOutcome> {
  signal?.throwIfAborted();
  const tls = access.ca ? { ca: access.ca } : {};
  const agent = new EnvHttpProxyAgent({
    connect: { timeout: connectLimitMs, ...tls },
    requestTls: tls,
    headersTimeout: limitMs,
    bodyTimeout: limitMs,
  });
  const dispatcher: Dispatcher = agent.compose(interceptors.redirect({ maxRedirections: maxRedirects }));
  const limit = AbortSignal.timeout(limitMs);
  try {
    const answer = await request(url, {
      dispatcher,
      headers: { 'user-agent': 'hansa', ...headers },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const body = await readUpTo(answer.body, maxBytes);
    if (!body) return { kind: 'too-large' };
    return { kind: 'answered', code: answer.statusCode, headers: flat(answer.headers), body };
  } catch (error) {
    signal?.throwIfAborted();
    const because = limit.aborted ? `no answer within ${limitMs / 1000} s` : redact(messageOf(error), access);
    return { kind: 'unreachable', because };
  } finally {
    await agent.destroy();
  }
}

async function readUpTo(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop closes the connection.
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function flat(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

/** `authorization` for a repository, if it asks for one. */
export function authorizationFor({
  username,
  password,
  token,
}: RepositoryAccess): Readonly<Record<string, string>> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined && password === undefined) return {};
  const pair = Buffer.from(`${username ?? ''}:${password ?? ''}`, 'utf8').toString('base64');
  return { authorization: `Basic ${pair}` };
}
