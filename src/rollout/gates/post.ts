import { Agent, type Dispatcher, request } from 'undici';
import { type Clock, HansaError, messageOf } from '../../base/index.ts';

export interface PostOptions {
  readonly url: string;
  /** How messages call the address, where it is a secret itself. */
  readonly shownAs?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** PEM of the authority that signed the server's certificate; absent = those of the system. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Of the answer. */
  readonly maxBytes: number;
  /** Values that must not be in any message, whatever the server answers. */
  readonly secrets: readonly string[];
}

export interface Posted {
  readonly code: number;
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}

/**
 * One POST to an address that a user named. Redirects are answers like others: followed, they would carry credentials
 * to where nobody meant them to go. Each call has a connection of its own, so that nothing is left open.
 *
 * @throws HansaError InvalidUrl; NoAnswer (refused, reset, too late, too large); the caller's signal is thrown as it is.
 */
export async function post(options: PostOptions): Promise<Posted> {
  const { url, headers, body, ca, clock, deadlineMs, signal, maxBytes, secrets } = options;
  const shown = options.shownAs ?? shownUrl(url);
  const address = addressOf(url, shown);
  const late = new AbortController();
  const stop = clock.after(deadlineMs, () => late.abort());
  const agent = new Agent({ connect: { timeout: deadlineMs, ...(ca ? { ca } : {}) }, connections: 1 });
  try {
    const answer = await request(address, {
      method: 'POST',
      headers: { 'user-agent': 'hansa', ...headers },
      body,
      signal: AbortSignal.any([signal, late.signal]),
      dispatcher: agent,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const text = await readText(answer.body, maxBytes);
    return { code: answer.statusCode, text: hideSecrets(text, secrets), retryAfterMs: retryAfterOf(answer) };
  } catch (error) {
    if (signal.aborted) throw error;
    const why = late.signal.aborted ? `gave no answer within ${deadlineMs / 1000} s` : messageOf(error);
    throw new HansaError(`${shown}: ${hideSecrets(why, secrets)}`, { reason: 'NoAnswer' });
  } finally {
    stop();
    await agent.destroy();
  }
}

/** An address as it may be shown: user, password and query may be secrets. */
export function shownUrl(text: string): string {
  const url = URL.parse(text);
  return url ? `${url.origin}${url.pathname}` : 'the given address';
}

function addressOf(text: string, shown: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new HansaError(`${shown} is not a URL that starts with http:// or https://`, {
      reason: 'InvalidUrl',
      retry: 'never',
    });
  }
  url.username = '';
  url.password = '';
  return url;
}

/** A server may repeat in its answer what it was sent. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .reduce((shown, secret) => shown.replaceAll(secret, '[hidden]'), text);
}

async function readText(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new HansaError(`the answer has more than ${maxBytes} bytes`, { reason: 'AnswerTooLarge' });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

function retryAfterOf({ headers }: Dispatcher.ResponseData): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}
