import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/base/index.ts';
import {
  isLeaving,
  machineNames,
  markLeaving,
  nameOf,
  unmarkLeaving,
  withLeavers,
  withoutLeavers,
  withVersion,
} from '../../../../src/cli/cluster/kept-objects.ts';
import { readClusters, readLeaving } from '../../../../src/provision/index.ts';
import { kubeCluster, kubeMachine } from '../../provision/read/builders.ts';

const at = '2026-11-23T10:00:00.000Z';
const external = { controlPlaneEndpoint: { host: 'api.shop' }, endpointMode: 'External' };
const shop = (...names: readonly string[]) =>
  [kubeCluster(external), ...names.map((name) => kubeMachine(name))] as readonly JsonObject[];

const leavingIn = (objects: readonly JsonObject[]) => objects.filter(isLeaving).map(nameOf);

describe('objects that are kept while machines leave', () => {
  it('are the new ones, and the old machines that are no more among them', () => {
    const kept = withLeavers(shop('m1', 'm3'), shop('m1', 'm2'), at);
    expect(machineNames(kept)).toEqual(['m1', 'm3', 'm2']);
    expect(leavingIn(kept)).toEqual(['m2']);
  });

  it('say when a machine began to leave, however often it is tried', () => {
    const first = withLeavers(shop('m1'), shop('m1', 'm2'), at);
    const again = withLeavers(first, first, '2026-11-24T10:00:00.000Z');
    expect(again).toEqual(first);
  });

  it('let a machine stay that is back in the file', () => {
    const kept = withLeavers(shop('m1'), shop('m1', 'm2'), at);
    expect(leavingIn(withLeavers(shop('m1', 'm2'), kept, at))).toEqual([]);
  });

  it('are without it once it has left', () => {
    const kept = withLeavers(shop('m1'), shop('m1', 'm2'), at);
    expect(withoutLeavers(shop('m1'), kept)).toEqual(shop('m1'));
  });

  it('lose nothing else that was kept, such as records of backups', () => {
    const record: JsonObject = { kind: 'EtcdBackup', metadata: { name: 'nightly' } };
    const kept = withLeavers(shop('m1'), [...shop('m1', 'm2'), record], at);
    expect(kept).toContain(record);
    expect(withoutLeavers(shop('m1'), kept)).toEqual([...shop('m1'), record]);
  });

  it('give a cluster without the machine that leaves, and the machine by itself', () => {
    const kept = markLeaving(shop('m1', 'm2', 'm3'), 'm2', at);
    expect(readClusters(kept)[0]?.spec.machines.map(({ name }) => name)).toEqual(['m1', 'm3']);
    expect(readLeaving(kept, ['m2'])).toMatchObject([{ name: 'm2', role: 'control-plane' }]);
    expect(unmarkLeaving(kept, 'm2')).toEqual(shop('m1', 'm2', 'm3'));
  });

  it('can be read while a new machine has the address of the one that leaves', () => {
    const renamed = [
      kubeCluster(external),
      kubeMachine('new', { host: '10.0.0.2' }),
    ] as readonly JsonObject[];
    const kept = withLeavers(renamed, shop('m2'), at);
    expect(readClusters(kept)[0]?.spec.machines.map(({ name }) => name)).toEqual(['new']);
    expect(readLeaving(kept, ['m2'])).toMatchObject([{ name: 'm2', internalAddress: '10.0.0.2' }]);
  });
});

describe('another version', () => {
  it('changes nothing else of what is kept', () => {
    const [cluster, ...machines] = withVersion(shop('m1', 'm2'), '1.37.2');
    expect(cluster).toEqual(kubeCluster({ ...external, version: '1.37.2' }));
    expect(machines).toEqual(shop('m1', 'm2').slice(1));
  });
});
