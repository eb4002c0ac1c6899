import { HansaError } from '../../base/index.ts';
import type { SecretStore } from '../engine/executor.ts';
import type { BackupSpec } from '../plan/cluster-spec.ts';
import { directoryTarget } from './directory-target.ts';
import type { BackupTarget } from './target.ts';

export type S3Settings = Extract<BackupSpec['target'], { kind: 's3' }>;

/** Makes a target of an S3-compatible store; `credentials` has `access-key-id` and `secret-access-key`. */
export type ConnectS3 = (settings: S3Settings, credentials: Readonly<Record<string, string>>) => BackupTarget;

/** @throws HansaError SecretMissing, BackupTargetUnsupported */
export async function openTarget(
  { target }: Pick<BackupSpec, 'target'>,
  secrets: SecretStore,
  connectS3?: ConnectS3,
): Promise<BackupTarget> {
  switch (target.kind) {
    case 'directory':
      return directoryTarget(target.path);
    case 's3': {
      if (!connectS3) {
        throw new HansaError('this Hansa was built without access to S3-compatible stores: use a directory', {
          reason: 'BackupTargetUnsupported',
          retry: 'never',
        });
      }
      const credentials = await secrets.get(target.secretName);
      if (!credentials)
        throw missing(target.secretName, '`access-key-id` and `secret-access-key` of the store');
      return connectS3(target, credentials);
    }
  }
}

/** @throws HansaError SecretMissing */
export async function passphraseOf(
  { encryptionSecretName }: Pick<BackupSpec, 'encryptionSecretName'>,
  secrets: SecretStore,
): Promise<string> {
  const passphrase = (await secrets.get(encryptionSecretName))?.passphrase;
  if (!passphrase) throw missing(encryptionSecretName, '`passphrase` for the encryption of backups');
  return passphrase;
}

function missing(name: string, what: string): HansaError {
  return new HansaError(`the Secret ${name} with ${what} is missing: make it, then try again`, {
    reason: 'SecretMissing',
  });
}
