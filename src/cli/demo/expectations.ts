import type { MemberSpec } from '../../sandbox/index.ts';

/** The members of the demo. The quickstart names them, their aliases and their regions. */
export const demoMembers = [
  { name: 'cluster1', region: 'eu', labels: { region: 'eu' }, alias: 'A' },
  { name: 'cluster2', region: 'us', labels: { region: 'us' }, alias: 'B' },
  { name: 'cluster3', region: 'ap', labels: { region: 'ap' }, alias: 'C' },
] as const satisfies readonly MemberSpec[];

export type DemoMember = (typeof demoMembers)[number]['name'];

/** What one federated object of the quickstart must lead to in the members. */
export interface Expectation {
  /** Of the federated object on the host. */
  readonly apiVersion: string;
  /** Of what the members get. */
  readonly kind: 'Deployment' | 'ConfigMap' | 'Secret' | 'Service';
  readonly namespace: string;
  readonly name: string;
  /** Ready pods of a Deployment, 1 for another object; absent = none at all. */
  readonly wanted: Readonly<Partial<Record<DemoMember, number>>>;
}

const of2019 = { apiVersion: 'types.federation.k8s.io/v1alpha1', kind: 'Deployment' } as const;
const ofToday = { apiVersion: 'types.kubefed.io/v1beta1', kind: 'Deployment' } as const;
const beside = { apiVersion: ofToday.apiVersion, namespace: 'shop', name: 'web' } as const;

/** What `examples/quickstart/` says, file by file. Written down by hand: computed, it would prove nothing. */
export const expectations: readonly Expectation[] = [
  // 01: three replicas, overridden with five for cluster2.
  {
    ...of2019,
    namespace: 'test-namespace',
    name: 'test-deployment',
    wanted: { cluster1: 3, cluster2: 5 },
  },
  // 02: nine replicas by weight, A : B = 1 : 2.
  { ...of2019, namespace: 'test-ns', name: 'test-deployment', wanted: { cluster1: 3, cluster2: 6 } },
  // 03 and 04: the same two in today's groups.
  { ...ofToday, namespace: 'shop', name: 'web', wanted: { cluster1: 3, cluster2: 5 } },
  { ...ofToday, namespace: 'shop-weighted', name: 'web', wanted: { cluster1: 3, cluster2: 6 } },
  // 05: regions eu and us, with four for us.
  { ...ofToday, namespace: 'shop-regions', name: 'web', wanted: { cluster1: 2, cluster2: 4 } },
  // 06: six replicas over all there are.
  {
    ...ofToday,
    namespace: 'shop-everywhere',
    name: 'web',
    wanted: { cluster1: 2, cluster2: 2, cluster3: 2 },
  },
  // 07: what stands beside a Deployment.
  { ...beside, kind: 'ConfigMap', wanted: { cluster1: 1, cluster2: 1 } },
  { ...beside, kind: 'Secret', wanted: { cluster1: 1, cluster2: 1 } },
  { ...beside, kind: 'Service', wanted: { cluster1: 1, cluster2: 1 } },
];
