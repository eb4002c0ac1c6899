// The X.509 library finds its parts through decorators, which need this first.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CertificateStep } from './plan-renewal.ts';
import type { ServingPair } from './admission-server.ts';

/** An authority and its key, both PEM. */
export type Authority = ServingPair;

/** All that the webhook needs to prove who it is; the data of one Secret. */
export interface CertificateSet {
  readonly authority: Authority;
  /** The next authority: members trust it already, but nothing is signed by it yet. */
  readonly next?: Authority;
  /** The authority before: what it signed may still be served somewhere. */
  readonly previous?: string;
  readonly serving: ServingPair;
}

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60_000;
const authorityDays = 5 * 365;
const servingDays = 90;
/** So that a member whose clock is a little behind trusts it at once. */
const skewMs = 5 * 60_000;

/** What members must trust: each authority that the served certificate may be from. */
export function bundleOf({ previous, authority, next }: CertificateSet): string {
  return [previous, authority.certificate, next?.certificate]
    .filter((each) => each !== undefined)
    .map((each) => `${each.trim()}\n`)
    .join('');
}

/** The parts of a set that a renewal is decided by. */
export function datesOf({ authority, next, previous, serving }: CertificateSet): {
  readonly authorityEndsMs: number;
  readonly nextStartedMs: number | undefined;
  readonly previousEndsMs: number | undefined;
  readonly servingEndsMs: number;
  readonly names: readonly string[];
} {
  const certificate = new X509Certificate(serving.certificate);
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  return {
    authorityEndsMs: new X509Certificate(authority.certificate).notAfter.getTime(),
    nextStartedMs: next ? new X509Certificate(next.certificate).notBefore.getTime() + skewMs : undefined,
    previousEndsMs: previous ? new X509Certificate(previous).notAfter.getTime() : undefined,
    servingEndsMs: certificate.notAfter.getTime(),
    names: names.map(({ value }) => value),
  };
}

/** Does one step of a renewal; the first one makes everything. */
export async function carryOutStep(
  set: CertificateSet | undefined,
  step: CertificateStep,
  { names, nowMs }: { readonly names: readonly string[]; readonly nowMs: number },
): Promise<CertificateSet> {
  if (!set || step === 'start') {
    const authority = await makeAuthority(nowMs);
    return { authority, serving: await issueServing(authority, names, nowMs) };
  }
  switch (step) {
    case 'announce':
      return { ...set, next: await makeAuthority(nowMs) };
    case 'switch': {
      const { next, authority } = set;
      if (!next) return set;
      return {
        authority: next,
        previous: authority.certificate,
        serving: await issueServing(next, names, nowMs),
      };
    }
    case 'forget': {
      const { previous: _, ...rest } = set;
      return rest;
    }
    case 'reissue':
      return { ...set, serving: await issueServing(set.authority, names, nowMs) };
  }
}

async function makeAuthority(nowMs: number): Promise<Authority> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // With the same name twice a verifier may try the wrong one.
    name: [{ CN: [`hansa-webhook-${randomBytes(4).toString('hex')}`] }],
    ...validity(nowMs, authorityDays),
    keys,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey, false),
    ],
  });
  return { certificate: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

async function issueServing(
  authority: Authority,
  names: readonly string[],
  nowMs: number,
): Promise<ServingPair> {
  const issuer = new X509Certificate(authority.certificate);
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: ['hansa-webhook'] }],
    issuer: issuer.subjectName.toJSON(),
    ...validity(nowMs, servingDays),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      await AuthorityKeyIdentifierExtension.create(issuer, false),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    ],
  });
  return { certificate: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(signing, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), signing, true, ['sign']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function validity(nowMs: number, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(nowMs - skewMs), notAfter: new Date(nowMs + days * dayMs) };
}

/** A positive number: with its highest bit set it would read as a negative one. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
