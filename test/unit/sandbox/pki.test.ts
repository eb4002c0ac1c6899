import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issuePki, type Pki } from '../../../src/sandbox/pki.ts';

const now = new Date('2026-03-01T12:00:00Z');
const dayMs = 24 * 60 * 60_000;
let dir: string;
let pki: Pki;

beforeAll(async () => {
  dir = join(mkdtempSync(join(tmpdir(), 'hansa-unit-')), 'pki');
  pki = await issuePki(dir, now);
});
afterAll(() => rmSync(join(dir, '..'), { recursive: true, force: true }));

const certificate = (name: string) => new X509Certificate(readFileSync(join(dir, `${name}.crt`)));

describe('the certificates of a control plane', () => {
  it('are for the eyes of their owner only', () => {
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(dir))
      expect([file, statSync(join(dir, file)).mode & 0o777]).toEqual([file, 0o600]);
  });

  it.each(['apiserver', 'etcd'])('name every address under which the %s is called', (name) => {
    const { subjectAltName } = certificate(name);
    for (const each of ['IP Address:127.0.0.1', 'DNS:localhost', 'DNS:kubernetes.default.svc']) {
      expect(subjectAltName).toContain(each);
    }
  });

  it('are signed by the authority that their reader trusts, and by no other', () => {
    const [ca, etcdCa] = [certificate('ca'), certificate('etcd-ca')];
    for (const name of ['apiserver', 'admin', 'controller-manager', 'scheduler', 'kwok']) {
      expect(certificate(name).verify(ca.publicKey)).toBe(true);
      // A client of the API server must not be let into etcd behind its back.
      expect(certificate(name).verify(etcdCa.publicKey)).toBe(false);
    }
    for (const name of ['etcd', 'apiserver-etcd-client']) {
      expect(certificate(name).checkIssued(etcdCa)).toBe(true);
      expect(certificate(name).verify(etcdCa.publicKey)).toBe(true);
    }
    expect(ca.ca).toBe(true);
    expect(certificate('admin').ca).toBe(false);
  });

  it('make only the admin an admin', () => {
    expect(certificate('admin').subject).toContain('O=system:masters');
    expect(certificate('controller-manager').subject).toBe('CN=system:kube-controller-manager');
    expect(certificate('scheduler').subject).toBe('CN=system:kube-scheduler');
    expect(certificate('kwok').subject).toBe('CN=hansa:kwok');
  });

  it('say what they are for', () => {
    const [server, client] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];
    expect(certificate('apiserver').keyUsage).toEqual([server]);
    expect(certificate('admin').keyUsage).toEqual([client]);
    expect(certificate('etcd').keyUsage).toEqual([server, client]);
  });

  it('fit their keys, and begin early enough for a clock that lags', () => {
    for (const { certificate: pem, key } of Object.values(pki.clients)) {
      const each = new X509Certificate(pem);
      expect(createPublicKey(key).equals(each.publicKey)).toBe(true);
      expect(Date.parse(each.validFrom)).toBeLessThan(now.getTime());
      expect(Date.parse(each.validTo)).toBe(now.getTime() + 365 * dayMs);
    }
  });

  it('are new at the next start, while authorities and the key of service accounts stay', async () => {
    const files = ['ca.crt', 'ca.key', 'etcd-ca.crt', 'sa.key', 'sa.pub', 'apiserver.crt', 'admin.crt'];
    const read = () => files.map((file) => readFileSync(join(dir, file), 'utf8'));
    const before = read();
    const later = new Date(now.getTime() + 300 * dayMs);
    await issuePki(dir, later);
    const same = read().map((text, index) => text === before[index]);
    expect(same).toEqual([true, true, true, true, true, false, false]);
    expect(Date.parse(certificate('admin').validTo)).toBe(later.getTime() + 365 * dayMs);
    expect(certificate('admin').verify(certificate('ca').publicKey)).toBe(true);
  });

  it('are refused by an authority that ends before they would', async () => {
    await expect(issuePki(dir, new Date(now.getTime() + 3400 * dayMs))).rejects.toMatchObject({
      reason: 'CertificateExpired',
    });
  });
});
