import { describe, expect, it } from 'vitest';
import { rspToHub } from '../../../../src/api/convert/rsp-to-hub.ts';

const preference = (spec: object, group = 'scheduling.kubefed.io') => ({
  apiVersion: `${group}/v1alpha1`,
  kind: 'ReplicaSchedulingPreference',
  metadata: { name: 'web', namespace: 'shop' },
  spec,
});
const minimal = { targetKind: 'FederatedDeployment', totalReplicas: 9 };
const problemsOf = (object: unknown) => {
  const read = rspToHub(object);
  return read.ok ? [] : read.problems;
};

describe('a ReplicaSchedulingPreference', () => {
  it.each(['scheduling.kubefed.io', 'scheduling.federation.k8s.io'])(
    'of %s is read with its defaults',
    (group) => {
      const read = rspToHub(
        preference({ ...minimal, clusters: { A: { weight: 1 }, '*': { maxReplicas: 0 } } }, group),
      );
      expect(read).toMatchObject({
        ok: true,
        hub: {
          source: { group, plural: 'replicaschedulingpreferences' },
          metadata: { name: 'web', namespace: 'shop' },
          spec: {
            ...minimal,
            rebalance: false,
            intersectWithClusterSelector: false,
            clusters: {
              A: { weight: 1, minReplicas: 0 },
              '*': { weight: 0, minReplicas: 0, maxReplicas: 0 },
            },
          },
        },
      });
    },
  );

  it('without a maximum has none, rather than zero', () => {
    const read = rspToHub(preference({ ...minimal, clusters: { A: {} } }));
    expect(read.ok && read.hub.spec.clusters['A']).not.toHaveProperty('maxReplicas');
  });

  it('of 2019 knows no intersection', () => {
    const read = rspToHub(
      preference({ ...minimal, intersectWithClusterSelector: true }, 'scheduling.federation.k8s.io'),
    );
    expect(read.ok && read.hub.spec.intersectWithClusterSelector).toBe(false);
  });

  it.each([
    [preference({ targetKind: 'FederatedDeployment' }), 'spec.totalReplicas', 'missing'],
    [preference({ ...minimal, totalReplicas: -1 }), 'spec.totalReplicas', 'at least 0'],
    [preference({ ...minimal, totalReplicas: 1.5 }), 'spec.totalReplicas', 'whole number'],
    [preference({ ...minimal, targetKind: 'Deployment' }), 'spec.targetKind', 'FederatedDeployment'],
    [preference({ ...minimal, clusters: { A: { weight: -1 } } }), 'spec.clusters.A.weight', 'at least 0'],
    [preference({ ...minimal, clusters: ['A'] }), 'spec.clusters', 'must be a map'],
    [{ ...preference(minimal), apiVersion: 'scheduling.kubefed.io/v1beta1' }, 'apiVersion', 'v1alpha1'],
  ])('that is wrong is told with field and mend (%#)', (object, field, message) => {
    expect(problemsOf(object)).toEqual([{ field, message: expect.stringContaining(message) }]);
  });
});
