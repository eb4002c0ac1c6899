import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { KindSight } from '../../../../src/provision/kind/plan/plan-kind.ts';
import { planKindApply, planKindDelete } from '../../../../src/provision/kind/plan/plan-kind.ts';
import { fixedFields, renderKindConfig } from '../../../../src/provision/kind/plan/render-config.ts';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';
import { readCluster } from '../../../../src/provision/read/index.ts';

function read(kind: Readonly<Record<string, unknown>> = {}, spec: Readonly<Record<string, unknown>> = {}) {
  const read = readCluster([
    {
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeCluster',
      metadata: { name: 'dev' },
      spec: { version: '1.36.3', provider: { kind }, ...spec },
    },
  ]);
  if (!read.kind) throw new Error('it was not read as a cluster of kind');
  return { spec: read.spec, kind: read.kind };
}

const plain = read();

const up: KindSight['cluster'] = {
  kind: 'up',
  uid: 'u1',
  apiServers: { 'dev-control-plane': '1.36.3' },
  members: [],
  nodes: [],
  hasCni: true,
  dnsReady: true,
  configuration: undefined,
};

const node = {
  name: 'dev-control-plane',
  id: 'c1',
  role: 'control-plane',
  isRunning: true,
  createdAt: '2026-11-23T10:00:30Z',
};

function sight(changes: Partial<KindSight> = {}): KindSight {
  return { nodes: [node], cluster: up, hasKubeconfig: true, kindLack: undefined, ...changes };
}

const absent = sight({ nodes: [], cluster: { kind: 'absent' }, hasKubeconfig: false });

function record(changes: Partial<JournalRecord>): JournalRecord {
  return {
    at: '2026-11-23T10:00:00Z',
    operation: 'o',
    step: 'cluster/init-control-plane',
    attempt: 1,
    event: 'done',
    inputs: '',
    evidence: {},
    message: undefined,
    ...changes,
  };
}

const made = record({ evidence: { nodes: 'c1', ...fixedFields(plain.spec, plain.kind) } });

function apply(given: KindSight, journal: readonly JournalRecord[], { spec, kind } = plain, hasHost = false) {
  return planKindApply({ spec, kind, sight: given, journal, hasHost });
}

describe('what is done for a cluster of kind', () => {
  it('is made, waited for and its kubeconfig kept, where there is none', () => {
    const plan = apply(absent, []);
    expect(plan.refusals).toEqual([]);
    expect(plan.steps.map(({ id, needs }) => [id, needs])).toEqual([
      ['cluster/init-control-plane', []],
      ['cluster/verify-cluster', ['cluster/init-control-plane']],
      ['cluster/store-kubeconfig', ['cluster/init-control-plane']],
    ]);
  });

  it('waits for nodes only after the network of the user is applied', () => {
    const own = read({}, { cni: { manifest: 'kind: X' } });
    const steps = apply(absent, [], own).steps;
    expect(steps.find(({ kind }) => kind === 'verify-cluster')?.needs).toContain('cluster/apply-cni');
  });

  it('has nothing to do for one that is as it was made', () => {
    expect(apply(sight(), [made])).toEqual({ steps: [], refusals: [], warnings: [] });
  });

  it('starts one whose containers are stopped, and makes nothing anew', () => {
    const stopped = sight({
      nodes: [{ ...node, isRunning: false }],
      cluster: { kind: 'down', message: 'stopped', members: undefined },
    });
    expect(apply(stopped, [made]).steps.map(({ kind, reason }) => [kind, reason])).toEqual([
      ['verify-cluster', 'dev-control-plane is stopped'],
    ]);
  });

  it.each([
    ['spec.provider.kind.workers', read({ workers: 2 })],
    ['spec.provider.kind.nodeImage', read({ nodeImage: 'mine:v1' })],
    ['spec.clusterNetwork.pods', read({}, { clusterNetwork: { pods: { cidrBlocks: ['10.9.0.0/16'] } } })],
    ['spec.cni', read({}, { cni: { none: {} } })],
  ])('refuses to make it anew because of %s, and names the field', (field, changed) => {
    const plan = apply(sight(), [made], changed);
    expect(plan.steps).toEqual([]);
    expect(plan.refusals.map((each) => [each.reason, each.field])).toEqual([['KindCantChange', field]]);
  });

  it('touches no containers that somebody else made under its name', () => {
    const foreign = sight({ nodes: [{ ...node, id: 'other' }] });
    expect(apply(foreign, [made]).refusals[0]?.reason).toBe('KindClusterOfOthers');
    expect(apply(foreign, []).refusals[0]?.reason).toBe('KindClusterOfOthers');
    const gone = planKindDelete({ ...plain, sight: foreign, journal: [made], hasHost: false });
    expect(gone.steps).toEqual([]);
    expect(gone.warnings[0]?.reason).toBe('ContainersLeft');
  });

  it('takes away what its own interrupted creation left, but nothing older than that', () => {
    const intent = record({ event: 'intent' });
    expect(apply(sight(), [intent]).steps[0]?.reason).toContain('earlier try');
    const older = sight({ nodes: [{ ...node, createdAt: '2026-11-23T09:00:00Z' }] });
    expect(apply(older, [intent]).refusals[0]?.reason).toBe('KindClusterOfOthers');
  });

  it('makes it anew, with a warning, where its containers were removed', () => {
    const plan = apply(absent, [made]);
    expect(plan.steps[0]?.id).toBe('cluster/init-control-plane');
    expect(plan.warnings.map(({ reason }) => reason)).toEqual(['ContainersGone']);
  });

  it('forgets what it was made with once it was deleted', () => {
    const deleted = record({ step: 'cluster/reset-machine' });
    expect(apply(absent, [made, deleted]).warnings).toEqual([]);
  });

  it('says what is missing before anything is begun, and only where kind is needed', () => {
    expect(apply({ ...absent, kindLack: 'no kind' }, []).refusals).toMatchObject([
      { reason: 'KindMissing', message: 'no kind' },
    ]);
    expect(apply(sight({ kindLack: 'no kind' }), [made]).refusals).toEqual([]);
  });

  it('joins the federation last, and only where a host was named', () => {
    const registered = read({}, { register: { labels: { region: 'eu' } } });
    const steps = apply(absent, [], registered, true).steps;
    expect(steps.at(-1)).toMatchObject({
      kind: 'register-member',
      needs: steps.slice(0, -1).map(({ id }) => id),
    });
    const without = apply(absent, [], registered, false);
    expect(without.warnings.map(({ reason }) => reason)).toEqual(['NoHost']);
  });

  it('is deleted by consent only, and left to itself if its policy is Orphan', () => {
    const steps = planKindDelete({ ...plain, sight: sight(), journal: [made], hasHost: false }).steps;
    expect(steps).toMatchObject([{ kind: 'reset-machine', isDestructive: true }]);
    const orphan = read({}, { deletionPolicy: 'Orphan' });
    expect(planKindDelete({ ...orphan, sight: sight(), journal: [made], hasHost: false }).steps).toEqual([]);
  });

  it('does nothing while it is paused', () => {
    expect(apply(absent, [], read({}, { paused: true })).refusals[0]?.reason).toBe('Paused');
  });
});

describe('the file that kind reads', () => {
  it('has what the KubeCluster says', () => {
    const { spec, kind } = read(
      {
        controlPlanes: 2,
        workers: 1,
        extraPortMappings: [{ containerPort: 30_080, hostPort: 8080 }],
        kubeadmConfigPatches: ['kind: KubeletConfiguration\nfailCgroupV1: false\n'],
      },
      {
        proxy: { mode: 'nftables' },
        cni: { none: {} },
        controlPlaneEndpoint: { host: '127.0.0.1', port: 7001 },
      },
    );
    const image = 'kindest/node:v1.36.3';
    expect(parse(renderKindConfig(spec, kind))).toEqual({
      kind: 'Cluster',
      apiVersion: 'kind.x-k8s.io/v1alpha4',
      networking: {
        ipFamily: 'ipv4',
        podSubnet: '10.244.0.0/16',
        serviceSubnet: '10.96.0.0/12',
        apiServerAddress: '127.0.0.1',
        apiServerPort: 7001,
        kubeProxyMode: 'nftables',
        disableDefaultCNI: true,
      },
      kubeadmConfigPatches: ['kind: KubeletConfiguration\nfailCgroupV1: false\n'],
      nodes: [
        {
          role: 'control-plane',
          image,
          extraPortMappings: [
            { containerPort: 30_080, hostPort: 8080, listenAddress: '127.0.0.1', protocol: 'TCP' },
          ],
        },
        { role: 'control-plane', image },
        { role: 'worker', image },
      ],
    });
  });

  it('leaves to kind what the KubeCluster does not say', () => {
    const config = parse(renderKindConfig(plain.spec, plain.kind)) as Record<string, object>;
    expect(Object.keys(config['networking'] ?? {})).toEqual(['ipFamily', 'podSubnet', 'serviceSubnet']);
    expect(config).not.toHaveProperty('kubeadmConfigPatches');
  });

  it('is of both families where the networks are', () => {
    const { spec, kind } = read(
      {},
      {
        clusterNetwork: {
          pods: { cidrBlocks: ['10.244.0.0/16', 'fd00:10::/56'] },
          services: { cidrBlocks: ['10.96.0.0/16', 'fd00:20::/112'] },
        },
      },
    );
    expect(parse(renderKindConfig(spec, kind))).toMatchObject({
      networking: { ipFamily: 'dual', podSubnet: '10.244.0.0/16,fd00:10::/56' },
    });
  });
});
