import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../src/telemetry/index.ts';

describe('the metrics', () => {
  it('tell calls by server, verb and code, and writes apart', async () => {
    const { kube, registry } = createMetrics();
    kube.onCall({ server: 'eu-1', verb: 'apply', code: 200, tookMs: 7 });
    kube.onCall({ server: 'eu-1', verb: 'apply', code: 409, tookMs: 3 });
    kube.onCall({ server: 'eu-1', verb: 'list', code: 200, tookMs: 3 });
    kube.onCall({ server: 'host', verb: 'patch', code: 200, tookMs: 3 });
    const text = await registry.metrics();
    expect(text).toContain('hansa_kube_calls_total{server="eu-1",verb="apply",code="409"} 1');
    expect(text).toContain('hansa_kube_call_duration_seconds_count{server="eu-1",verb="apply"} 2');
    expect(text).toContain('hansa_kube_writes_total{server="eu-1",verb="apply"} 1');
    expect(text).toContain('hansa_kube_writes_total{server="host",verb="patch"} 1');
    expect(text).not.toContain('hansa_kube_writes_total{server="eu-1",verb="list"}');
    // KubeFed's dispatches are those to members.
    expect(text).toContain('dispatch_operation_duration_seconds_count{action="update"} 2');
  });

  it('tell queues, controllers, watches and caches', async () => {
    const { kube, registry } = createMetrics({ version: '1.2.3' });
    kube.onQueueDepth({ queue: 'federated', depth: 4 });
    kube.onQueueWait({ queue: 'federated', waitedMs: 20 });
    kube.onReconcile({ controller: 'federated', result: 'error', tookMs: 5 });
    kube.onActiveWorkers({ controller: 'federated', active: 3 });
    kube.onWatchRestart({ cache: 'host/secrets', reason: 'Gone' });
    kube.onCacheSize({ cache: 'host/secrets', objects: 12 });
    const text = await registry.metrics();
    for (const line of [
      'hansa_kube_queue_depth{queue="federated"} 4',
      'hansa_kube_queue_wait_seconds_sum{queue="federated"} 0.02',
      'hansa_kube_reconciles_total{controller="federated",result="error"} 1',
      'hansa_kube_active_workers{controller="federated"} 3',
      'hansa_kube_watch_restarts_total{cache="host/secrets",reason="Gone"} 1',
      'hansa_kube_cache_objects{cache="host/secrets"} 12',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toMatch(/hansa_build_info\{version="1\.2\.3",node="v\d+\.\d+\.\d+"\} 1/);
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
  });

  it('show each member in exactly one of KubeFed’s states', async () => {
    const metrics = createMetrics();
    metrics.memberHealth('eu-1', 'ready');
    metrics.memberHealth('us-1', 'ready');
    metrics.memberHealth('us-1', 'offline');
    const text = await metrics.registry.metrics();
    expect(text).toContain('kubefedcluster_total{state="ready",cluster="us-1"} 0');
    expect(text).toContain('kubefedcluster_total{state="offline",cluster="us-1"} 1');
    expect(text).toContain('kubefedcluster_total{state="ready",cluster="eu-1"} 1');
    expect(text).toContain('hansa_members_up{member="us-1"} 0');
    expect(text).toContain('joined_cluster_total 2');
  });

  it('forget a member that left, and only that one', async () => {
    const metrics = createMetrics();
    const { kube } = metrics;
    for (const member of ['eu-1', 'eu-10']) {
      metrics.memberHealth(member, 'ready');
      kube.onCall({ server: member, verb: 'get', code: 200, tookMs: 1 });
      kube.onQueueDepth({ queue: `member/${member}`, depth: 1 });
      kube.onCacheSize({ cache: `${member}/deployments.apps`, objects: 1 });
    }
    await metrics.forgetMember('eu-1');
    const text = await metrics.registry.metrics();
    expect(text).not.toMatch(/eu-1["/]/);
    expect(text).toContain('hansa_kube_call_duration_seconds_count{server="eu-10",verb="get"} 1');
    expect(text).toContain('joined_cluster_total 1');
  });

  it('are named after a room, in lower case', async () => {
    const names = createMetrics()
      .registry.getMetricsAsArray()
      .map(({ name }) => name)
      .filter((name) => name.startsWith('hansa_'));
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      expect(name).toMatch(/^hansa_(kube|members|build)_[a-z_]+$/);
    }
  });
});
