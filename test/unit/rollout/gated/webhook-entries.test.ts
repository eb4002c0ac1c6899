import { describe, expect, it } from 'vitest';
import { type EntriesInput, entryManager, webhookEntries } from '../../../../src/rollout/plan/gated/index.ts';

const input: EntriesInput = {
  address: { url: 'https://hansa.example.com:443/', caBundle: 'PEM' },
  rollout: 'web',
  namespace: 'shop',
  workload: { kind: 'Deployment', name: 'web', selector: { matchLabels: { app: 'web' } } },
  stable: 'abc',
  whenDown: 'Hold',
  isSteered: false,
};

describe('the entry of a rollout', () => {
  it('is about new pods of that workload in that namespace alone', () => {
    const [entry, ...others] = webhookEntries(input);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      name: 'hold.web.shop.rollout.hansa.dev',
      clientConfig: { url: 'https://hansa.example.com:443/pods/hold/web' },
      failurePolicy: 'Fail',
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
      objectSelector: { matchLabels: { app: 'web' } },
      timeoutSeconds: 2,
    });
    const text = JSON.stringify(entry);
    expect(text).toContain("!(object.metadata.labels['pod-template-hash'] == 'abc')");
  });

  it('lets new pods go without an answer where that was wished', () => {
    expect(webhookEntries({ ...input, whenDown: 'Proceed' })).toMatchObject([{ failurePolicy: 'Ignore' }]);
  });

  it('never makes stable pods depend on an answer, also when they get their traffic from it', () => {
    const [hold, serve] = webhookEntries({ ...input, isSteered: true });
    expect(hold).toMatchObject({
      clientConfig: { url: expect.stringMatching(/\/pods\/hold\/web\/steered$/) },
    });
    expect(serve).toMatchObject({ name: 'serve.web.shop.rollout.hansa.dev', failurePolicy: 'Ignore' });
  });

  it('calls a Service of the member where the webhook runs there', () => {
    const [entry] = webhookEntries({
      ...input,
      address: { url: 'service://hansa/hook:8443', caBundle: 'PEM' },
    });
    expect(entry).toMatchObject({
      clientConfig: { service: { namespace: 'hansa', name: 'hook', port: 8443, path: '/pods/hold/web' } },
    });
  });

  it('has a name that the server takes, whatever the rollout is called', () => {
    const [entry] = webhookEntries({ ...input, rollout: 'x'.repeat(250) });
    expect(entry?.['name']).toMatch(/^hold\.[0-9a-f]{16}\.rollout\.hansa\.dev$/);
  });

  it('is applied in its own name, so that rollouts do not remove one another’s', () => {
    expect(entryManager(input)).not.toBe(entryManager({ ...input, namespace: 'other' }));
  });
});
