import { describe, expect, it } from 'vitest';
import { judgeRoute, steerRules } from '../../../../src/rollout/plan/traffic/index.ts';

describe('the rules of an HTTPRoute that is steered', () => {
  const rule = (...backendRefs: object[]) => ({
    matches: [{ path: { type: 'PathPrefix', value: '/' } }],
    backendRefs,
  });

  it('lead to both revisions by weight, with everything else as it was', () => {
    const rules = [
      rule({ name: 'web', port: 80, filters: [{ type: 'RequestHeaderModifier' }] }),
      rule({ name: 'static', port: 80 }),
      { filters: [{ type: 'RequestRedirect' }] },
    ];
    expect(steerRules(rules as never, 'web', { 'web-new': 10, 'web-old': 90 })).toEqual([
      rule(
        { name: 'web-new', port: 80, filters: [{ type: 'RequestHeaderModifier' }], weight: 10 },
        { name: 'web-old', port: 80, filters: [{ type: 'RequestHeaderModifier' }], weight: 90 },
      ),
      rules[1],
      rules[2],
    ]);
  });

  it('keep the proportion to backends beside it', () => {
    const [steered] = steerRules(
      [rule({ name: 'web', port: 80, weight: 3 }, { name: 'other', port: 80, weight: 1 })] as never,
      'web',
      { a: 25, b: 75 },
    ) as unknown as [{ backendRefs: { name: string; weight: number }[] }];
    expect(steered.backendRefs.map(({ name, weight }) => [name, weight])).toEqual([
      ['a', 75],
      ['b', 225],
      ['other', 100],
    ]);
  });

  it('leave references to Services of the same name elsewhere alone', () => {
    const rules = [rule({ name: 'web', namespace: 'other', port: 80 })] as never;
    expect(steerRules(rules, 'web', { a: 1, b: 1 })).toEqual(rules);
  });
});

describe('what gateways say of a route', () => {
  const route = (conditions: object[]) => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'web', generation: 3 },
    status: { parents: [{ conditions }] },
  });

  it.each([
    ['nothing at all', [], 'accepted'],
    ['yes', [{ type: 'Accepted', status: 'True', observedGeneration: 3 }], 'accepted'],
    ['yes to older rules', [{ type: 'Accepted', status: 'True', observedGeneration: 2 }], 'waiting'],
    ['no to older rules', [{ type: 'Accepted', status: 'False', observedGeneration: 2 }], 'waiting'],
    ['not yet', [{ type: 'Accepted', status: 'Unknown', observedGeneration: 3 }], 'waiting'],
  ])('%s', (_, conditions, kind) => {
    expect(judgeRoute(route(conditions)).kind).toBe(kind);
  });

  it('no, with the reason', () => {
    const said = {
      type: 'ResolvedRefs',
      status: 'False',
      observedGeneration: 3,
      reason: 'BackendNotFound',
      message: 'Service web-1 is not there',
    };
    expect(judgeRoute(route([said]))).toEqual({
      kind: 'refused',
      message: 'BackendNotFound: Service web-1 is not there',
    });
  });
});
