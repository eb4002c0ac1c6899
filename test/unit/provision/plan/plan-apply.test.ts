import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';
import { describe, expect, it } from 'vitest';
import type { ClusterSpec } from '../../../../src/provision/plan/cluster-spec.ts';
import type { MachineFacts, Observed } from '../../../../src/provision/plan/facts.ts';
import { planApply, planDelete } from '../../../../src/provision/plan/plan-apply.ts';
import { stampedKinds, stampOf } from '../../../../src/provision/plan/render/stamps.ts';
import { parseFacts } from '../../../../src/provision/facts/parse-facts.ts';
import { journalled, machine, node, spec as bareSpec } from './day-two-world.ts';

/** Each machine with an address of its own. */
function spec(names: readonly string[], changes: Partial<ClusterSpec> = {}): ClusterSpec {
  return {
    ...bareSpec(names),
    machines: names.map((name, index) => ({ ...machine(name), internalAddress: `10.0.0.${index + 1}` })),
    cni: { kind: 'flannel', backend: 'vxlan', port: undefined },
    ...changes,
  };
}

function bare(name: string, index: number, changes: readonly string[] = []): MachineFacts {
  return parseFacts(
    [
      `hostname ${name}`,
      `machine-id id-of-${name}`,
      `host-key ssh-ed25519 ${name}`,
      'cpus 2',
      'memory-kb 4000000',
      'cgroup 2',
      'clock 1000',
      'arch x86_64',
      `interface eth0 02:00:00:00:00:0${index + 1} 1500`,
      `address eth0 10.0.0.${index + 1}/24`,
      'disk /var/lib 99000000 99000000 100000 rw',
      ...changes,
    ].join('\n'),
    { askedAtSeconds: 1000, canSudo: true },
  );
}

/** What a machine shows that is a node of this spec. */
function prepared(of: ClusterSpec, name: string, index: number): MachineFacts {
  const own = of.machines.find((each) => each.name === name) ?? machine(name);
  const controlPlanes = of.machines
    .filter(({ role }) => role === 'control-plane')
    .map((each) => ({ name: each.name, address: each.internalAddress ?? '' }));
  const facts = bare(name, index);
  return {
    ...facts,
    kubernetes: {
      ...facts.kubernetes,
      hasKubeletConfig: true,
      manifests: own.role === 'control-plane' ? ['etcd.yaml', 'kube-apiserver.yaml'] : [],
      etcdData: own.role === 'control-plane' ? 'present' : 'absent',
      caHash: 'sha256:ours',
    },
    stamps: Object.fromEntries(
      stampedKinds.map((kind) => [kind, stampOf(kind, { cluster: of, machine: own, controlPlanes })]),
    ),
  };
}

function unmade(of: ClusterSpec, changes: Readonly<Record<string, readonly string[]>> = {}): Observed {
  return {
    machines: Object.fromEntries(
      of.machines.map(({ name }, index) => [name, { kind: 'seen', facts: bare(name, index, changes[name]) }]),
    ),
    cluster: { kind: 'absent' },
    others: [],
  };
}

/** All that the spec asks for is there; `also` are machines that it has no more. */
function made(of: ClusterSpec, also: readonly string[] = []): Observed {
  const names = [...of.machines.map(({ name }) => name), ...also];
  return {
    machines: Object.fromEntries(
      names.map((name, index) => [name, { kind: 'seen', facts: prepared(of, name, index) }]),
    ),
    cluster: {
      kind: 'up',
      uid: 'uid',
      apiServers: {},
      members: names
        .filter((name) => name.startsWith('m'))
        .map((name, index) => ({
          id: `${index + 1}`,
          name,
          peerUrls: [`https://10.0.0.${index + 1}:2380`],
          clientUrls: [],
          isLearner: false,
          isHealthy: true,
          isLeader: index === 0,
          dbSizeBytes: undefined,
          raftIndex: undefined,
          alarms: [],
        })),
      nodes: names.map((name) => node(name, '1.36.3')),
      hasCni: true,
      dnsReady: true,
      configuration: undefined,
    },
    others: [],
  };
}

const options = { leaving: [] };
const ids = (plan: ReturnType<typeof planApply>) => plan.steps.map(({ id }) => id);

/** Everything a step waits for, whatever is in between. */
function waitsFor(plan: ReturnType<typeof planApply>, id: string): ReadonlySet<string> {
  const found = new Set<string>();
  const follow = (of: string) => {
    for (const need of plan.steps.find((step) => step.id === of)?.needs ?? []) {
      if (found.has(need)) continue;
      found.add(need);
      follow(need);
    }
  };
  follow(id);
  return found;
}

describe('a plan for a cluster that is not there', () => {
  it('makes one control plane, then lets the others join one by one, and workers beside them', () => {
    const of = spec(['m1', 'm2', 'm3', 'w1']);
    const plan = planApply(of, unmade(of), [], options);
    expect(plan.refusals).toEqual([]);
    expect(ids(plan)).toContain('m1/init-control-plane');
    expect(ids(plan)).not.toContain('m2/init-control-plane');
    expect(waitsFor(plan, 'm2/join-control-plane')).toContain('m1/init-control-plane');
    expect(waitsFor(plan, 'm3/join-control-plane')).toContain('m2/join-control-plane');
    expect(waitsFor(plan, 'm3/join-control-plane')).toContain('m3/clear-stale-member');
    expect(waitsFor(plan, 'w1/join-worker')).toContain('m1/init-control-plane');
    expect(waitsFor(plan, 'w1/join-worker')).not.toContain('m2/join-control-plane');
    const joins = plan.steps.filter(({ kind }) => /init|join-control|stale/.test(kind));
    expect(new Set(joins.map(({ exclusive }) => exclusive))).toEqual(new Set(['etcd']));
    expect(ids(plan).at(-1)).toBe('cluster/verify-cluster');
  });

  it('keeps the first etcd from beginning anew, once others are its peers', () => {
    const of = spec(['m1', 'm2', 'm3', 'w1']);
    const plan = planApply(of, unmade(of), [], options);
    expect(ids(plan).filter((id) => id.endsWith('/fence-etcd'))).toEqual(['m1/fence-etcd']);
    expect(waitsFor(plan, 'm1/fence-etcd')).toContain('m3/join-control-plane');
    expect(waitsFor(plan, 'w1/join-worker')).not.toContain('m1/fence-etcd');
    expect(plan.steps.find(({ id }) => id === 'm1/fence-etcd')).toMatchObject({
      exclusive: 'etcd',
      inputs: { isLast: true },
    });
    const alone = spec(['m1', 'w1']);
    expect(ids(planApply(alone, unmade(alone), [], options))).not.toContain('m1/fence-etcd');
  });

  it('needs no step before the steps that it waits for', () => {
    const of = spec(['m1', 'm2', 'm3', 'w1', 'w2']);
    const { steps } = planApply(of, unmade(of), [], options);
    const seen = new Set<string>();
    for (const { id, needs } of steps) {
      expect([id, needs.filter((need) => !seen.has(need))]).toEqual([id, []]);
      seen.add(id);
    }
    expect(seen.size).toBe(steps.length);
  });

  it.each([
    ['too small a machine', { m1: ['cpus 1'] }, 'TooFewCpus', /has 1 CPU/],
    ['cloned machines', { m2: ['machine-id id-of-m1'] }, undefined, /machine-id/],
    ['a clock that is off', { m2: ['clock 5000'] }, 'ClockSkew', /4000 s ahead/],
    ['a port that is taken', { m1: ['listening 6443 0.0.0.0 nginx'] }, 'PortBusy', /6443 is taken by nginx/],
    ['pods where the machine is', { m1: ['address eth0 10.244.7.7/16'] }, 'NetworkOverlap', /10\.244\.7\.7/],
    ['a disk that can’t be written', { m1: ['disk /var/lib 9 9 9 ro'] }, 'DiskReadOnly', /can't be written/],
    ['etcd’s data of somebody', { m1: ['etcd-data present'] }, 'LeftoverData', /move it away/],
  ] as const)('is refused before anything is changed: %s', (_, changes, reason, words) => {
    const of = spec(['m1', 'm2', 'm3']);
    // What a machine says first counts, so what is changed must come first.
    const seen = unmade(of);
    const machines = Object.fromEntries(
      of.machines.map(({ name }, index) => {
        const own = (changes as Readonly<Record<string, readonly string[]>>)[name] ?? [];
        const text = [...own, `hostname ${name}`, `machine-id id-of-${name}`, `host-key ssh-ed25519 ${name}`];
        const rest = ['cpus 2', 'memory-kb 4000000', 'cgroup 2', 'clock 1000', 'arch x86_64'];
        const places = [
          'interface eth0 - 1500',
          `address eth0 10.0.0.${index + 1}/24`,
          'disk /var/lib 99000000 9 9 rw',
        ];
        const facts = parseFacts([...text, ...rest, ...places].join('\n'), {
          askedAtSeconds: 1000,
          canSudo: true,
        });
        return [name, { kind: 'seen' as const, facts }];
      }),
    );
    const plan = planApply(of, { ...seen, machines }, [], options);
    expect(plan.steps).toEqual([]);
    expect(plan.refusals.map(({ message }) => message).join('\n')).toMatch(words);
    if (reason) expect(plan.refusals.map((each) => each.reason)).toContain(reason);
  });

  it('warns of networks that another cluster has, as long as others can still be chosen', () => {
    const of = spec(['m1']);
    const others = [{ name: 'us', pods: ['10.244.0.0/14'], services: [] }];
    const warned = (seen: Observed) =>
      planApply(of, { ...seen, others }, [], options).warnings.map(({ message }) => message);
    expect(warned(unmade(of)).join()).toMatch(
      /10\.244\.0\.0\/16 overlaps with 10\.244\.0\.0\/14 of cluster us/,
    );
    expect(warned(made(of))).toEqual([]);
  });

  it('is refused while a machine can’t be reached, by its name', () => {
    const of = spec(['m1', 'w1']);
    const seen = unmade(of);
    const plan = planApply(
      of,
      {
        ...seen,
        machines: {
          ...seen.machines,
          w1: { kind: 'unreachable', reason: 'Unreachable', message: 'no route' },
        },
      },
      [],
      options,
    );
    expect(plan.refusals).toMatchObject([
      { reason: 'MachineUnreachable', machine: 'w1', message: expect.stringContaining('no route') },
    ]);
  });
});

describe('a plan for a cluster that is there', () => {
  it('has nothing to do when all is as it should be', () => {
    const of = spec(['m1', 'm2', 'm3', 'w1']);
    expect(planApply(of, made(of), [], options)).toEqual({ steps: [], refusals: [], warnings: [] });
  });

  it('takes the first control plane out as any other: pods, etcd, reset, Node', () => {
    const of = spec(['m2', 'm3', 'm4']);
    const leaving = [{ ...machine('m1'), internalAddress: '10.0.0.4' }];
    const plan = planApply(of, made(of, ['m1']), [], { ...options, leaving });
    const own = plan.steps.filter(({ machine: on }) => on === 'm1');
    expect(own.map(({ kind }) => kind)).toEqual([
      'cordon-and-drain',
      'leave-etcd',
      'reset-machine',
      'delete-node',
    ]);
    expect(own[2]).toMatchObject({ isDestructive: true });
  });

  it('leads kubeconfig and host elsewhere, where they may know the API by the address of the one that goes', () => {
    const of = spec(['m2', 'm3', 'm4'], {
      endpoint: { mode: 'LocalProxy', host: 'api.shop', port: 7443, virtualRouterId: undefined },
      register: { labels: { region: 'eu' } },
    });
    const leaving = [{ ...machine('m1'), internalAddress: '10.0.0.4' }];
    const done = (step: string): JournalRecord => ({
      at: '2026-11-23T00:00:00Z',
      operation: 'before',
      step,
      attempt: 1,
      event: 'done',
      inputs: 'of other machines',
      evidence: {},
      message: undefined,
    });
    const journal = [done('cluster/store-kubeconfig'), done('cluster/register-member')];
    const { steps } = planApply(of, made(of, ['m1']), journal, { ...options, leaving });
    const kubeconfig = steps.find(({ kind }) => kind === 'store-kubeconfig');
    expect(kubeconfig?.needs).toContain('m1/leave-etcd');
    expect(steps.at(-1)).toMatchObject({ kind: 'register-member' });
  });

  it('joins and leaves no federation where no host is at hand, and says so', () => {
    const of = spec(['m1'], { register: { labels: { region: 'eu' } } });
    const plan = planApply(of, made(of), [], { ...options, hasHost: false });
    expect(plan.steps).toEqual([]);
    expect(plan.warnings.map(({ reason }) => reason)).toContain('NoHost');
    expect(planApply(of, made(of), [], options).steps.map(({ kind }) => kind)).toContain('register-member');
  });

  it('lets no control plane go that quorum needs, and shows the arithmetic', () => {
    const of = spec(['m2', 'm3']);
    const seen = made(of, ['m1']);
    if (seen.cluster.kind !== 'up') throw new Error('it is up');
    const members = seen.cluster.members.map((each) => ({ ...each, isHealthy: each.name !== 'm3' }));
    const plan = planApply(of, { ...seen, cluster: { ...seen.cluster, members } }, [], {
      ...options,
      leaving: [{ ...machine('m1'), internalAddress: '10.0.0.3' }],
    });
    expect(plan.steps).toEqual([]);
    expect(plan.refusals).toMatchObject([{ reason: 'QuorumAtRisk', machine: 'm1' }]);
    expect(plan.refusals[0]?.message).toMatch(
      /3 voters, 2 healthy; without m1 .* need 2, and 1 would be left/,
    );
  });

  it('joins a control plane again whose Node came before its vote', () => {
    const of = spec(['m1', 'm2', 'm3']);
    const seen = made(of);
    if (seen.cluster.kind !== 'up') throw new Error('it is up');
    const members = seen.cluster.members.map((each) => ({ ...each, isLearner: each.name === 'm3' }));
    const plan = planApply(of, { ...seen, cluster: { ...seen.cluster, members } }, [], options);
    expect(ids(plan)).toContain('m3/join-control-plane');
    expect(ids(plan)).not.toContain('m2/join-control-plane');
  });

  it('silences all control planes of an etcd that is no more before the first of them joins anew', () => {
    const of = spec(['m1', 'm2', 'm3']);
    const observed = made(of);
    if (observed.cluster.kind !== 'up') throw new Error('it is up');
    const members = observed.cluster.members.filter(({ name }) => name === 'm1');
    const alone = { ...observed, cluster: { ...observed.cluster, members } };
    const plan = planApply(of, alone, [], options);
    const silenced = ['m2/reset-machine', 'm3/reset-machine'];
    expect(ids(plan)).toEqual(expect.arrayContaining([...silenced, 'm2/join-control-plane']));
    expect([...waitsFor(plan, 'm2/join-control-plane')]).toEqual(expect.arrayContaining(silenced));
    expect(plan.steps.find(({ id }) => id === 'm2/reset-machine')).toMatchObject({
      inputs: { etcdData: 'keep', restoreHost: false },
      isDestructive: false,
    });
    expect(ids(plan)).not.toContain('m1/reset-machine');
  });

  it('does not silence a machine whose join is under way', () => {
    const of = spec(['m1', 'm2']);
    const observed = made(of);
    if (observed.cluster.kind !== 'up') throw new Error('it is up');
    const members = observed.cluster.members.filter(({ name }) => name === 'm1');
    const alone = { ...observed, cluster: { ...observed.cluster, members } };
    const begun: JournalRecord = {
      at: '2026-11-23T07:00:00Z',
      operation: 'op-1',
      step: 'm2/join-control-plane',
      attempt: 1,
      event: 'started',
      inputs: '',
      evidence: {},
      message: undefined,
    };
    expect(ids(planApply(of, alone, [begun], options))).not.toContain('m2/reset-machine');
  });

  it('does not change the version by the way', () => {
    const of = spec(['m1']);
    const plan = planApply({ ...of, version: '1.37.2' }, made(of), [], options);
    expect(plan.refusals).toMatchObject([{ reason: 'UpgradeNeeded', field: 'spec.version', machine: 'm1' }]);
    expect(plan.refusals[0]?.message).toContain('set spec.version to 1.36.3');
  });

  it('warns of an even number of control planes', () => {
    const of = spec(['m1', 'm2']);
    expect(planApply(of, made(of), [], options).warnings).toMatchObject([{ reason: 'EvenControlPlanes' }]);
  });

  it('is refused while no API server answers, and while it is paused', () => {
    const of = spec(['m1']);
    const seen = made(of);
    const down: Observed = {
      ...seen,
      cluster: { kind: 'down', message: 'etcd has no leader', members: undefined },
    };
    expect(planApply(of, down, [], options).refusals).toMatchObject([{ reason: 'ClusterDown' }]);
    expect(planApply(spec(['m1'], { paused: true }), seen, [], options).refusals).toMatchObject([
      { reason: 'Paused' },
    ]);
  });
});

describe('a plan for a cluster that can take no change', () => {
  it('is refused while the database of etcd is full, with the commands that make room', () => {
    const of = spec(['m1', 'w1']);
    const { cluster, ...rest } = made(of);
    if (cluster.kind !== 'up') throw new Error('it is up');
    const members = cluster.members.map((member) => ({ ...member, isHealthy: false, alarms: ['NOSPACE'] }));
    const { refusals, steps } = planApply(of, { ...rest, cluster: { ...cluster, members } }, [], options);
    expect(steps).toEqual([]);
    expect(refusals).toMatchObject([{ reason: 'EtcdFull' }]);
    expect(refusals[0]?.message).toMatch(
      /NOSPACE on m1.*etcdctl compact.*etcdctl defrag.*etcdctl alarm disarm/,
    );
  });

  it('is refused while another cluster answers in its place', () => {
    const of = spec(['m1']);
    const cluster = {
      kind: 'down',
      message: 'm1 speaks for another',
      members: undefined,
      isReplaced: true,
    } as const;
    const { refusals, steps } = planApply(of, { ...made(of), cluster }, [], options);
    expect(steps).toEqual([]);
    expect(refusals).toMatchObject([{ reason: 'ClusterReplaced' }]);
    expect(refusals[0]?.message).toMatch(/hansa cluster restore/);
  });
});

describe('a plan to let a cluster go', () => {
  it('resets nothing unless the spec says so', () => {
    const of = spec(['m1', 'w1']);
    expect(planDelete(of, made(of)).steps).toEqual([]);
    const resetting = spec(['m1', 'w1'], { deletionPolicy: 'Reset' });
    const plan = planDelete(resetting, made(resetting));
    expect(plan.steps).toMatchObject([
      { id: 'w1/reset-machine', isDestructive: true },
      { id: 'm1/reset-machine', isDestructive: true, needs: ['w1/reset-machine'] },
    ]);
  });
});

describe('an etcd that could begin anew', () => {
  const of = spec(['m1', 'm2', 'm3']);
  const withArgs = (extraArgs: readonly unknown[], seen = made(of)): Observed => ({
    ...seen,
    cluster: { ...seen.cluster, configuration: { etcd: { local: { extraArgs } } } } as Observed['cluster'],
  });
  const existing = [{ name: 'initial-cluster-state', value: 'existing' }];
  const fences = (seen: Observed, journal: readonly JournalRecord[] = [], wanted = of) =>
    planApply(wanted, seen, journal, options)
      .steps.filter(({ kind }) => kind === 'fence-etcd' || kind === 'set-static-pod-args')
      .map(({ id, needs, inputs }) => [id, needs, inputs.isLast]);

  it('is kept from it one after the other where kubeadm’s configuration says nothing', () => {
    expect(fences(withArgs([]))).toEqual([
      ['m1/fence-etcd', [], false],
      ['m2/fence-etcd', ['m1/fence-etcd'], false],
      ['m3/fence-etcd', ['m2/fence-etcd'], true],
    ]);
    // Nobody knows what it says.
    expect(fences(made(of))).toEqual([]);
  });

  it('is left alone where it says so, unless the step was not seen to end', () => {
    expect(fences(withArgs(existing))).toEqual([]);
    const open = { ...journalled('m3/fence-etcd', 'started') };
    expect(fences(withArgs(existing), [open]).map(([id]) => id)).toEqual([
      'm1/fence-etcd',
      'm2/fence-etcd',
      'm3/fence-etcd',
    ]);
  });

  it('waits for those that join, and for one that can’t be reached', () => {
    const seen = made(of);
    const { cluster } = seen;
    if (cluster.kind !== 'up') throw new Error('it is up');
    const grown: Observed = {
      ...seen,
      machines: { ...seen.machines, m3: { kind: 'seen', facts: bare('m3', 2) } },
      cluster: {
        ...cluster,
        members: cluster.members.slice(0, 2),
        nodes: cluster.nodes.filter(({ name }) => name !== 'm3'),
      },
    };
    expect(fences(withArgs([], grown))).toEqual([
      ['m1/fence-etcd', ['m3/join-control-plane'], false],
      ['m2/fence-etcd', ['m1/fence-etcd'], true],
    ]);
    const away: Observed = {
      ...seen,
      machines: { ...seen.machines, m3: { kind: 'unreachable', reason: 'Silent', message: 'silent' } },
    };
    expect(fences(withArgs([], away))).toEqual([]);
  });

  it('stays so when one control plane is left, and says nothing to a single one', () => {
    const alone = spec(['m1']);
    expect(fences(withArgs(existing, made(alone)), [], alone)).toEqual([]);
    expect(fences(withArgs([], made(alone)), [], alone)).toEqual([]);
  });
});

describe('a control plane whose etcd has lost its data', () => {
  it('joins anew, after its member was looked at', () => {
    const of = spec(['m1', 'm2', 'm3']);
    const seen = made(of);
    const facts = prepared(of, 'm2', 1);
    const plan = planApply(
      of,
      {
        ...seen,
        machines: {
          ...seen.machines,
          m2: { kind: 'seen', facts: { ...facts, kubernetes: { ...facts.kubernetes, etcdData: 'empty' } } },
        },
        cluster: {
          ...seen.cluster,
          members: (seen.cluster.kind === 'up' ? seen.cluster.members : []).map((each) =>
            each.name === 'm2' ? { ...each, isHealthy: false } : each,
          ),
        } as Observed['cluster'],
      },
      [],
      options,
    );
    expect(plan.refusals).toEqual([]);
    expect(plan.steps.find(({ id }) => id === 'm2/join-control-plane')?.reason).toBe(
      'the data of etcd on m2 is gone',
    );
    expect(waitsFor(plan, 'm2/join-control-plane')).toContain('m2/clear-stale-member');
  });
});
