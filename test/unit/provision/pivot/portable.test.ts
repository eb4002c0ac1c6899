import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/base/index.ts';
import { concernsInFile, concernsOnHost } from '../../../../src/provision/pivot/concerns.ts';
import {
  differences,
  openWorkIn,
  operationsOf,
  portableObject,
} from '../../../../src/provision/pivot/portable.ts';
import { record } from '../store/builders.ts';
import { keptCluster } from './kept-cluster.ts';

const key = { namespace: 'clusters', name: 'shop' };

describe('an object that moves', () => {
  it('leaves behind what belongs to one home', () => {
    const onHost: JsonObject = {
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeCluster',
      metadata: {
        name: 'shop',
        namespace: 'clusters',
        uid: 'u1',
        resourceVersion: '7',
        generation: 2,
        creationTimestamp: '2026-01-01T00:00:00Z',
        managedFields: [],
        finalizers: ['provision.hansa.dev/let-go'],
        annotations: { 'provision.hansa.dev/moved-to': 'elsewhere', note: 'mine' },
      },
      spec: { version: '1.36.3' },
      status: { phase: 'Ready' },
    };
    expect(portableObject(onHost, 'clusters')).toEqual({
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeCluster',
      metadata: { name: 'shop', namespace: 'clusters', annotations: { note: 'mine' } },
      spec: { version: '1.36.3' },
    });
  });
});

describe('a copy', () => {
  const whole = keptCluster(key);

  it('is the same with another order of its objects, and with what a server adds', () => {
    const objects = whole.objects.toReversed().map((object) => ({ ...object, status: { phase: 'Ready' } }));
    expect(differences(whole, { ...whole, objects })).toEqual([]);
  });

  it.each([
    [
      'an object that changed',
      { objects: keptCluster(key, { spec: { version: '1.36.4' } }).objects },
      'KubeCluster shop',
    ],
    ['an object less', { objects: keptCluster(key, { machines: ['m1'] }).objects }, 'KubeMachine shop-m2'],
    [
      'an object more',
      { objects: keptCluster(key, { machines: ['m1', 'm2', 'm3'] }).objects },
      'KubeMachine shop-m3 (too much)',
    ],
    ['a Secret that changed', { secrets: keptCluster(key, { ca: 'other' }).secrets }, 'Secret shop-ca'],
    ['a journal that is shorter', { journal: whole.journal.slice(0, -1) }, 'the journal'],
  ])('differs by %s', (_, part, told) => {
    expect(differences(whole, { ...whole, ...part })).toEqual([told]);
  });
});

describe('the journal of a cluster that moves', () => {
  it('is taken apart by operations, in the order in which they began', () => {
    const journal = [
      record({ operation: 'b', attempt: 1 }),
      record({ operation: 'a', attempt: 1 }),
      record({ operation: 'b', attempt: 2 }),
    ];
    expect(
      operationsOf(journal).map(({ operation, records }) => [
        operation,
        records.map(({ attempt }) => attempt),
      ]),
    ).toEqual([
      ['b', [1, 2]],
      ['a', [1]],
    ]);
  });

  it.each([
    ['nothing was ever done', [], undefined],
    ['an intent that was ended', [record({ event: 'intent' }), record({ event: 'done' })], undefined],
    ['an intent that nobody ended', [record({ event: 'intent' })], 'is open'],
    ['a step that a killed engine began', [record({ event: 'started' })], 'is open'],
    ['a step that failed', [record({ event: 'started' }), record({ event: 'failed' })], undefined],
    [
      'a step that was told to stop',
      [record({ event: 'started' }), record({ event: 'interrupted' })],
      undefined,
    ],
  ])('tells whether work is open: %s', (_, journal, open) => {
    expect(openWorkIn(journal) === undefined ? undefined : 'is open').toBe(open);
  });
});

describe('what a cluster would miss in its new home', () => {
  it('is nothing for one that carries its own keys', () => {
    expect(concernsOnHost(keptCluster(key))).toEqual({ obstacles: [], warnings: [] });
  });

  it('stays where it is while a machine is on its way out of it', () => {
    const cluster = keptCluster(key);
    const objects = cluster.objects.map((object) =>
      (object['metadata'] as JsonObject)['name'] === 'shop-m2'
        ? {
            ...object,
            metadata: { ...(object['metadata'] as JsonObject), deletionTimestamp: '2026-11-23T00:00:00Z' },
          }
        : object,
    );
    expect(concernsOnHost({ ...cluster, objects }).obstacles.join()).toMatch(
      /is being taken out of the cluster/,
    );
  });

  it('is a host key that only a known_hosts file has', () => {
    const { warnings } = concernsOnHost(
      keptCluster(key, { machines: ['m1'], machineSpec: { hostKeys: [] } }),
    );
    expect(warnings).toEqual([
      expect.stringMatching(/^the host keys of shop-m1 are known to this machine alone/),
    ]);
  });

  it('is no host key that was kept when it was seen first', () => {
    const cluster = keptCluster(key, {
      machines: ['m1'],
      machineSpec: { hostKeys: [] },
      secrets: { 'shop-host-keys': { '192.0.2.1_22': 'ssh-ed25519 AAAA' } },
    });
    expect(concernsOnHost(cluster).warnings).toEqual([]);
  });

  it('is a bundle that lies on this machine, and a Secret that is not kept', () => {
    const cluster = keptCluster(key, {
      spec: {
        bundle: { path: '/srv/bundle.tar' },
        backup: {
          target: { directory: { path: '/srv/backups' } },
          encryptionSecretRef: { name: 'shop-backup' },
        },
      },
    });
    expect(concernsOnHost(cluster).warnings).toEqual([
      expect.stringMatching(/Secrets that the state file does not have: shop-backup/),
      expect.stringMatching(/spec\.bundle\.path \/srv\/bundle\.tar is looked for where the controller runs/),
      expect.stringMatching(/backups go to the directory \/srv\/backups/),
    ]);
  });

  it('is a clock, in a file', () => {
    const cluster = keptCluster(key, {
      spec: {
        backup: {
          schedule: '15 3 * * *',
          target: { directory: { path: '/srv/backups' } },
          encryptionSecretRef: { name: 'shop-backup' },
        },
      },
    });
    expect(concernsInFile(cluster).warnings).toEqual([
      expect.stringMatching(/certificates are renewed by "hansa certs renew" alone, 720 h before/),
      'no backup is taken by schedule any more',
    ]);
  });
});
