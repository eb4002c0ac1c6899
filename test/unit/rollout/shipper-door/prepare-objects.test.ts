import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../src/kube/index.ts';
import { prepareObjects } from '../../../../src/rollout/plan/shipper-door/prepare-objects.ts';

const deployment = (name = 'app-1-0-web', spec: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'elsewhere', labels: { app: 'web' } },
  spec: {
    replicas: 5,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } },
    ...spec,
  },
});
const service = (name = 'web', labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
});
const configMap: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data: {},
};
const owner = {
  application: 'app',
  release: 'app-1-0',
  labels: { 'shipper-app': 'app', 'shipper-release': 'app-1-0', 'shipper-release-hash': '1', team: 'blue' },
};

describe('what a chart renders to', () => {
  const prepared = prepareObjects([deployment(), service(), configMap], owner);

  it('is marked as the Release’s, and put in the order in which it is made', () => {
    expect(prepared).toMatchObject({ ok: true, totalReplicas: 5, deployment: 'app-1-0-web', service: 'web' });
    const objects = prepared.ok ? prepared.objects : [];
    expect(objects.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Service', 'Deployment']);
    for (const { metadata } of objects) {
      expect(metadata.labels).toMatchObject({ ...owner.labels, 'shipper-owned-by': 'app-1-0' });
      expect(metadata.namespace).toBeUndefined();
    }
  });

  it('starts without pods, and selects those of its own Release', () => {
    const made = prepared.ok ? prepared.objects.find(({ kind }) => kind === 'Deployment') : undefined;
    expect(made?.['spec']).toMatchObject({
      replicas: 0,
      selector: { matchLabels: { app: 'web', ...owner.labels } },
      template: { metadata: { labels: { app: 'web', ...owner.labels } } },
    });
  });

  it('sends traffic only to pods with the label for it', () => {
    const made = prepared.ok ? prepared.objects.find(({ kind }) => kind === 'Service') : undefined;
    expect(made?.metadata.labels).toMatchObject({ 'shipper-lb': 'production' });
    expect(made?.['spec']).toMatchObject({
      selector: { app: 'web', 'shipper-app': 'app', 'shipper-traffic-status': 'enabled' },
    });
  });

  it('keeps its own labels where the Application has the same: the Service selects by them', () => {
    const found = prepareObjects([deployment(), service()], {
      ...owner,
      labels: { ...owner.labels, app: 'another' },
    });
    const made = found.ok ? found.objects.find(({ kind }) => kind === 'Deployment') : undefined;
    expect(made?.['spec']).toMatchObject({ template: { metadata: { labels: { app: 'web' } } } });
  });
});

describe('a chart is refused', () => {
  it.each([
    ['without a Deployment', [service()], 'WrongChartDeployments', /0 Deployments/],
    [
      'with two',
      [deployment(), deployment('app-1-0-b'), service()],
      'WrongChartDeployments',
      /2 Deployments/,
    ],
    ['whose Deployment has a fixed name', [deployment('web'), service()], 'ChartError', /Release\.Name/],
    ['without a Service', [deployment()], 'ChartError', /shipper-lb/],
    ['with two Services and no mark', [deployment(), service('a'), service('b')], 'ChartError', /shipper-lb/],
  ] as const)('%s', (_, objects, reason, message) => {
    const prepared = prepareObjects(objects, owner);
    expect(prepared).toMatchObject({ ok: false, reason, message: expect.stringMatching(message) });
  });
});
