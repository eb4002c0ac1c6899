import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quote } from './command-line.ts';
import type { Hop } from './connection.ts';
import type { KnownKeys } from './host-key.ts';

export type HopName = 'machine' | 'bastion';

/** The path of a unix socket is 104 characters at most; ssh adds 17 of its own while it makes it. */
const longestDirectory = 70;

/** A directory of ours alone for what ssh reads from files; secrets are in it only while it connects. */
export class OpenSshFiles {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(): Promise<OpenSshFiles> {
    const parent = tmpdir().length > longestDirectory ? '/tmp' : tmpdir();
    return new OpenSshFiles(await mkdtemp(join(parent, 'hansa-ssh-')));
  }

  get socket(): string {
    return join(this.#directory, 's');
  }

  get askpass(): string {
    return join(this.#directory, 'askpass');
  }

  log(id: string): string {
    return join(this.#directory, `${id}.log`);
  }

  /** What ssh wrote of itself, once. */
  async takeLog(id: string): Promise<string> {
    const text = await readFile(this.log(id), 'utf8').catch(() => '');
    await rm(this.log(id), { force: true });
    return text;
  }

  knownHosts(hop: HopName): string {
    return join(this.#directory, `${hop}.known`);
  }

  key(hop: HopName): string {
    return join(this.#directory, `${hop}.key`);
  }

  async writeKnownHosts(hop: HopName, { pinned, recorded, knownHosts, revoked }: KnownKeys): Promise<void> {
    // The first source that knows the host decides, as everywhere.
    const keys = [pinned, recorded, knownHosts].find((source) => source.length > 0) ?? [];
    const lines = [
      ...keys.map((key) => `${aliasOf(hop)} ${key}`),
      ...revoked.map((key) => `@revoked ${aliasOf(hop)} ${key}`),
    ];
    await writeFile(this.knownHosts(hop), `${lines.join('\n')}\n`, { mode: 0o600 });
  }

  /** The key ssh has noted of a new host. */
  async readNewKey(hop: HopName): Promise<string | undefined> {
    const text = await readFile(this.knownHosts(hop), 'utf8').catch(() => '');
    const line = text.split('\n').find((one) => one.startsWith(`${aliasOf(hop)} `));
    return line?.split(' ').slice(1, 3).join(' ');
  }

  async writeSecrets(hop: HopName, { credential }: Hop): Promise<void> {
    const { privateKey, passphrase, password } = credential;
    const secrets = { key: privateKey && `${privateKey.trimEnd()}\n`, passphrase, password };
    for (const [name, secret] of Object.entries(secrets)) {
      if (secret !== undefined)
        await writeFile(join(this.#directory, `${hop}.${name}`), secret, { mode: 0o600 });
    }
    const directory = quote(this.#directory);
    await writeFile(
      this.askpass,
      `#!/bin/sh\ncase $1 in *assphrase*) kind=passphrase ;; *) kind=password ;; esac\n` +
        `cat ${directory}/"$HANSA_HOP.$kind"\n`,
      { mode: 0o700 },
    );
  }

  async removeSecrets(): Promise<void> {
    const names = ['machine', 'bastion'].flatMap((hop) =>
      ['key', 'passphrase', 'password'].map((kind) => `${hop}.${kind}`),
    );
    await Promise.all(names.map((name) => rm(join(this.#directory, name), { force: true })));
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** The name hosts have in our known_hosts files: their own may be hashed, or another in the user's ssh_config. */
export function aliasOf(hop: HopName): string {
  return `hansa-${hop}`;
}
