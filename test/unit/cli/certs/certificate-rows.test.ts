import { describe, expect, it } from 'vitest';
import { certificatesOf, isWell, renderCertificates } from '../../../../src/cli/certs/certificate-rows.ts';
import type { CertificateSight, MachineFacts, Observed } from '../../../../src/provision/index.ts';
import { spec } from '../../provision/plan/day-two-world.ts';

const now = Date.UTC(2026, 10, 23, 12);
const dayMs = 86_400_000;

function certificate(machine: string, name: string, daysLeft: number, isAuthority = false): CertificateSight {
  return {
    machine,
    name,
    isAuthority,
    notBefore: now + (daysLeft - 365) * dayMs,
    notAfter: now + daysLeft * dayMs,
    fingerprint: `${machine}-${name}`,
    names: [],
  };
}

function seen(
  skewSeconds: Readonly<Record<string, number>>,
  unreachable: readonly string[] = [],
): Pick<Observed, 'machines'> {
  const facts = (skew: number) =>
    ({ clockSeconds: now / 1000 + skew, askedAtSeconds: now / 1000 }) as MachineFacts;
  return {
    machines: {
      ...Object.fromEntries(
        Object.entries(skewSeconds).map(([name, skew]) => [name, { kind: 'seen', facts: facts(skew) }]),
      ),
      ...Object.fromEntries(
        unreachable.map((name) => [
          name,
          { kind: 'unreachable', reason: 'Unreachable', message: 'no route' },
        ]),
      ),
    },
  };
}

const sights = [
  certificate('m2', 'apiserver', 300),
  certificate('m1', 'ca', 3000, true),
  certificate('m1', 'etcd-server', 200),
  certificate('m1', 'front-proxy-client', 100),
  certificate('m1', 'apiserver-etcd-client', 150),
];

describe('certificates of a cluster', () => {
  it('are told machine by machine, the first to end first, with what signed them', () => {
    const told = certificatesOf(spec(['m1', 'm2']), seen({ m1: 0, m2: 0 }), sights, now);
    expect(renderCertificates(told)).toBe(
      [
        '✓ north: the first to end is front-proxy-client on m1, on 2027-03-03, in 100 days',
        '',
        'MACHINE  CERTIFICATE            ENDS         LEFT  AUTHORITY',
        'm1       front-proxy-client     2027-03-03   100d  front-proxy-ca',
        'm1       apiserver-etcd-client  2027-04-22   150d  etcd-ca',
        'm1       etcd-server            2027-06-11   200d  etcd-ca',
        'm1       ca                     2035-02-09  3000d  itself',
        'm2       apiserver              2027-09-19   300d  ca',
      ].join('\n'),
    );
  });

  it('fit a narrow terminal', () => {
    const told = certificatesOf(spec(['m1', 'm2']), seen({ m1: 0, m2: 0 }), sights, now);
    const lines = renderCertificates(told, 50).split('\n');
    expect(lines.filter((line) => line.length > 50)).toEqual([]);
  });

  it('name the command for this cluster when they have expired', () => {
    const told = certificatesOf(spec(['m1']), seen({ m1: 0 }), [certificate('m1', 'apiserver', -3)], now);
    expect(told).toMatchObject({ status: 'False', reason: 'Expired' });
    expect(renderCertificates(told)).toContain('run "hansa certs renew north"');
    expect(renderCertificates(told)).toContain('ended 3d ago');
    expect(isWell(told)).toBe(false);
  });

  it('are not judged by a machine whose clock is wrong', () => {
    const told = certificatesOf(spec(['m1']), seen({ m1: 7200 }), [certificate('m1', 'apiserver', 300)], now);
    expect(told).toMatchObject({ status: 'Unknown', reason: 'ClockWrong' });
    expect(isWell(told)).toBe(false);
  });

  it('of a machine that is away are said to be unseen', () => {
    const told = certificatesOf(spec(['m1', 'm2']), seen({ m1: 0 }, ['m2']), sights.slice(1), now);
    expect(renderCertificates(told)).toContain('! m2 could not be asked: no route');
  });

  it.each([
    [5, false],
    [200, true],
  ])('that end in %i days are well: %s', (days, expected) => {
    const told = certificatesOf(spec(['m1']), seen({ m1: 0 }), [certificate('m1', 'apiserver', days)], now);
    expect(isWell(told)).toBe(expected);
  });
});
