import { describe, expect, it } from 'vitest';
import {
  isComplete,
  type MembersView,
  type MemberView,
  objectKey,
  podTotals,
  rowsOf,
} from '../../../src/cli/demo/demo-rows.ts';
import { demoMembers, type Expectation, expectations } from '../../../src/cli/demo/expectations.ts';
import { shortfallsOf } from '../../../src/cli/demo/shortfalls.ts';

const members = demoMembers.map(({ name }) => name);
const web: Expectation = {
  apiVersion: 'types.kubefed.io/v1beta1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  wanted: { cluster1: 3, cluster2: 5 },
};
const config: Expectation = { ...web, kind: 'ConfigMap', wanted: { cluster1: 1 } };

/** A member with so many pods of shop/web, all of them Ready unless said otherwise. */
function member(all: number, ready = all, objects: readonly string[] = []): MemberView {
  return { pods: new Map([[objectKey('Deployment', web), { ready, all }]]), objects: new Set(objects) };
}

function views(one: MemberView, two: MemberView, three: MemberView): MembersView {
  return new Map([
    ['cluster1', one],
    ['cluster2', two],
    ['cluster3', three],
  ]);
}

/** Members that hold exactly what the whole quickstart says. */
function allThere(): MembersView {
  return new Map(
    members.map((name) => {
      const here = expectations.filter(({ wanted }) => wanted[name]);
      const isDeployment = ({ kind }: Expectation) => kind === 'Deployment';
      const count = ({ wanted }: Expectation) => ({ ready: wanted[name] ?? 0, all: wanted[name] ?? 0 });
      return [
        name,
        {
          pods: new Map(
            here.filter(isDeployment).map((each) => [objectKey('Deployment', each), count(each)]),
          ),
          objects: new Set(
            here.filter((each) => !isDeployment(each)).map((each) => objectKey(each.kind, each)),
          ),
        },
      ];
    }),
  );
}

describe('the check of the demo', () => {
  it('is passed when the members hold what the quickstart says', () => {
    const rows = rowsOf(expectations, members, allThere());
    expect(isComplete(rows)).toBe(true);
    expect(podTotals(rows)).toEqual({ ready: 46, wanted: 46 });
  });

  it.each([
    ['a pod that is not Ready', views(member(3), member(5, 4), member(0)), 'waiting'],
    ['a pod too few', views(member(2), member(5), member(0)), 'waiting'],
    ['a pod too many', views(member(4), member(5), member(0)), 'too-many'],
    ['one too many that is not even Ready', views(member(4, 3), member(5), member(0)), 'too-many'],
    ['a pod where none should be', views(member(3), member(5), member(1)), 'too-many'],
    ['the right sum in the wrong places', views(member(5), member(3), member(0)), 'too-many'],
  ])('fails for %s', (_, seen, state) => {
    const rows = rowsOf([web], members, seen);
    expect(rows.map((row) => row.state)).toEqual([state]);
    expect(isComplete(rows)).toBe(false);
  });

  it('takes a member that was not read for no proof, even where nothing should be', () => {
    const seen = new Map(views(member(3), member(5), member(0)));
    seen.delete('cluster3');
    const rows = rowsOf([web], members, seen);
    expect(rows[0]?.cells.map(({ state }) => state)).toEqual(['ready', 'ready', 'unread']);
    expect(isComplete(rows)).toBe(false);
  });

  it('looks for other objects by kind, namespace and name', () => {
    const there = member(0, 0, [objectKey('ConfigMap', config)]);
    const other = member(0, 0, [objectKey('Secret', config)]);
    expect(isComplete(rowsOf([config], members, views(there, member(0), member(0))))).toBe(true);
    expect(isComplete(rowsOf([config], members, views(other, member(0), member(0))))).toBe(false);
    expect(rowsOf([config], members, views(there, member(0), there))[0]?.state).toBe('too-many');
  });
});

describe('what the demo says of a shortfall', () => {
  const rows = rowsOf([web, config], members, views(member(3), member(5, 2), member(0)));

  it('names workload and cluster, and repeats the host', () => {
    const word = { clusters: new Map([['cluster2', 'CreationFailed: quota exceeded']]) };
    expect(shortfallsOf(rows, () => word)).toEqual([
      'Deployment shop/web in cluster2 has 2 of 5 pods Ready; the host says: CreationFailed: quota exceeded',
      'ConfigMap shop/web in cluster1 is missing; the host does not mean it for this cluster',
    ]);
  });

  it('tells when the host thinks all is well, or has not even the object', () => {
    const [deployment] = rows;
    const inSync = { clusters: new Map([['cluster2', undefined]]) };
    expect(shortfallsOf(rows, (row) => (row === deployment ? inSync : undefined))).toEqual([
      'Deployment shop/web in cluster2 has 2 of 5 pods Ready; the host says that the cluster is in sync',
      'ConfigMap shop/web in cluster1 is missing; the federated object is not on the host',
    ]);
  });

  it('says once of a member that could not be read that it could not be read', () => {
    const unread = rowsOf([web, config], members, new Map([['cluster1', member(3)]]));
    expect(shortfallsOf(unread, () => ({ message: 'no such kind', clusters: new Map() }))).toEqual([
      'what cluster2 holds could not be read: its API server does not answer',
      'what cluster3 holds could not be read: its API server does not answer',
      'ConfigMap shop/web in cluster1 is missing; the host says: no such kind',
    ]);
  });

  it('has nothing to say when all is there', () => {
    expect(shortfallsOf(rowsOf(expectations, members, allThere()), () => undefined)).toEqual([]);
  });
});
