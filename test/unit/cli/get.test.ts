import { describe, expect, it } from 'vitest';
import { clusterRow } from '../../../src/cli/cluster-row.ts';
import { federatedRow } from '../../../src/cli/federated-row.ts';
import { fleetColumns, fleetRows } from '../../../src/cli/fleet-table.ts';
import { readKinds, shownKinds } from '../../../src/cli/kind-words.ts';
import { listingsAsData, objectName, renderListings } from '../../../src/cli/render-listings.ts';
import { selectionFrom } from '../../../src/cli/run-get.ts';
import { renderTable } from '../../../src/cli/table.ts';
import type { KubeObject } from '../../../src/kube/index.ts';

const now = Date.UTC(2026, 0, 1, 12);
const createdAt = '2026-01-01T11:55:00Z';

function object(kind: string, name: string, more: Readonly<Record<string, unknown>> = {}): KubeObject {
  return {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind,
    ...more,
    metadata: {
      name,
      namespace: 'shop',
      generation: 1,
      creationTimestamp: createdAt,
      ...(more['metadata'] as object),
    },
  };
}

const spread = object('FederatedDeployment', 'web', {
  status: {
    observedGeneration: 1,
    conditions: [{ type: 'Propagation', status: 'False', reason: 'CheckClusters', message: 'us-1: refused' }],
    summary: { text: '1/4', selected: 4, inSync: 1, failing: 2, replicas: 9, readyReplicas: 6 },
    clusters: [
      { name: 'ap-1', status: 'Waiting', replicas: 1, readyReplicas: 0 },
      { name: 'eu-1', replicas: 5, readyReplicas: 5 },
      { name: 'sa-1', status: 'WaitingForRemoval' },
      { name: 'us-1', status: 'UpdateFailed', message: 'refused', replicas: 3, readyReplicas: 1 },
    ],
  },
});
const unseen = object('FederatedConfigMap', 'settings');
const cluster = object('KubeFedCluster', 'eu-1', {
  apiVersion: 'core.kubefed.io/v1beta1',
  metadata: { labels: { region: 'eu' }, annotations: { 'hansa.dev/alias': 'A' } },
  spec: { apiEndpoint: 'https://eu-1:6443' },
  status: { conditions: [{ type: 'Ready', status: 'True' }], kubernetesVersion: 'v1.36.3' },
});

describe('a federated object in a table', () => {
  it('counts its clusters by state', () => {
    expect(federatedRow(spread, now)).toMatchObject({
      counts: { selected: 4, inSync: 1, waiting: 2, failing: 1 },
      ready: '6/9',
      age: '5m',
      reason: 'CheckClusters',
      message: 'us-1: refused',
    });
  });

  it('says so when no controller has looked at it', () => {
    expect(federatedRow(unseen, now)).toMatchObject({
      counts: undefined,
      ready: undefined,
      reason: 'NotSeen',
    });
  });

  it('says so when the status is older than the last change', () => {
    const changed = { ...spread, metadata: { ...spread.metadata, generation: 2 } };
    expect(federatedRow(changed, now).reason).toBe('Outdated');
  });

  it('says so when it is being deleted', () => {
    const deleted = { ...spread, metadata: { ...spread.metadata, deletionTimestamp: createdAt } };
    expect(federatedRow(deleted, now).reason).toBe('Deleting');
  });
});

describe('a cluster in a table', () => {
  it('shows region, version and alias', () => {
    expect(clusterRow(cluster, now)).toMatchObject({
      ready: 'True',
      region: 'eu',
      version: 'v1.36.3',
      alias: 'A',
      message: undefined,
    });
  });

  it("tells of trouble where KubeFed's condition Ready has vanished", () => {
    const offline = {
      ...cluster,
      status: { conditions: [{ type: 'Offline', status: 'True', message: 'no route' }] },
    };
    expect(clusterRow(offline, now)).toMatchObject({ ready: 'Unknown', message: 'no route' });
  });
});

describe('a listing', () => {
  const listings = shownKinds
    .filter(({ kind }) => ['KubeFedCluster', 'FederatedConfigMap', 'FederatedDeployment'].includes(kind))
    .map((shown) => ({
      shown,
      objects: [cluster, unseen, spread].filter(({ kind }) => kind === shown.kind),
    }));

  it('has a table of clusters and one of objects, with a column a state', () => {
    expect(renderListings(listings, { nowMs: now, wide: false, allNamespaces: true })).toMatchInlineSnapshot(`
      "CLUSTER  READY  REGION  VERSION  ALIAS  AGE  MESSAGE
      eu-1     True   eu      v1.36.3  A       5m  -

      NAMESPACE  KIND                 NAME      SELECTED  IN-SYNC  WAITING  FAILING  READY  AGE  REASON
      shop       FederatedConfigMap   settings         -        -        -        -      -   5m  NotSeen
      shop       FederatedDeployment  web              4        1        2        1    6/9   5m  CheckClusters"
    `);
  });

  it('names kinds where both groups serve the same one', () => {
    const legacy = { ...spread, apiVersion: 'types.federation.k8s.io/v1alpha1' };
    const [shown] = readKinds('fdeploy').kinds;
    const text = shown
      ? renderListings([{ shown, objects: [spread, legacy] }], {
          nowMs: now,
          wide: false,
          allNamespaces: false,
        })
      : '';
    expect(text).toContain('FederatedDeployment.federation.k8s.io  web');
  });

  it('gives names as kubectl does, and data without what nobody reads', () => {
    expect(objectName(spread)).toBe('federateddeployment.types.kubefed.io/web');
    const noisy = { ...spread, metadata: { ...spread.metadata, managedFields: [{ manager: 'x' }] } };
    const [shown] = readKinds('fdeploy').kinds;
    const data = shown && listingsAsData([{ shown, objects: [noisy] }], { single: true });
    expect(data).toEqual(spread);
  });
});

describe('the table clusters × workloads', () => {
  const rows = fleetRows([spread, unseen]);

  it('has a cell for each cluster that is to hold the object', () => {
    expect(renderTable(fleetColumns(['eu-1', 'us-1', 'none']), rows)).toMatchInlineSnapshot(`
      "WORKLOAD                          eu-1          us-1  none
      FederatedDeployment shop/web       5/5  UpdateFailed     -
      FederatedConfigMap shop/settings     -             -     -"
    `);
  });

  it('is complete when every cluster holds the object and each replica is ready', () => {
    expect(rows.map(({ complete }) => complete)).toEqual([false, false]);
    const clusters = [{ name: 'eu-1', replicas: 5, readyReplicas: 5 }];
    const status = { observedGeneration: 1, conditions: [{ type: 'Propagation', status: 'True' }], clusters };
    expect(fleetRows([{ ...spread, status }])[0]?.complete).toBe(true);
    expect(fleetRows([{ ...spread, status: { ...status, observedGeneration: 0 } }])[0]?.complete).toBe(false);
  });
});

describe('the words for kinds', () => {
  it.each([
    ['fdeploy', ['FederatedDeployment']],
    ['Deployments', ['FederatedDeployment']],
    ['federateddeployments.types.kubefed.io', ['FederatedDeployment']],
    ['cm,fdeploy,fcm', ['FederatedConfigMap', 'FederatedDeployment']],
    ['kfc', ['KubeFedCluster']],
    ['members', ['KubeFedCluster']],
    ['rsp', ['ReplicaSchedulingPreference']],
  ])('%s', (word, kinds) => {
    expect(readKinds(word).kinds.map(({ kind }) => kind)).toEqual(kinds);
  });

  it('lead to one kind each', () => {
    const words = shownKinds.flatMap((shown) => shown.words);
    expect(new Set(words).size).toBe(words.length);
  });

  it('take a name after a slash', () => {
    expect(readKinds('fdeploy/web')).toMatchObject({ name: 'web' });
    expect(() => readKinds('a/b/c')).toThrow('KIND/NAME');
  });

  it('are listed when one is unknown', () => {
    expect(() => readKinds('fdeplyo')).toThrow(
      /no kind "fdeplyo": choose from clusters, .*federateddeployments/,
    );
  });
});

describe('where hansa get looks', () => {
  const flags = { hostNamespace: 'kube-federation-system' };
  it('without a kind: everything, everywhere', () => {
    const selection = selectionFrom({ kind: undefined, name: undefined, flags }, 'team');
    expect(selection).toMatchObject({ namespace: undefined, kinds: shownKinds });
  });
  it("with a kind: the context's namespace, unless told otherwise", () => {
    const ask = (more: object, context?: string) =>
      selectionFrom({ kind: 'fdeploy', name: undefined, flags: { ...flags, ...more } }, context).namespace;
    expect(ask({}, 'team')).toBe('team');
    expect(ask({})).toBe('default');
    expect(ask({ namespace: 'shop' }, 'team')).toBe('shop');
    expect(ask({ allNamespaces: true }, 'team')).toBeUndefined();
  });
  it('refuses a name in all namespaces', () => {
    const request = { kind: 'fdeploy', name: 'web', flags: { ...flags, allNamespaces: true } };
    expect(() => selectionFrom(request, undefined)).toThrow('name the namespace');
  });
});
