// The X.509 library finds its parts through decorators, which need this first.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { HansaError } from '../base/index.ts';
import { writeAtomically } from './write-atomically.ts';

/** A certificate and its key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Who a client is for the API server: CN is the user, O the groups. */
export interface ClientName {
  readonly user: string;
  readonly groups?: readonly string[];
}

/** All clients of a control plane. Each has its own rights, as in a real cluster. */
export const clientNames = {
  admin: { user: 'kubernetes-admin', groups: ['system:masters'] },
  'controller-manager': { user: 'system:kube-controller-manager' },
  scheduler: { user: 'system:kube-scheduler' },
  kwok: { user: 'hansa:kwok' },
} as const satisfies Record<string, ClientName>;
export type Client = keyof typeof clientNames;

export interface Pki {
  readonly dir: string;
  readonly ca: string;
  readonly clients: Readonly<Record<Client, KeyPair>>;
}

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60_000;
const caDays = 3650;
/** Certificates are issued anew at each start of a kept sandbox, so a year is ample. */
const leafDays = 365;
/** So that a clock set back a little after the start breaks nothing. */
const skewMs = 5 * 60_000;

const servingNames = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];
/** The last one is the first address of the service range: the `kubernetes` service. */
const servingAddresses = ['127.0.0.1', '::1', '10.96.0.1'];

interface Authority {
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/**
 * Writes everything that one control plane needs to prove who it is, into `dir` (0700, files 0600).
 *
 * *Guarantees*: authorities and the service-account key of an earlier run are kept, so that kept data stays readable and
 * issued tokens valid; all other certificates are new.
 * *Caveats*: etcd has an authority of its own. With one for both, every API client's certificate would open etcd too.
 */
export async function issuePki(dir: string, now: Date): Promise<Pki> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  const [ca, etcdCa] = await Promise.all([
    loadOrMakeAuthority(dir, 'ca', 'hansa-sandbox', now),
    loadOrMakeAuthority(dir, 'etcd-ca', 'hansa-sandbox-etcd', now),
  ]);
  if (!existsSync(join(dir, 'sa.key'))) await writeServiceAccountKey(dir);

  const { serverAuth, clientAuth } = ExtendedKeyUsage;
  const servers = [
    issue(ca, { user: 'kube-apiserver' }, [serverAuth], now, { serving: true }).then((pair) =>
      writePair(dir, 'apiserver', pair),
    ),
    // etcd's own gateway calls etcd with this certificate, so it must be good for a client too.
    issue(etcdCa, { user: 'etcd' }, [serverAuth, clientAuth], now, { serving: true }).then((pair) =>
      writePair(dir, 'etcd', pair),
    ),
    issue(etcdCa, { user: 'kube-apiserver' }, [clientAuth], now).then((pair) =>
      writePair(dir, 'apiserver-etcd-client', pair),
    ),
  ];
  const clients = Object.entries(clientNames).map(async ([client, name]) => {
    const pair = await issue(ca, name, [clientAuth], now);
    writePair(dir, client, pair);
    return [client, pair] as const;
  });
  await Promise.all(servers);
  return {
    dir,
    ca: pemOf(ca.certificate),
    clients: Object.fromEntries(await Promise.all(clients)) as Record<Client, KeyPair>,
  };
}

async function loadOrMakeAuthority(dir: string, file: string, name: string, now: Date): Promise<Authority> {
  const [certificatePath, keyPath] = [join(dir, `${file}.crt`), join(dir, `${file}.key`)];
  if (existsSync(certificatePath) && existsSync(keyPath)) {
    const certificate = new X509Certificate(readFileSync(certificatePath, 'utf8'));
    if (certificate.notAfter.getTime() < now.getTime() + leafDays * dayMs) {
      throw new HansaError(
        `the certificate authority ${certificatePath} ends on ${certificate.notAfter.toISOString()}: ` +
          'take this sandbox down without --keep and start it anew',
        { reason: 'CertificateExpired', retry: 'never' },
      );
    }
    return { certificate, key: await importKey(readFileSync(keyPath, 'utf8')) };
  }
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    ...validity(now, caDays),
    keys,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(
        KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
        true,
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey, false),
    ],
  });
  const pair = { certificate: pemOf(certificate), key: await exportKey(keys.privateKey) };
  writePair(dir, file, pair);
  return { certificate, key: keys.privateKey };
}

async function issue(
  authority: Authority,
  { user, groups = [] }: ClientName,
  usages: readonly ExtendedKeyUsage[],
  now: Date,
  { serving = false } = {},
): Promise<KeyPair> {
  const keys = await makeKeys();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([...usages]),
    await AuthorityKeyIdentifierExtension.create(authority.certificate, false),
  ];
  if (serving) {
    extensions.push(
      new SubjectAlternativeNameExtension([
        ...servingNames.map((value) => ({ type: 'dns' as const, value })),
        ...servingAddresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
    );
  }
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...groups.map((group) => ({ O: [group] })), { CN: [user] }],
    issuer: authority.certificate.subjectName.toJSON(),
    ...validity(now, leafDays),
    publicKey: keys.publicKey,
    signingKey: authority.key,
    signingAlgorithm: signing,
    extensions,
  });
  return { certificate: pemOf(certificate), key: await exportKey(keys.privateKey) };
}

async function writeServiceAccountKey(dir: string): Promise<void> {
  const keys = await makeKeys();
  const publicKey = PemConverter.encode(
    await webcrypto.subtle.exportKey('spki', keys.publicKey),
    'PUBLIC KEY',
  );
  writeAtomically(join(dir, 'sa.pub'), `${publicKey}\n`);
  // Written last: it is the file whose presence says that both are there.
  writeAtomically(join(dir, 'sa.key'), await exportKey(keys.privateKey));
}

function writePair(dir: string, file: string, { certificate, key }: KeyPair): void {
  writeAtomically(join(dir, `${file}.key`), key);
  writeAtomically(join(dir, `${file}.crt`), certificate);
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

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - skewMs),
    notAfter: new Date(now.getTime() + days * dayMs),
  };
}

/** A positive number: with its highest bit set it would read as a negative one. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
