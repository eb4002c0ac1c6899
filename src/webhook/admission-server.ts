import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { HansaError, messageOf } from '../base/index.ts';
import { type AdmissionAppOptions, createAdmissionApp } from './admission-app.ts';

/** A serving certificate and its key, both PEM. */
export interface ServingPair {
  readonly certificate: string;
  readonly key: string;
}

export interface AdmissionServerOptions extends AdmissionAppOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Address to listen on; all when absent. */
  readonly bind?: string;
  readonly pair: ServingPair;
}

export interface AdmissionServer {
  readonly port: number;
  /** New connections get this certificate from now on; those that are open keep theirs. */
  renew(pair: ServingPair): void;
  close(): Promise<void>;
}

/** Members wait two seconds for an answer; what takes longer is of no use to anybody. */
const requestLimitMs = 5_000;
const closeLimitMs = 1_000;
/** API servers keep connections open and use them again; longer than theirs (90 s by default) none is cut under them. */
const keepAliveMs = 120_000;

/** Serves the webhook over TLS. @throws HansaError AddressInUse, ListenFailed */
export async function startAdmissionServer(options: AdmissionServerOptions): Promise<AdmissionServer> {
  const { port, bind, pair } = options;
  const server = createServer(
    {
      cert: pair.certificate,
      key: pair.key,
      minVersion: 'TLSv1.2',
      requestTimeout: requestLimitMs,
      headersTimeout: requestLimitMs,
      keepAliveTimeout: keepAliveMs,
    },
    createAdmissionApp(options),
  );
  server.listen(port, bind);
  try {
    await once(server, 'listening');
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    const mend = isTaken
      ? ': something else listens there; choose another port with --webhook-port'
      : `: ${messageOf(error)}`;
    throw new HansaError(`the webhook cannot listen on ${bind ?? ''}:${port}${mend}`, {
      reason: isTaken ? 'AddressInUse' : 'ListenFailed',
      retry: 'never',
      cause: error,
    });
  }
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    renew: ({ certificate, key }) =>
      server.setSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' }),
    close: () => {
      closed ??= new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), closeLimitMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}
