import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { HansaError, messageOf } from '../base/index.ts';
import { createApiClient, elect, loadAccess, systemClock } from '../kube/index.ts';
import { readPublicKey } from '../provision/index.ts';
import {
  createLogger,
  createMetrics,
  createProvisionMetrics,
  createRolloutMetrics,
  createShipperMetrics,
} from '../telemetry/index.ts';
import { type ControlPlane, createControlPlane } from './control-plane.ts';
import type { ControllerOptions } from './controller-options.ts';
import { startHttpServer } from './http-server.ts';
import { listenAddress } from './listen-address.ts';
import { startWebhook } from './start-webhook.ts';
import { hansaVersion } from './version.ts';

/** How long runs under way may take after a stop was asked for. */
const drainLimitMs = 10_000;

/** Runs `hansa controller`; gives the exit code. */
export async function runControllerProcess(options: ControllerOptions): Promise<number> {
  const logger = createLogger({ level: options.logLevel, format: options.logFormat });
  const metrics = createMetrics({ version: hansaVersion });
  const rolloutMetrics = createRolloutMetrics(metrics.registry);
  const shipperMetrics = createShipperMetrics(metrics.registry);
  const provisionMetrics = createProvisionMetrics(metrics.registry);
  const provision = options.provision === 'Enabled' ? await provisionOptions(options) : undefined;
  const { access } = await loadAccess({ path: options.kubeconfig, context: options.context });
  const host = createApiClient(access, {
    name: 'host',
    metrics: metrics.kube,
    userAgent: `hansa/${hansaVersion}`,
  });
  const identity = `${hostname()}_${randomUUID()}`;
  const root = new AbortController();
  const stop = (name: string) => {
    logger.info('stopping', { signal: name });
    root.abort();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);

  let plane: ControlPlane | undefined;
  const { address, port } = listenAddress(options.listen);
  const server = await startHttpServer({
    port,
    ...(address ? { host: address } : {}),
    registry: metrics.registry,
    checks: {
      // A replica that waits for the Lease is ready to take over, so it is ready.
      host: async () => {
        await host.raw('/readyz', { deadlineMs: 3_000, signal: root.signal });
      },
      caches: () => {
        if (plane && !plane.propagation.isReady) throw new Error('the lists of the host are not read yet');
      },
    },
    signal: root.signal,
  });
  logger.info('listening', { port: server.port, version: hansaVersion, host: host.server, identity });

  // Every replica answers members, also while it waits for the Lease.
  const webhook = options.webhookUrl
    ? await startWebhook({
        host,
        namespace: options.namespace,
        url: options.webhookUrl,
        port: options.webhookPort,
        bind: options.webhookBind,
        clock: systemClock,
        rng: Math.random,
        logger: logger.child({ room: 'webhook' }),
        onReview: ({ outcome, tookMs }) => rolloutMetrics.onReview({ decision: outcome, tookMs }),
        signal: root.signal,
      })
    : undefined;
  if (webhook) logger.info('webhook listening', { port: webhook.port, url: webhook.address.url });

  while (!root.signal.aborted) {
    const leadership = options.leaderElect
      ? await elect({
          client: host,
          namespace: options.namespace,
          name: 'hansa-controller',
          identity,
          clock: systemClock,
          rng: Math.random,
          logger,
          leaseDurationMs: options.leaseDuration,
          renewDeadlineMs: options.renewDeadline,
          retryPeriodMs: options.retryPeriod,
          signal: root.signal,
        }).catch((error: unknown) => {
          if (root.signal.aborted) return undefined;
          throw error;
        })
      : { lost: new AbortController().signal, release: () => Promise.resolve() };
    if (!leadership) break;
    const term = AbortSignal.any([root.signal, leadership.lost]);
    logger.info('leading', { identity });
    plane = createControlPlane({
      host,
      namespace: options.namespace,
      identity,
      adopt: options.adoptResources === 'Enabled',
      healthCheck: {
        periodMs: options.healthPeriod,
        timeoutMs: options.healthTimeout,
        failureThreshold: options.healthFailureThreshold,
        successThreshold: options.healthSuccessThreshold,
      },
      clock: systemClock,
      rng: Math.random,
      logger,
      metrics: metrics.kube,
      rolloutMetrics,
      shipperMetrics,
      provisionMetrics,
      ...(provision ? { provision } : {}),
      ...(webhook ? { webhook: webhook.address } : {}),
      onMemberRemoved: (name) => void metrics.forgetMember(name),
      onHealth: ({ name, health }) => metrics.memberHealth(name, health.kind),
    });
    await withinAfter(term, drainLimitMs, plane.run(term));
    plane = undefined;
    if (leadership.lost.aborted && !root.signal.aborted)
      logger.warn('leadership lost; waiting for the Lease again');
    await leadership.release();
  }
  await webhook?.close();
  await server.close();
  await host.close();
  logger.info('stopped');
  return 0;
}

/** @throws HansaError InvalidOption, if the key can't be read */
async function provisionOptions({ bundle, bundleKey, allowUnsignedBundle, hostKeys }: ControllerOptions) {
  const publicKey = bundleKey === undefined ? undefined : await readKey(bundleKey);
  return {
    trustFirstSight: hostKeys === 'TrustFirst',
    bundle: {
      allowUnsigned: allowUnsignedBundle,
      ...(bundle === undefined ? {} : { path: bundle }),
      ...(publicKey === undefined ? {} : { publicKey }),
    },
  };
}

async function readKey(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    readPublicKey(text);
    return text;
  } catch (error) {
    throw new HansaError(`--bundle-key ${path}: ${messageOf(error)}`, {
      reason: 'InvalidOption',
      retry: 'never',
      cause: error,
    });
  }
}

/** Waits for the work; once the signal is given, only for so long. */
async function withinAfter(signal: AbortSignal, limitMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    timer = setTimeout(resolve, limitMs);
  };
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
