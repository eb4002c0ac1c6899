import { readFile } from 'node:fs/promises';
import { HansaError, messageOf } from '../base/index.ts';
import { createApiClient, loadAccess, systemClock } from '../kube/index.ts';
import { createLogger, createMetrics, createRolloutMetrics } from '../telemetry/index.ts';
import { type ServingPair, startAdmissionServer } from '../webhook/index.ts';
import { certificateSecret, certificateSecretName } from './certificate-secret.ts';
import { startHttpServer } from './http-server.ts';
import { listenAddress } from './listen-address.ts';
import { hansaVersion } from './version.ts';
import type { WebhookOptions } from './webhook-options.ts';

/** A renewed certificate is taken up after this long at most; the old one is good for weeks then. */
const lookEveryMs = 60_000;

/**
 * Runs `hansa webhook`: the webhook of Gated rollouts alone, as often as one likes, on the host or in each member. It
 * makes no certificates; the controller does, or whoever mounts the files. Gives the exit code.
 */
export async function runWebhookProcess(options: WebhookOptions): Promise<number> {
  const logger = createLogger({ level: options.logLevel, format: options.logFormat });
  const metrics = createMetrics({ version: hansaVersion });
  const rolloutMetrics = createRolloutMetrics(metrics.registry);
  const root = new AbortController();
  const stop = (name: string) => {
    logger.info('stopping', { signal: name });
    root.abort();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);

  const source = await pairSource(options);
  let pair = await source.read(root.signal);
  const webhook = await startAdmissionServer({
    port: options.webhookPort,
    ...(options.webhookBind ? { bind: options.webhookBind } : {}),
    pair,
    logger,
    onReview: ({ outcome, tookMs }) => rolloutMetrics.onReview({ decision: outcome, tookMs }),
  });
  const { address, port } = listenAddress(options.listen);
  const server = await startHttpServer({
    port,
    ...(address ? { host: address } : {}),
    registry: metrics.registry,
    checks: {},
    signal: root.signal,
  });
  logger.info('listening', { webhook: webhook.port, port: server.port, version: hansaVersion });
  while (!root.signal.aborted) {
    try {
      await systemClock.sleep(lookEveryMs, root.signal);
      const now = await source.read(root.signal);
      if (now.certificate === pair.certificate) continue;
      pair = now;
      webhook.renew(pair);
      logger.info('certificate renewed');
    } catch (error) {
      if (!root.signal.aborted) logger.warn('certificate not looked at', { error: messageOf(error) });
    }
  }
  await Promise.all([webhook.close(), server.close()]);
  await source.close();
  logger.info('stopped');
  return 0;
}

interface PairSource {
  read(signal: AbortSignal): Promise<ServingPair>;
  close(): Promise<void>;
}

async function pairSource(options: WebhookOptions): Promise<PairSource> {
  const { certFile, keyFile, namespace } = options;
  if (certFile !== undefined && keyFile !== undefined) {
    return { read: () => readFiles(certFile, keyFile), close: () => Promise.resolve() };
  }
  const { access } = await loadAccess({ path: options.kubeconfig, context: options.context });
  const host = createApiClient(access, { name: 'host', userAgent: `hansa/${hansaVersion}` });
  const store = certificateSecret(host, namespace);
  return {
    read: async (signal) => {
      const set = await store.read(signal);
      if (set) return set.serving;
      throw new HansaError(
        `the Secret ${namespace}/${certificateSecretName} holds no certificate yet: start the controller with --webhook-url first`,
        { reason: 'NotFound', retry: 'backoff' },
      );
    },
    close: () => host.close(),
  };
}

async function readFiles(certFile: string, keyFile: string): Promise<ServingPair> {
  try {
    const [certificate, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    return { certificate, key };
  } catch (error) {
    throw new HansaError(
      `the certificate can't be read: ${messageOf(error)}; correct --cert-file and --key-file`,
      {
        reason: 'InvalidOption',
        retry: 'never',
        cause: error,
      },
    );
  }
}
