import { sshCredentialKeys } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { isJsonObject } from '../../base/index.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import type { ObjectFindings } from './problems.ts';

export type SecretUse = 'ssh' | 'etcd-client' | 'backup-encryption' | 's3';

/** A Secret that a cluster can't be without. */
export interface SecretNeed {
  readonly name: string;
  readonly use: SecretUse;
}

/** By name. Values are in here: never log it. */
export type SecretValues = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** For a redactor. What is shorter stands in too many words that are no secret. */
export function secretTexts(secrets: SecretValues): readonly string[] {
  return [...secrets.values()].flatMap((values) => Object.values(values)).filter(({ length }) => length >= 8);
}

/** Every Secret that machines, etcd and backups name, once each. */
export function secretNeeds({ machines, etcd, backup }: ClusterSpec): readonly SecretNeed[] {
  const needs: SecretNeed[] = [];
  for (const { ssh } of machines) {
    needs.push({ name: ssh.credential, use: 'ssh' });
    if (ssh.bastion) needs.push({ name: ssh.bastion.credential, use: 'ssh' });
  }
  if (etcd.kind === 'external') needs.push({ name: etcd.secretName, use: 'etcd-client' });
  if (backup) {
    needs.push({ name: backup.encryptionSecretName, use: 'backup-encryption' });
    if (backup.target.kind === 's3') needs.push({ name: backup.target.secretName, use: 's3' });
  }
  const named = needs.filter(({ name }) => name !== '');
  return named.filter(
    (need, index) => named.findIndex(({ name, use }) => name === need.name && use === need.use) === index,
  );
}

/** `stringData` as it is, `data` from base64; what is in both comes from `stringData`, as the API server has it. */
export function readSecret(
  object: Readonly<Record<string, unknown>>,
  found: ObjectFindings,
): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [key, value] of entriesOf(object['data'], 'data', found)) {
    if (!isBase64(value)) {
      found.problem(`data.${key}`, 'is not base64: encode it, or write it under stringData as it is');
      continue;
    }
    values[key] = Buffer.from(value, 'base64').toString('utf8');
  }
  for (const [key, value] of entriesOf(object['stringData'], 'stringData', found)) values[key] = value;
  return values;
}

const needed: Readonly<Record<Exclude<SecretUse, 'ssh'>, readonly string[]>> = {
  'etcd-client': ['ca.crt', 'tls.crt', 'tls.key'],
  'backup-encryption': ['passphrase'],
  s3: ['access-key-id', 'secret-access-key'],
};

/** Whether a Secret can be what it is named for; says so without a word of what is in it. */
export function checkSecret(
  use: SecretUse,
  values: Readonly<Record<string, string>>,
  found: ObjectFindings,
): void {
  if (use === 'ssh') {
    checkSshCredential(values, found);
    return;
  }
  for (const key of needed[use]) {
    if (!values[key]) found.problem(`data.${key}`, 'is missing, or empty');
  }
}

function checkSshCredential(values: Readonly<Record<string, string>>, found: ObjectFindings): void {
  const known = Object.keys(sshCredentialKeys);
  for (const key of Object.keys(values)) {
    if (!known.includes(key)) {
      found.warning(`data.${key}`, `means nothing in an SSH credential: it may have ${known.join(', ')}`);
    }
  }
  const key = values['ssh-privatekey'];
  if (!key && !values['password'] && values['agent'] !== 'true') {
    found.problem(
      'data',
      'has none of ssh-privatekey, password and agent: "true": there is no way to log in',
    );
  }
  if (values['agent'] !== undefined && !['true', 'false'].includes(values['agent'])) {
    found.problem('data.agent', 'must be "true" or "false"');
  }
  if (!key) return;
  if (/^\s*(ssh|ecdsa|sk)-/.test(key)) {
    found.problem('data.ssh-privatekey', 'is a public key: the private one is the file without .pub');
  } else if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) {
    found.problem(
      'data.ssh-privatekey',
      'is not a private key in PEM or OpenSSH form (-----BEGIN … PRIVATE KEY-----)',
    );
  }
}

function entriesOf(
  value: unknown,
  field: string,
  found: ObjectFindings,
): readonly (readonly [string, string])[] {
  if (value === undefined || value === null) return [];
  if (!isJsonObject(value)) {
    found.problem(field, 'must be a map');
    return [];
  }
  return Object.entries(value).flatMap(([key, each]) => {
    if (typeof each === 'string') return [[key, each] as const];
    found.problem(`${field}.${key}`, 'must be a string: put it in quotes');
    return [];
  });
}

function isBase64(text: string): boolean {
  const bare = text.replaceAll(/\s/g, '');
  return bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare);
}
