import type { Clock, Logger, Rng } from '../base/index.ts';
import type { ApiClient } from '../kube/index.ts';
import type { WebhookAddress } from '../rollout/index.ts';
import {
  type AdmissionServer,
  bundleOf,
  ensureCertificates,
  keepCertificates,
  type Reviewed,
  startAdmissionServer,
} from '../webhook/index.ts';
import { certificateSecret } from './certificate-secret.ts';
import { webhookNames } from './webhook-names.ts';

export interface StartWebhookOptions {
  readonly host: ApiClient;
  /** Of the Secret with the certificates. */
  readonly namespace: string;
  readonly url: string;
  readonly port: number;
  readonly bind?: string | undefined;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly onReview: (reviewed: Reviewed) => void;
  readonly signal: AbortSignal;
}

export interface RunningWebhook {
  readonly port: number;
  /** Follows renewals: read its caBundle anew each time. */
  readonly address: WebhookAddress;
  /** Ends the server, and the work of renewal once the signal was given. */
  close(): Promise<void>;
}

/**
 * Serves the webhook with certificates from the host, and keeps them fresh. Every replica does so, the leader or not: the
 * webhook knows nothing that the others don't.
 */
export async function startWebhook(options: StartWebhookOptions): Promise<RunningWebhook> {
  const { host, namespace, url, port, bind, clock, rng, logger, onReview, signal } = options;
  const store = certificateSecret(host, namespace);
  const names = webhookNames(url);
  let set = await ensureCertificates({ store, names, clock }, signal);
  const server: AdmissionServer = await startAdmissionServer({
    port,
    ...(bind ? { bind } : {}),
    pair: set.serving,
    logger,
    onReview,
  });
  const renewal = keepCertificates(
    {
      store,
      names,
      clock,
      rng,
      logger,
      onChange: (next) => {
        set = next;
        server.renew(next.serving);
      },
    },
    set,
    signal,
  );
  return {
    port: server.port,
    address: {
      url,
      get caBundle() {
        return bundleOf(set);
      },
    },
    close: async () => {
      await server.close();
      if (signal.aborted) await renewal;
    },
  };
}
