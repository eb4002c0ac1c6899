import { describe, expect, it } from 'vitest';
import { parseLabels, renderJoin } from '../../../src/cli/commands/join.ts';

describe('labels on the command line', () => {
  it.each([
    [undefined, {}],
    ['region=eu', { region: 'eu' }],
    ['region=eu,tier-', { region: 'eu', tier: null }],
    [
      'topology.kubernetes.io/region=eu-west,empty=',
      { 'topology.kubernetes.io/region': 'eu-west', empty: '' },
    ],
  ])('%s', (text, labels) => {
    expect(parseLabels(text)).toEqual(labels);
  });

  it.each(['region', 'region=e u', '=eu', 'a=b=c', '-', 'UPPER.example/a/b=c'])('refuses "%s"', (text) => {
    expect(() => parseLabels(text)).toThrow(/--labels/);
  });
});

describe('what a join tells', () => {
  const result = {
    name: 'm1',
    done: 'joined',
    apiEndpoint: 'https://m1:6443',
    clusterUid: 'u',
    version: 'v1.36.3',
    account: { namespace: 'ns', name: 'm1-host' },
    secretName: 's',
    warnings: [],
    objects: [],
  } as const;

  it('in one line', () => {
    expect(renderJoin(result)).toBe('m1 (https://m1:6443, Kubernetes v1.36.3) has joined.');
  });

  it("with the controller's word, if it was waited for", () => {
    expect(renderJoin({ ...result, controller: { kind: 'not-ready', message: 'no route' } })).toContain(
      "The controller can't use it yet: no route",
    );
  });
});
