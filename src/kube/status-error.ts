import { HansaError } from '../base/index.ts';

interface StatusBody {
  readonly kind?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly name?: string; readonly kind?: string; readonly retryAfterSeconds?: number };
}

const reasonByCode: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  422: 'Invalid',
  429: 'TooManyRequests',
};

export interface FailedCall {
  readonly what: string;
  readonly code: number;
  readonly body: string;
  readonly retryAfter?: string | undefined;
  /** The namespace the call went to, to tell a missing namespace from a missing object. */
  readonly plural?: string | undefined;
}

/** Turns an answer of 400 or above into an error whose reason a program can switch on. */
export function errorFromAnswer({ what, code, body, retryAfter, plural }: FailedCall): HansaError {
  const status = parseStatus(body);
  const message = status?.message ?? body.trim().slice(0, 300);
  const seconds = Number(retryAfter ?? status?.details?.retryAfterSeconds ?? Number.NaN);
  return new HansaError(`${what}: ${code} ${message || 'without a message'}`, {
    reason: reasonOf(code, status, plural),
    retry: Number.isFinite(seconds) ? { afterMs: seconds * 1000 } : 'backoff',
  });
}

function reasonOf(code: number, status: StatusBody | undefined, plural: string | undefined): string {
  if (code === 404) {
    // The server answers 404 for three things: the kind is not served, the namespace is absent, the object is absent.
    if (!status || !status.details?.name) return 'KindNotServed';
    if (status.details.kind === 'namespaces' && plural !== 'namespaces') return 'NamespaceNotFound';
    return 'NotFound';
  }
  if (status?.reason === 'Expired') return 'Gone';
  // Server-side apply answers 500 to a field that the schema doesn't have; asking again changes nothing.
  if (code === 500 && status?.message?.includes('failed to create typed patch object')) return 'Invalid';
  if (code === 409 && status?.reason === 'AlreadyExists') return 'AlreadyExists';
  return status?.reason || reasonByCode[code] || (code >= 500 ? 'ServerError' : 'BadRequest');
}

function parseStatus(body: string): StatusBody | undefined {
  try {
    const value = JSON.parse(body) as StatusBody;
    return value?.kind === 'Status' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** An answer to a watch line of type ERROR. */
export function errorFromWatch(what: string, object: unknown): HansaError {
  const status = (object ?? {}) as StatusBody & { readonly code?: number };
  return errorFromAnswer({
    what,
    code: status.code ?? 500,
    body: JSON.stringify({ ...status, kind: 'Status' }),
  });
}
