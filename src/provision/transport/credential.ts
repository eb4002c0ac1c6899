/** What proves to a machine who we are. Values of it never reach a log, an argument or an error. */
export interface Credential {
  /** PEM or OpenSSH text, not a path. */
  readonly privateKey?: string;
  /** Of the private key. */
  readonly passphrase?: string;
  /** Of the login. */
  readonly password?: string;
  /** Asked for by sudo; the login's where it is left out. */
  readonly sudoPassword?: string;
  /** Use the keys of the running ssh agent. */
  readonly agent?: boolean;
}

/** Texts of a credential that must not come out anywhere. */
export function secretsOf({ privateKey, passphrase, password, sudoPassword }: Credential): readonly string[] {
  return [privateKey, passphrase, password, sudoPassword].filter((secret) => secret !== undefined);
}
