import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HansaError } from '../../../src/base/index.ts';
import { createSimulatedClock } from '../../../src/kube/index.ts';
import { bundleOf, carryOutStep, type CertificateSet, datesOf } from '../../../src/webhook/certificates.ts';
import { ensureCertificates } from '../../../src/webhook/keep-certificates.ts';
import { planRenewal } from '../../../src/webhook/plan-renewal.ts';

const dayMs = 24 * 60 * 60_000;
const startMs = Date.parse('2026-01-01T00:00:00Z');
const names = ['hansa.example.com', '10.0.0.7'];

describe('the certificates of the webhook', () => {
  it('carry the names that members call, from an authority that the bundle holds', async () => {
    const set = await carryOutStep(undefined, 'start', { names, nowMs: startMs });
    const serving = new X509Certificate(set.serving.certificate);
    expect(serving.checkHost('hansa.example.com')).toBe('hansa.example.com');
    expect(serving.checkIP('10.0.0.7')).toBe('10.0.0.7');
    expect(serving.verify(new X509Certificate(bundleOf(set)).publicKey)).toBe(true);
    expect(datesOf(set).names).toEqual(names);
  });

  it('are renewed for eleven years without a day on which what is served is not trusted', async () => {
    let set: CertificateSet | undefined;
    /** Members hear of a change days late. */
    let trustedByMembers = '';
    let renewals = 0;
    for (let day = 0; day < 11 * 365; day += 3) {
      const nowMs = startMs + day * dayMs;
      const step = planRenewal(set && datesOf(set), { names, nowMs });
      const before = set;
      if (step) set = await carryOutStep(set, step, { names, nowMs });
      if (!set) throw new Error('nothing was made');
      if (step) renewals += 1;
      const trusted = before ? trustedByMembers : bundleOf(set);
      const serving = new X509Certificate(set.serving.certificate);
      const authorities = trusted.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g) ?? [];
      const issuer = authorities.map((pem) => new X509Certificate(pem)).find((ca) => serving.checkIssued(ca));
      if (!issuer || !serving.verify(issuer.publicKey)) throw new Error(`not trusted on day ${day}`);
      for (const each of [serving, issuer]) {
        if (Date.parse(each.validTo) <= nowMs) throw new Error(`ended on day ${day}`);
      }
      trustedByMembers = bundleOf(set);
    }
    expect(renewals).toBeGreaterThan(60);
    expect((trustedByMembers.match(/BEGIN/g) ?? []).length).toBeLessThanOrEqual(3);
  });

  it('are issued again when members call another name', async () => {
    const set = await carryOutStep(undefined, 'start', { names, nowMs: startMs });
    expect(planRenewal(datesOf(set), { names, nowMs: startMs })).toBeUndefined();
    expect(planRenewal(datesOf(set), { names: ['other.example.com'], nowMs: startMs })).toBe('reissue');
  });
});

describe('several processes that start at once', () => {
  it('end up with the same certificates', async () => {
    let stored: CertificateSet | undefined;
    let version = 0;
    const store = () => {
      let seen = 0;
      return {
        read: () => {
          seen = version;
          return Promise.resolve(stored);
        },
        write: (set: CertificateSet) => {
          if (seen !== version) return Promise.reject(new HansaError('changed', { reason: 'Conflict' }));
          version += 1;
          stored = set;
          return Promise.resolve();
        },
      };
    };
    const { signal } = new AbortController();
    const clock = createSimulatedClock({ startMs });
    const sets = await Promise.all(
      [1, 2, 3, 4].map(() => ensureCertificates({ store: store(), names, clock }, signal)),
    );
    expect(new Set(sets.map(({ serving }) => serving.certificate)).size).toBe(1);
    expect(version).toBe(1);
  });
});
