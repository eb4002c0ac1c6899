import { describe, expect, it } from 'vitest';
import { hasLabels } from '../../../../src/provision/registration/membership.ts';
import {
  isSameSource,
  type RegistrationSource,
  sourceLabels,
  sourceOf,
} from '../../../../src/provision/registration/words.ts';

describe('labels of a member that was registered', () => {
  const eu = { region: 'eu' };

  it.each([
    ['has them', { region: 'eu' }, ['region'], true],
    ["has a person's besides", { region: 'eu', tier: 'gold' }, ['region'], true],
    ['has another value', { region: 'us' }, ['region'], false],
    ['lacks one', {}, [], false],
    ['has one that the spec gave it before', { region: 'eu', tier: 'gold' }, ['region', 'tier'], false],
    ['has them from a person, not from a registration', { region: 'eu' }, undefined, false],
  ])('are in line or not: it %s', (_, labels, registeredLabels, inLine) => {
    expect(hasLabels({ labels: labels as Record<string, string>, registeredLabels }, eu)).toBe(inLine);
  });
});

describe('what a member was registered for', () => {
  const shop: RegistrationSource = { by: 'KubeCluster', namespace: 'clusters', name: 'shop' };

  it('is read back from its labels', () => {
    expect(isSameSource(sourceOf({ region: 'eu', ...sourceLabels(shop) }), shop)).toBe(true);
  });

  it.each([
    ['that a person joined', {}],
    ['of another door', sourceLabels({ ...shop, by: 'ClusterAPI' })],
    ['of another namespace', sourceLabels({ ...shop, namespace: 'team-b' })],
    ['of an unknown door', { ...sourceLabels(shop), 'provision.hansa.dev/registered-by': 'Tomorrow' }],
  ])('is not that of a member %s', (_, labels) => {
    expect(isSameSource(sourceOf(labels), shop)).toBe(false);
  });
});
