import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { certificateStatus, certificateVerdict } from '../../../../src/provision/plan/certificate-verdict.ts';
import {
  type CertificateSight,
  type GivenCertificate,
  planRenewal,
  readCertificate,
} from '../../../../src/provision/plan/certificates.ts';
import type { MachineFacts } from '../../../../src/provision/plan/facts.ts';
import { issueServing } from '../../../support/certificates.ts';
import { spec } from './day-two-world.ts';

const dayMs = 24 * 3_600_000;
const now = Date.UTC(2026, 10, 23, 7);

function certificate(
  machine: string,
  name: string,
  daysLeft: number,
  change: Partial<CertificateSight> = {},
): CertificateSight {
  return {
    machine,
    name,
    isAuthority: false,
    notBefore: now + (daysLeft - 365) * dayMs,
    notAfter: now + daysLeft * dayMs,
    fingerprint: `${machine}-${name}`,
    names: [],
    ...change,
  };
}

const authority = certificate('m1', 'ca', 3000, { isAuthority: true, notBefore: now - 650 * dayMs });
const limits = { now, renewBeforeHours: 720 };

describe('a certificate', () => {
  it('is read with its end, its names and its kind', async () => {
    const below = await mkdtemp(join(tmpdir(), 'hansa-certificates-'));
    try {
      const { certificate: leaf, ca } = await issueServing(below);
      const read = readCertificate('m1', 'apiserver', leaf);
      expect(read).toMatchObject({
        machine: 'm1',
        name: 'apiserver',
        isAuthority: false,
        names: ['127.0.0.1'],
      });
      expect(read.fingerprint).toMatch(/^[0-9a-f]{64}$/);
      expect(read.notAfter - read.notBefore).toBe(2 * dayMs);
      expect(readCertificate('m1', 'ca', ca).isAuthority).toBe(true);
    } finally {
      await rm(below, { recursive: true });
    }
  });
});

describe('the condition CertificatesValid', () => {
  it('is true while all have long to go, and names the first to end', () => {
    const status = certificateStatus(
      [certificate('m1', 'apiserver', 200), certificate('m2', 'etcd-server', 90), authority],
      limits,
    );
    expect(status).toMatchObject({ status: 'True', reason: 'Valid', daysLeft: 90 });
    expect(status.message).toBe('the first to end is etcd-server on m2, on 2027-02-21, in 90 days');
  });

  it('tells when a renewal is due', () => {
    expect(certificateStatus([certificate('m1', 'apiserver', 29)], limits)).toMatchObject({
      status: 'True',
      reason: 'RenewalDue',
      daysLeft: 29,
    });
  });

  it('is false when one has ended, and says what works then', () => {
    const status = certificateStatus(
      [certificate('m1', 'apiserver', 200), certificate('m2', 'apiserver', -2)],
      limits,
    );
    expect(status).toMatchObject({ status: 'False', reason: 'Expired', daysLeft: -2 });
    expect(status.message).toContain('hansa certs renew');
    expect(status.message).toContain('m2');
  });

  it.each([
    ['an hour ahead', 3_600_000, 'ahead'],
    ['two years behind', -2 * 365 * dayMs, 'behind'],
  ])('is unknown while a clock is %s, with the cause', (_case, skew, word) => {
    const status = certificateStatus([certificate('m1', 'apiserver', 200)], {
      ...limits,
      clockSkewMs: { m2: skew },
    });
    expect(status).toMatchObject({ status: 'Unknown', reason: 'ClockWrong' });
    expect(status.message).toMatch(new RegExp(`m2.*${word}`));
  });

  it('is unknown when none was seen', () => {
    expect(certificateStatus([], limits)).toMatchObject({
      status: 'Unknown',
      reason: 'NotSeen',
      daysLeft: undefined,
    });
  });

  it('warns of an authority that ends, and fails with one that has', () => {
    const leaf = certificate('m1', 'apiserver', 100);
    const short = (daysLeft: number) => certificate('m1', 'ca', daysLeft, { isAuthority: true });
    expect(certificateStatus([leaf, short(200)], limits)).toMatchObject({
      reason: 'AuthorityExpiring',
      status: 'True',
    });
    expect(certificateStatus([leaf, short(-1)], limits)).toMatchObject({
      reason: 'AuthorityExpired',
      status: 'False',
    });
  });

  it('sees a renewal that is due beside an authority that ends within the year', () => {
    const short = certificate('m1', 'ca', 200, { isAuthority: true });
    expect(certificateStatus([certificate('m1', 'apiserver', 20), short], limits).reason).toBe('RenewalDue');
  });

  it('judges by the clocks of the machines that were seen', () => {
    const facts: Partial<MachineFacts> = { clockSeconds: now / 1000 + 3600, askedAtSeconds: now / 1000 };
    const { reason } = certificateVerdict(
      spec(['m1']),
      { machines: { m1: { kind: 'seen', facts: facts as MachineFacts } } },
      [certificate('m1', 'apiserver', 200)],
      now,
    );
    expect(reason).toBe('ClockWrong');
  });

  it.each([
    ['ends soon', 20, undefined, 'True', 'ReplacementDue', 'in 20 days: put a new one'],
    ['has ended', -2, undefined, 'False', 'ReplacementDue', 'expired on 2026-11-21: put a new one'],
    ['has ended as the one of the Secret', -2, -1, 'False', 'ReplacementDue', 'expired on 2026-11-21'],
    ['is not that of its Secret', 200, 365, 'True', 'RenewalDue', 'has another apiserver-etcd-client than'],
    ['has ended, and the Secret has a new one', -2, 365, 'False', 'Expired', 'than the Secret kept-etcd'],
  ] as const)('tells whose turn it is when a certificate of others %s', (_case, left, inSecret, ...said) => {
    const client = certificate('m1', 'apiserver-etcd-client', left, {
      given: {
        secret: 'kept-etcd',
        newest: inSecret === undefined ? undefined : { fingerprint: 'new', notAfter: now + inSecret * dayMs },
      },
    });
    const [status, reason, words] = said;
    const verdict = certificateStatus([certificate('m1', 'apiserver', 100), client], limits);
    expect(verdict).toMatchObject({ status, reason });
    expect(verdict.message).toContain(words);
    // What is ours to renew is not hidden behind it.
    const own = certificateStatus([certificate('m1', 'apiserver', -1), client], limits);
    expect(own).toMatchObject({ status: 'False', reason: 'Expired' });
    expect(own.message).toMatch(/^apiserver on m1/);
  });

  it('leaves out the kubelet’s, which renews itself, until it has ended', () => {
    const kubelet = (daysLeft: number) => certificate('w1', 'kubelet', daysLeft);
    expect(certificateStatus([certificate('m1', 'apiserver', 200), kubelet(3)], limits)).toMatchObject({
      daysLeft: 200,
    });
    expect(certificateStatus([certificate('m1', 'apiserver', 200), kubelet(-3)], limits)).toMatchObject({
      reason: 'Expired',
    });
  });
});

describe('a renewal', () => {
  it('goes from machine to machine, one after the other, and ends with the kubeconfig', () => {
    const plan = planRenewal(
      spec(['m1', 'm2', 'm3', 'w1']),
      ['m1', 'm2', 'm3'].flatMap((machine) => [
        certificate(machine, 'apiserver', 10),
        certificate(machine, 'admin.conf', 10),
      ]),
      { now },
    );
    expect(plan.steps.map(({ id, needs }) => [id, ...needs])).toEqual([
      ['m1/renew-certificates'],
      ['m2/renew-certificates', 'm1/renew-certificates'],
      ['m3/renew-certificates', 'm2/renew-certificates'],
      ['cluster/store-kubeconfig', 'm3/renew-certificates'],
    ]);
    expect(plan.steps[0]).toMatchObject({
      exclusive: 'etcd',
      inputs: { replace: ['m1-admin.conf', 'm1-apiserver'] },
      isDestructive: false,
    });
  });

  it('has nothing to do while nothing is due, and does all when forced', () => {
    const certificates = [certificate('m1', 'apiserver', 200), certificate('w1', 'kubelet', 200), authority];
    expect(planRenewal(spec(['m1', 'w1']), certificates, { now }).steps).toEqual([]);
    expect(
      planRenewal(spec(['m1', 'w1']), certificates, { now, force: true }).steps.map(({ id }) => id),
    ).toEqual(['m1/renew-certificates', 'cluster/store-kubeconfig']);
  });

  it('leaves to the keepers of an external etcd what is theirs', () => {
    const own = certificate('m1', 'apiserver', 10);
    const theirs = (given?: GivenCertificate) => [
      certificate('m1', 'apiserver-etcd-client', 5, given && { given }),
      certificate('m1', 'etcd-ca', -1, { isAuthority: true, ...(given && { given }) }),
    ];
    const { steps, refusals } = planRenewal(
      spec(['m1']),
      [own, ...theirs({ secret: 'etcd', newest: undefined }), authority],
      { now, force: true },
    );
    expect(refusals).toEqual([]);
    expect(steps[0]?.inputs).toEqual({ replace: ['m1-apiserver'] });
    expect(planRenewal(spec(['m1']), [own, ...theirs(), authority], { now }).refusals).toHaveLength(1);
  });

  it('brings what the Secret of an external etcd has now, and never what has ended', () => {
    const client = (machine: string, daysLeft: number) =>
      certificate(machine, 'apiserver-etcd-client', 200, {
        given: {
          secret: 'kept-etcd',
          newest: { fingerprint: 'm1-apiserver-etcd-client', notAfter: now + daysLeft * dayMs },
        },
      });
    const { steps } = planRenewal(spec(['m1', 'm2']), [client('m1', 365), client('m2', 365)], { now });
    // m1 has it already.
    expect(steps.map(({ id }) => id)).toEqual(['m2/renew-certificates', 'cluster/store-kubeconfig']);
    expect(steps[0]).toMatchObject({
      inputs: { replace: ['m2-apiserver-etcd-client'] },
      reason: 'the Secret kept-etcd has another apiserver-etcd-client',
    });
    expect(planRenewal(spec(['m1', 'm2']), [client('m2', -1)], { now }).steps).toEqual([]);
  });

  it('starts in the last third of a short life', () => {
    const hourMs = 3_600_000;
    const short = (leftMs: number) =>
      certificate('m1', 'apiserver', 0, { notBefore: now + leftMs - hourMs, notAfter: now + leftMs });
    expect(planRenewal(spec(['m1']), [short(hourMs / 2)], { now }).steps).toEqual([]);
    expect(planRenewal(spec(['m1']), [short(hourMs / 4)], { now }).steps).toHaveLength(2);
  });

  it('gives a kubelet that was off too long a new certificate, after the control planes', () => {
    const plan = planRenewal(
      spec(['m1', 'w1']),
      [
        certificate('m1', 'apiserver', -5),
        certificate('m1', 'kubelet', -5),
        certificate('w1', 'kubelet', -5),
      ],
      { now },
    );
    expect(plan.steps.map(({ id }) => id)).toEqual([
      'm1/renew-certificates',
      'w1/renew-certificates',
      'cluster/store-kubeconfig',
    ]);
    expect(plan.steps[0]?.inputs.replace).toEqual(['m1-apiserver', 'm1-kubelet']);
    const forced = planRenewal(
      spec(['m1']),
      [certificate('m1', 'apiserver', 200), certificate('m1', 'kubelet', -5)],
      {
        now,
        force: true,
      },
    );
    expect(forced.steps[0]?.inputs.replace).toEqual(['m1-apiserver', 'm1-kubelet']);
    expect(plan.steps[1]).toMatchObject({ exclusive: undefined, needs: ['m1/renew-certificates'] });
  });

  it('is refused when the authority itself has ended', () => {
    const dead = certificate('m1', 'ca', -1, { isAuthority: true });
    expect(planRenewal(spec(['m1']), [certificate('m1', 'apiserver', -1), dead], { now })).toMatchObject({
      steps: [],
      refusals: [{ reason: 'AuthorityExpired', machine: 'm1' }],
    });
  });

  it('warns that certificates can’t outlive their authority', () => {
    const short = certificate('m1', 'ca', 100, { isAuthority: true });
    expect(
      planRenewal(spec(['m1']), [certificate('m1', 'apiserver', 5), short], { now }).warnings,
    ).toMatchObject([{ reason: 'AuthorityEndsFirst' }]);
  });
});
