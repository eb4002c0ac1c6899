import { describe, expect, it } from 'vitest';
import {
  accessOf,
  clusterRecord,
  conditionsOf,
  type Health,
  nextHealth,
  type Probe,
  serverOf,
  unknownHealth,
} from '../../../src/members/index.ts';
import type { KubeObject } from '../../../src/kube/index.ts';

const thresholds = { failureThreshold: 3, successThreshold: 2 };
const ready: Probe = { kind: 'ready', version: 'v1.36.3' };
const offline: Probe = { kind: 'offline', message: 'connection refused' };
const notReady: Probe = { kind: 'not-ready', message: 'not ok' };

function after(...probes: Probe[]): Health {
  return probes.reduce(
    (health, probe, i) => nextHealth(health, probe, thresholds, (i + 1) * 1_000),
    unknownHealth,
  );
}

describe('the health of a member', () => {
  it('is what the first probe says', () => {
    expect(after(ready)).toMatchObject({ kind: 'ready', version: 'v1.36.3', sinceMs: 1_000 });
    expect(after(offline)).toMatchObject({ kind: 'offline', message: 'connection refused' });
  });

  it('outlives lost probes that are fewer than the threshold, however long it has lasted', () => {
    const long: Probe[] = Array.from({ length: 50 }, () => ready);
    expect(after(...long, offline, offline).kind).toBe('ready');
    expect(after(...long, offline, offline, offline)).toMatchObject({ kind: 'offline', sinceMs: 53_000 });
  });

  it('counts probes in a row: a good one in between starts anew', () => {
    expect(after(ready, offline, offline, ready, offline, offline).kind).toBe('ready');
  });

  it('needs its successes to come back', () => {
    expect(after(offline, ready).kind).toBe('offline');
    expect(after(offline, ready, ready)).toMatchObject({ kind: 'ready', message: '' });
  });

  it('changes its reason at once while it is out of use', () => {
    expect(after(offline, notReady)).toMatchObject({ kind: 'not-ready', message: 'not ok' });
  });
});

describe('the conditions of a KubeFedCluster', () => {
  it('are those that KubeFed writes, and keep since when they hold', () => {
    const first = conditionsOf(after(ready), [], 5_000);
    expect(first).toEqual([
      expect.objectContaining({ type: 'Ready', status: 'True', reason: 'ClusterReady' }),
    ]);
    const later = conditionsOf(after(ready, ready), first, 60_000);
    expect(later[0]?.lastTransitionTime).toBe(first[0]?.lastTransitionTime);
    expect(later[0]?.lastProbeTime).not.toBe(first[0]?.lastProbeTime);
    expect(
      conditionsOf(after(offline), later, 90_000).map(({ type, status }) => `${type}=${status}`),
    ).toEqual(['Ready=Unknown', 'Offline=True']);
    expect(conditionsOf(after(notReady), [], 0).map(({ type, status }) => `${type}=${status}`)).toEqual([
      'Ready=False',
      'Offline=False',
    ]);
  });
});

const cluster = (spec: object) =>
  clusterRecord({
    apiVersion: 'core.kubefed.io/v1beta1',
    kind: 'KubeFedCluster',
    metadata: { name: 'm1' },
    spec,
  });
const secret = (data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's' },
  data,
});
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('what a KubeFedCluster gives to reach its member', () => {
  it.each([
    ['10.0.0.1', 'https://10.0.0.1'],
    ['api.example.com:6443', 'https://api.example.com:6443'],
    ['http://localhost:8080/', 'http://localhost:8080'],
    ['https://rancher.example.com/k8s/clusters/c-1', 'https://rancher.example.com/k8s/clusters/c-1'],
  ])('takes the endpoint %s', (endpoint, server) => {
    expect(serverOf(endpoint)).toBe(server);
  });

  it.each([
    [{ apiEndpoint: 'https://x', secretRef: { name: 's' } }, undefined, 'the Secret "s" does not exist'],
    [{ apiEndpoint: 'https://x', secretRef: { name: 's' } }, secret({}), 'has no key "token"'],
    [{ apiEndpoint: 'https://x' }, undefined, 'spec.secretRef.name is empty'],
    [
      { apiEndpoint: 'ftp://x', secretRef: { name: 's' } },
      secret({ token: base64('t') }),
      'spec.apiEndpoint "ftp://x"',
    ],
    [
      { apiEndpoint: 'https://x', caBundle: base64('nonsense'), secretRef: { name: 's' } },
      secret({ token: base64('t') }),
      'spec.caBundle',
    ],
    [
      { apiEndpoint: 'https://x', secretRef: { name: 's' } },
      secret({ token: base64('a\r\nEvil: header') }),
      'more than one line',
    ],
  ])('is refused with the field named: %j', (spec, held, message) => {
    expect(() => accessOf(cluster(spec), held)).toThrow(message);
  });

  it('keeps the token out of every error', () => {
    const token = base64('s3cret\nvalue');
    expect(() =>
      accessOf(cluster({ apiEndpoint: 'https://x', secretRef: { name: 's' } }), secret({ token })),
    ).toThrow(expect.not.objectContaining({ message: expect.stringContaining('s3cret') as string }) as Error);
  });
});
