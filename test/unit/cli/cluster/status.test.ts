import { describe, expect, it } from 'vitest';
import { renderStatus } from '../../../../src/cli/cluster/render-status.ts';
import { type StatusInput, statusOf } from '../../../../src/cli/cluster/status-rows.ts';
import type {
  CertificateSight,
  MachineFacts,
  MachineSight,
  Observed,
} from '../../../../src/provision/index.ts';
import { journalled, member, observed, spec } from '../../provision/plan/day-two-world.ts';

const now = Date.UTC(2026, 10, 23, 12);
const dayMs = 86_400_000;
const three = { m1: '1.36.3', m2: '1.36.3', m3: '1.36.3' };

const backup = {
  schedule: '0 3 * * *',
  retention: 14,
  target: { kind: 'directory' as const, path: '/srv/backups' },
  encryptionSecretName: 'sealed',
};

function certificate(daysLeft: number): CertificateSight {
  return {
    machine: 'm1',
    name: 'apiserver',
    isAuthority: false,
    notBefore: now - 300 * dayMs,
    notAfter: now + daysLeft * dayMs,
    fingerprint: 'f',
    names: [],
  };
}

/** As a machine tells of itself, beside what plans look at. */
function whole(seen: Observed): Observed {
  const more = {
    os: { id: 'debian', version: '12', name: 'Debian 12' },
    kernel: '6.1.0',
    cpus: 4,
    memoryBytes: 8 * 1024 ** 3,
    clockSeconds: now / 1000,
    askedAtSeconds: now / 1000,
  };
  const machines = Object.fromEntries(
    Object.entries(seen.machines).map(([name, sight]) => [
      name,
      sight.kind === 'seen' ? { ...sight, facts: { ...sight.facts, ...more } as MachineFacts } : sight,
    ]),
  );
  return { ...seen, machines };
}

function input(change: Partial<StatusInput> = {}): StatusInput {
  return {
    spec: { ...spec(['m1', 'm2', 'm3']), backup },
    observed: whole(observed(three)),
    certificates: [certificate(200)],
    journal: [],
    backups: [{ name: 'newest', takenAt: now - 3_600_000, sizeBytes: 5 }],
    leaving: [],
    wasMade: true,
    now,
    ...change,
  };
}

const look = { isVerbose: false, now };

describe('the status of a cluster that is well', () => {
  it('tells of etcd, certificates and the last backup, and asks for nothing', () => {
    const status = statusOf(input());
    expect(status).toMatchObject({ isWell: true, next: undefined });
    expect(renderStatus(status, look)).toBe(
      [
        '✓ north  Kubernetes 1.36.3  https://api.north:6443',
        '  all machines are well',
        '',
        '  etcd          3 voters, 3 healthy, 2 needed, 1 MiB',
        '  certificates  the first to end is apiserver on m1, on 2027-06-11, in 200 days',
        '  last backup   1h ago, newest, 1 kept',
        '',
        'MACHINE  STATE  ROLE           ETCD    VERSION  ADDRESS',
        'm1       Ready  control-plane  leader  v1.36.3  m1',
        'm2       Ready  control-plane  voter   v1.36.3  m2',
        'm3       Ready  control-plane  voter   v1.36.3  m3',
      ].join('\n'),
    );
  });

  it('fits a narrow terminal', () => {
    const text = renderStatus(statusOf(input()), { ...look, width: 45 });
    expect(text.split('\n').filter((line) => line.length > 45)).toEqual([]);
    expect(text).toContain('m1       Ready');
  });
});

describe('what a status says to do first', () => {
  const down = (silent: readonly string[]): Observed => ({
    ...whole(observed(three, { unreachable: silent })),
    cluster: {
      kind: 'down',
      message: 'no API server answers',
      members: ['m1', 'm2', 'm3'].map((name) => member(name, { isHealthy: !silent.includes(name) })),
    },
  });

  it.each<[string, Partial<StatusInput>, RegExp]>([
    ['certificates are due', { certificates: [certificate(5)] }, /^hansa certs renew north$/],
    [
      'certificates have expired and the API is down',
      { certificates: [certificate(-1)], observed: down([]) },
      /^hansa certs renew north$/,
    ],
    [
      'quorum is lost',
      { observed: down(['m2', 'm3']) },
      /power on m2, m3; .*hansa cluster recover north --without m2 --without m3/,
    ],
    ['no backup was ever taken', { backups: [] }, /^hansa cluster backup north$/],
    [
      'a backup is overdue',
      { backups: [{ name: 'old', takenAt: now - 3 * dayMs, sizeBytes: 5 }] },
      /^hansa cluster backup north$/,
    ],
    [
      'an apply was broken off',
      { journal: [{ ...journalled('m2/join-control-plane', 'failed'), operation: 'apply-1' }] },
      /^hansa cluster apply north$/,
    ],
    [
      'a renewal was broken off',
      {
        journal: [
          { ...journalled('m2/renew-certificates', 'interrupted'), operation: 'renew-certificates-1' },
        ],
      },
      /^hansa certs renew north$/,
    ],
    ['a machine is on its way out', { leaving: ['m3'] }, /^hansa cluster apply north$/],
    [
      'a machine is gone',
      { observed: whole(observed(three, { unreachable: ['m3'], nodes: { m3: { isReady: false } } })) },
      /hansa cluster replace north m3 --forget-unreachable m3/,
    ],
    [
      'a machine that never joined is away',
      { spec: { ...spec(['m1', 'm2', 'm3', 'w1']), backup } },
      /^bring it up, then hansa cluster apply north$/,
    ],
    [
      'a member of etcd does not answer',
      {
        observed: whole(
          observed(three, {
            nodes: { m2: { isReady: false } },
            members: [member('m1'), member('m2', { isHealthy: false }), member('m3')],
          }),
        ),
      },
      /^hansa cluster apply north, which joins it anew if its data is gone; .* hansa cluster replace north m2$/,
    ],
    [
      'a Node is not Ready',
      { observed: whole(observed(three, { nodes: { m2: { isReady: false } } })) },
      /hansa cluster replace north m2/,
    ],
    [
      'a Node was left cordoned',
      { observed: whole(observed(three, { nodes: { m2: { isCordoned: true } } })) },
      /kubectl uncordon m2/,
    ],
    [
      'a machine runs an older version',
      { observed: whole(observed({ ...three, m3: '1.35.4' })) },
      /^hansa cluster apply north$/,
    ],
  ])('when %s', (_, change, command) => {
    expect(statusOf(input(change)).next?.command).toMatch(command);
  });

  it('is to go on with the making of a cluster that was broken off, not to restore it', () => {
    const journal = [{ ...journalled('m1/init-control-plane', 'interrupted'), operation: 'apply-1' }];
    expect(statusOf(input({ journal, observed: down([]) })).next?.command).toBe('hansa cluster apply north');
  });

  it('is to go on with a restore that was begun, before anything else', () => {
    const begun = { ...journalled('cluster/restore-etcd', 'intent'), evidence: { token: 'restore-1' } };
    const journal = [begun, journalled('cluster/restore-etcd', 'failed')];
    const status = statusOf(
      input({ journal, observed: down(['m2', 'm3']), certificates: [certificate(-1)] }),
    );
    expect(status.next?.command).toMatch(/^hansa cluster restore north/);
  });
});

describe('a load balancer that is down', () => {
  it('is told though every API server answers, and is the first thing to mend', () => {
    const seen = whole(observed(three));
    const { m2 } = seen.machines;
    if (m2?.kind !== 'seen') throw new Error('m2 was seen');
    const reaches = [{ address: 'api.north', port: 6443, outcome: 'refused' as const }];
    const machines = { ...seen.machines, m2: { ...m2, facts: { ...m2.facts, reaches } } };
    const status = statusOf(input({ observed: { ...seen, machines } }));
    expect(status.isWell).toBe(false);
    expect(status.next).toMatchObject({
      why: "m2 can't connect to the endpoint",
      command: expect.stringMatching(/^start the load balancer/) as string,
    });
  });
});

describe('a member of etcd that no machine accounts for', () => {
  const stale = member('m9', { id: '8e9e05c52164694d', isHealthy: false });
  const observedWithStale = whole(
    observed(three, { members: [member('m1'), member('m2'), member('m3'), stale] }),
  );

  it('is named with the command that removes it', () => {
    const status = statusOf(input({ observed: observedWithStale }));
    expect(status.isWell).toBe(false);
    expect(renderStatus(status, look)).toContain('etcdctl member remove 8e9e05c52164694d');
    expect(status.next?.command).toBe('hansa cluster plan north');
  });
});

describe('a cluster that nobody sees', () => {
  const absent = (unreachable: readonly string[], etcdData: 'present' | 'absent' = 'absent'): Observed => {
    const { machines, others } = whole(observed(three, { unreachable }));
    const sights = Object.entries(machines).map(([name, sight]): [string, MachineSight] => {
      if (sight.kind !== 'seen') return [name, sight];
      const { facts } = sight;
      return [name, { ...sight, facts: { ...facts, kubernetes: { ...facts.kubernetes, etcdData } } }];
    });
    return { machines: Object.fromEntries(sights), cluster: { kind: 'absent' }, others };
  };

  it('is not said to be missing while a control plane is unreachable', () => {
    const status = statusOf(input({ observed: absent(['m2']), certificates: [] }));
    expect(status.message).toContain('no control plane that could be reached');
    expect(status.next?.command).toContain('power on m2');
  });

  it('is never given up while its data is there', () => {
    const status = statusOf(input({ observed: absent([], 'present') }));
    expect(status.message).toContain('data of etcd is there');
    expect(status.next?.command).not.toContain('delete');
  });

  it('is yet to be made, or was lost', () => {
    const seen = { observed: absent([]), certificates: [] };
    expect(statusOf(input({ ...seen, wasMade: false })).next?.command).toBe('hansa cluster apply north');
    expect(statusOf(input({ ...seen, wasMade: true })).message).toContain('was made before');
  });
});

describe('open work', () => {
  it('is that of the last operation alone', () => {
    const journal = [
      { ...journalled('m2/join-control-plane', 'failed'), operation: 'apply-1' },
      { ...journalled('m3/prepare-host', 'done'), operation: 'apply-2' },
    ];
    expect(statusOf(input({ journal })).openSteps).toEqual([]);
  });

  it('shows a step whose end nobody knows', () => {
    const journal = [{ ...journalled('m3/init-control-plane', 'started'), operation: 'apply-2' }];
    const text = renderStatus(statusOf(input({ journal })), look);
    expect(text).toContain('open work     apply-2: m3/init-control-plane was begun, no end is known');
  });
});

describe('backups in a status', () => {
  it('that can not be listed hide nothing else', () => {
    const status = statusOf(input({ backups: 'the store does not answer' }));
    expect(status.isWell).toBe(true);
    expect(renderStatus(status, look)).toContain("last backup   can't be listed: the store does not answer");
  });

  it('without a place for them tell of the snapshot on the machines', () => {
    const journal = [
      { ...journalled('cluster/snapshot-etcd', 'done'), evidence: { machines: 'm1,m2', path: '/x.db' } },
    ];
    const text = renderStatus(statusOf(input({ backups: undefined, journal })), look);
    expect(text).toContain('on m1, m2; spec.backup names no place off the machines');
  });
});
