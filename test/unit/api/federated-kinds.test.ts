import { describe, expect, it } from 'vitest';
import {
  addressOf,
  federatedGroups,
  federatedKinds,
  findFederatedKind,
} from '../../../src/api/federated-kinds.ts';

describe('the table of federated kinds', () => {
  it.each(Object.values(federatedGroups))('is found by apiVersion and kind in $group', (group) => {
    for (const row of federatedKinds) {
      const { version, kind } = addressOf(row, group);
      expect(findFederatedKind(`${group.group}/${version}`, kind)).toEqual({ row, group });
    }
  });

  it.each([
    ['types.kubefed.io/v1alpha1', 'FederatedDeployment'],
    ['types.federation.k8s.io/v1beta1', 'FederatedDeployment'],
    ['types.kubefed.io/v1beta1', 'Deployment'],
  ])('knows no %s %s', (apiVersion, kind) => {
    expect(findFederatedKind(apiVersion, kind)).toBeUndefined();
  });

  it('names kinds and plurals as KubeFed derived them from the target', () => {
    for (const { federatedKind, plural, target } of federatedKinds) {
      expect([federatedKind, plural]).toEqual([`Federated${target.kind}`, `federated${target.plural}`]);
    }
  });

  it('never watches the data of Secrets in members', () => {
    expect(federatedKinds.find(({ target }) => target.kind === 'Secret')?.metadataOnly).toBe(true);
  });
});
