import { HansaError } from '../../base/index.ts';
import type { SecretStore } from '../engine/executor.ts';
import type { Credential } from '../transport/index.ts';

/**
 * The credential that a Secret holds.
 * @throws HansaError NoCredential
 */
export async function credentialOf(secrets: SecretStore, name: string): Promise<Credential> {
  // openssh and local have their own ways in.
  if (name === '') return {};
  const values = await secrets.get(name);
  if (!values) {
    throw new HansaError(
      `the SSH credential ${name} is not kept here: put the Secret into the file, or run "hansa cluster create credential"`,
      { reason: 'NoCredential', retry: 'never' },
    );
  }
  const { passphrase, password } = values;
  return {
    ...given('privateKey', values['ssh-privatekey']),
    ...given('passphrase', passphrase),
    ...given('password', password),
    ...given('sudoPassword', values['sudo-password']),
    ...(values['agent'] === 'true' ? { agent: true } : {}),
  };
}

function given<K extends keyof Credential>(key: K, value: string | undefined): Partial<Record<K, string>> {
  return value ? ({ [key]: value } as Record<K, string>) : {};
}
