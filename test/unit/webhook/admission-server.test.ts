import { afterEach, describe, expect, it } from 'vitest';
import { Agent, request } from 'undici';
import { silentLogger } from '../../../src/base/index.ts';
import { bundleOf, carryOutStep, type CertificateSet } from '../../../src/webhook/certificates.ts';
import { type AdmissionServer, type Reviewed, startAdmissionServer } from '../../../src/webhook/index.ts';

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()));
});

async function start(checks: Readonly<Record<string, () => void>> = {}) {
  const set = await carryOutStep(undefined, 'start', { names: ['127.0.0.1'], nowMs: Date.now() });
  const reviews: Reviewed[] = [];
  const server = await startAdmissionServer({
    port: 0,
    bind: '127.0.0.1',
    pair: set.serving,
    logger: silentLogger,
    onReview: (reviewed) => reviews.push(reviewed),
    checks,
  });
  running.push(server);
  return { server, set, reviews };
}

async function ask(server: AdmissionServer, set: CertificateSet, path: string, body?: unknown) {
  const dispatcher = new Agent({ connect: { ca: bundleOf(set) } });
  running.push(dispatcher);
  const answer = await request(`https://127.0.0.1:${server.port}${path}`, {
    dispatcher,
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

const review = (object: unknown) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u1', operation: 'CREATE', namespace: 'shop', object },
});
const pod = { metadata: { labels: { 'pod-template-hash': 'abc' } }, spec: { containers: [] } };

describe('the webhook server', () => {
  it('answers a review over TLS that the bundle trusts, and tells the metrics', async () => {
    const { server, set, reviews } = await start();
    const { status, text } = await ask(server, set, '/pods/hold/web?timeout=2s', review(pod));
    expect(status).toBe(200);
    const answer = JSON.parse(text) as { kind: string; response: { uid: string; patch: string } };
    expect(answer).toMatchObject({
      apiVersion: 'admission.k8s.io/v1',
      response: { uid: 'u1', allowed: true },
    });
    expect(Buffer.from(answer.response.patch, 'base64').toString()).toContain('rollout.hansa.dev/step');
    expect(reviews).toMatchObject([{ rollout: 'web', namespace: 'shop', outcome: 'held' }]);
  });

  it('knows the ways for steered traffic', async () => {
    const { server, set } = await start();
    const patchOf = async (path: string) => {
      const { text } = await ask(server, set, path, review(pod));
      const { response } = JSON.parse(text) as { response: { patch: string } };
      return Buffer.from(response.patch, 'base64').toString();
    };
    expect(await patchOf('/pods/hold/web/steered')).toContain('readinessGates');
    expect(await patchOf('/pods/serve/web')).not.toContain('schedulingGates');
  });

  it.each([
    ['no JSON', '{', 400],
    ['no review', { kind: 'Pod' }, 400],
    ['a review without a uid', { ...review(pod), request: { object: pod } }, 400],
    ['more than any pod can be', `{"a":"${'x'.repeat(4 * 1024 * 1024)}"}`, 413],
  ])('refuses %s', async (_, body, code) => {
    const { server, set } = await start();
    expect((await ask(server, set, '/pods/hold/web', body)).status).toBe(code);
  });

  it('says whether it lives and whether it may be asked', async () => {
    const { server, set } = await start({
      certificate: () => {
        throw new Error('ended');
      },
    });
    expect(await ask(server, set, '/healthz')).toEqual({ status: 200, text: 'ok' });
    expect(await ask(server, set, '/readyz')).toEqual({ status: 503, text: 'certificate: ended' });
  });

  it('serves a renewed certificate to new connections without a restart', async () => {
    const { server, set } = await start();
    const next = await carryOutStep(set, 'announce', { names: ['127.0.0.1'], nowMs: Date.now() });
    const later = await carryOutStep(next, 'switch', { names: ['127.0.0.1'], nowMs: Date.now() });
    server.renew(later.serving);
    const onlyNew = { ...later };
    delete (onlyNew as { previous?: string }).previous;
    expect((await ask(server, onlyNew, '/healthz')).status).toBe(200);
    await expect(ask(server, set, '/healthz')).rejects.toThrow();
  });

  it('says so when its port is taken', async () => {
    const { server, set } = await start();
    await expect(
      startAdmissionServer({ port: server.port, bind: '127.0.0.1', pair: set.serving, logger: silentLogger }),
    ).rejects.toThrow(/choose another port with --webhook-port/);
  });
});
