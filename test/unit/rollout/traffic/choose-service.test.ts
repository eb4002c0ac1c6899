import { describe, expect, it } from 'vitest';
import { chooseService, type ServiceQuestion } from '../../../../src/rollout/plan/traffic/index.ts';

const service = (name: string, spec: object, annotations?: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, ...(annotations ? { annotations } : {}) },
  spec,
});

const ask = (question: Partial<ServiceQuestion>) =>
  chooseService({
    services: [],
    named: undefined,
    podLabels: [{ app: 'web', tier: 'front' }],
    rollout: 'web',
    where: 'namespace shop of member m1',
    ...question,
  });

const web = service('web', { selector: { app: 'web' } });

describe('the Service whose traffic is steered', () => {
  it('is the only one that selects the pods', () => {
    const other = service('db', { selector: { app: 'db' } });
    const empty = service('external', {});
    expect(ask({ services: [other, web, empty] })).toMatchObject({
      kind: 'chosen',
      service: { metadata: { name: 'web' } },
      selector: { app: 'web' },
    });
  });

  it('is not the headless twin of an ordinary one, but may be headless if there is no other', () => {
    const headless = service('web-peers', { selector: { app: 'web' }, clusterIP: 'None' });
    expect(ask({ services: [headless, web] })).toMatchObject({ service: { metadata: { name: 'web' } } });
    expect(ask({ services: [headless] })).toMatchObject({ service: { metadata: { name: 'web-peers' } } });
  });

  it('selects without our label what it selected before', () => {
    const steered = service(
      'web',
      { selector: { app: 'web', 'rollout.hansa.dev/traffic': 'enabled' } },
      { 'rollout.hansa.dev/original': '{"rollout":"web","selector":{"app":"web"}}' },
    );
    expect(ask({ services: [steered] })).toMatchObject({ kind: 'chosen', selector: { app: 'web' } });
  });

  const steeredByOther = service(
    'web',
    { selector: { app: 'web', 'rollout.hansa.dev/traffic': 'enabled' } },
    { 'rollout.hansa.dev/original': '{"rollout":"shop","selector":{"app":"web"}}' },
  );

  it.each([
    [
      'none selects them',
      {},
      'SourceNotFound',
      'no Service in namespace shop of member m1 selects the pods (labels app=web, tier=front)',
    ],
    ['the named one is missing', { named: 'front' }, 'SourceNotFound', 'there is no Service front'],
    [
      'several select them',
      { services: [web, service('all', { selector: { tier: 'front' } })] },
      'InvalidSpec',
      'the Services all, web in namespace shop of member m1 all select the pods: set spec.traffic.service',
    ],
    [
      'the named one has no selector',
      { named: 'bare', services: [service('bare', {})] },
      'InvalidSpec',
      'Service bare has no selector',
    ],
    [
      'the named one leads elsewhere',
      { named: 'out', services: [service('out', { type: 'ExternalName', externalName: 'example.org' })] },
      'InvalidSpec',
      'ExternalName',
    ],
    [
      'it publishes pods that are not ready',
      { services: [service('web', { selector: { app: 'web' }, publishNotReadyAddresses: true })] },
      'InvalidSpec',
      'publishNotReadyAddresses',
    ],
    [
      'another rollout steers it',
      { services: [steeredByOther] },
      'InvalidSpec',
      'Service web is steered by rollout shop already',
    ],
  ])('is none, with a sentence, where %s', (_, question, reason, words) => {
    const choice = ask(question);
    expect(choice).toMatchObject({ kind: 'none', reason });
    expect(choice.kind === 'none' && choice.message).toContain(words);
  });
});
