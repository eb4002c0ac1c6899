import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { isJsonObject, type Logger, messageOf } from '../base/index.ts';
import { type PodRequest, type PodVerb, reviewPod } from '../rollout/index.ts';

/** One answered review, for metrics. */
export interface Reviewed {
  readonly rollout: string;
  readonly namespace: string;
  readonly outcome: 'held' | 'served' | 'untouched' | 'refused';
  readonly tookMs: number;
}

export interface AdmissionAppOptions {
  readonly logger: Logger;
  readonly onReview?: (reviewed: Reviewed) => void;
  /** What must hold for this process to be asked; by name. */
  readonly checks?: Readonly<Record<string, () => void>>;
}

/** An object in etcd is at most 1.5 MiB, and a review holds it once. */
const bodyLimit = '3mb';

/**
 * `POST /pods/hold/<rollout>[/steered]`, `POST /pods/serve/<rollout>`: AdmissionReview v1. `GET /healthz`, `GET /readyz`.
 * It keeps nothing between two calls, so any number of processes can serve.
 */
export function createAdmissionApp({ logger, onReview, checks = {} }: AdmissionAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/healthz', (_request, response) => {
    response.type('text/plain').send('ok');
  });
  app.get('/readyz', (_request, response) => {
    const problems = Object.entries(checks).flatMap(([name, check]) => problemOf(name, check));
    response
      .status(problems.length === 0 ? 200 : 503)
      .type('text/plain')
      .send(problems.length === 0 ? 'ok' : problems.join('\n'));
  });
  const parseBody = express.json({ limit: bodyLimit, type: () => true });
  const answer = (verb: PodVerb, isSteered: boolean) => (request: Request, response: Response) => {
    const started = performance.now();
    const asked = readReview(request.body);
    const rollout = String(request.params['rollout'] ?? '');
    if (!asked) {
      onReview?.({ rollout, namespace: '', outcome: 'refused', tookMs: performance.now() - started });
      response
        .status(400)
        .json({ message: 'this is no AdmissionReview of admission.k8s.io/v1 with a request.uid' });
      return;
    }
    const { response: said, outcome } = reviewPod(asked.request, { verb, isSteered });
    response.json({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: said });
    const { namespace } = asked;
    onReview?.({ rollout, namespace, outcome, tookMs: performance.now() - started });
    logger.debug('pod reviewed', { rollout, namespace, outcome });
  };
  app.post('/pods/hold/:rollout', parseBody, answer('hold', false));
  app.post('/pods/hold/:rollout/steered', parseBody, answer('hold', true));
  app.post('/pods/serve/:rollout', parseBody, answer('serve', true));
  const onError: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
    const status = isJsonObject(error) && typeof error['status'] === 'number' ? error['status'] : 500;
    logger.warn('review failed', { status, error: messageOf(error) });
    response.status(status).json({ message: messageOf(error) });
  };
  app.use(onError);
  return app;
}

function readReview(body: unknown): { readonly request: PodRequest; readonly namespace: string } | undefined {
  if (!isJsonObject(body) || body['apiVersion'] !== 'admission.k8s.io/v1') return undefined;
  const { request } = body;
  if (body['kind'] !== 'AdmissionReview' || !isJsonObject(request)) return undefined;
  const { uid, operation, namespace, object } = request;
  if (typeof uid !== 'string' || uid === '') return undefined;
  return {
    request: { uid, object, ...(typeof operation === 'string' ? { operation } : {}) },
    namespace: typeof namespace === 'string' ? namespace : '',
  };
}

function problemOf(name: string, check: () => void): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [`${name}: ${messageOf(error)}`];
  }
}
