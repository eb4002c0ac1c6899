import { readFile } from 'node:fs/promises';
import type { SshTarget } from '../plan/cluster-spec.ts';
import { fingerprintOf, hostKeyText, judgeHostKey, type KnownKeys, typeOf, untrusted } from './host-key.ts';
import { lookUpKnownHost } from './known-hosts.ts';

/** A host that nobody knew before. */
export interface FirstSight {
  readonly host: string;
  readonly port: number;
  /** `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** `SHA256:…`. */
  readonly fingerprint: string;
}

/** Stores the key of a new host, so that it is trusted from now on. The connection waits for it, and fails if it fails. */
export type OnFirstSight = (sight: FirstSight) => void | Promise<void>;

export type Host = Pick<SshTarget, 'host' | 'port' | 'hostKeys' | 'insecureIgnoreHostKey'>;

/** Trust in one host for as long as a transport lives, reconnections included. */
export class HostTrust {
  readonly #host: Host;
  readonly #knownHostsFiles: readonly string[];
  readonly #onFirstSight: OnFirstSight | undefined;
  #fromFiles: Pick<KnownKeys, 'knownHosts' | 'revoked'> | undefined;
  #recorded: readonly string[] = [];
  #shown: string | undefined;

  constructor(host: Host, knownHostsFiles: readonly string[], onFirstSight: OnFirstSight | undefined) {
    this.#host = host;
    this.#knownHostsFiles = knownHostsFiles;
    this.#onFirstSight = onFirstSight;
  }

  /** The key it showed last. */
  get shown(): string | undefined {
    return this.#shown;
  }

  get insecure(): boolean {
    return this.#host.insecureIgnoreHostKey;
  }

  get mayBeNew(): boolean {
    return this.#onFirstSight !== undefined;
  }

  async known(): Promise<KnownKeys> {
    const { hostKeys, insecureIgnoreHostKey } = this.#host;
    this.#fromFiles ??= await this.#readFiles();
    return {
      pinned: hostKeys,
      recorded: this.#recorded,
      insecure: insecureIgnoreHostKey,
      ...this.#fromFiles,
    };
  }

  /** @throws HansaError HostKeyChanged, HostKeyUnknown */
  async check(address: string, key: Buffer): Promise<void> {
    await this.checkText(address, hostKeyText(key));
  }

  async checkText(address: string, shown: string): Promise<void> {
    const verdict = judgeHostKey(shown, await this.known());
    if (verdict.kind === 'first-sight' && this.#onFirstSight) {
      const { host, port } = this.#host;
      await this.#onFirstSight({ host, port, hostKey: shown, fingerprint: fingerprintOf(shown) });
      this.#recorded = [shown];
    } else if (verdict.kind !== 'trusted') {
      throw untrusted(address, shown, verdict);
    }
    this.#shown = shown;
  }

  /** Types of the known keys: asked for first, or a host with several keys would show one we don't know. */
  async preferredTypes(): Promise<readonly string[]> {
    const { pinned, recorded, knownHosts } = await this.known();
    const keys = [pinned, recorded, knownHosts].find((source) => source.length > 0) ?? [];
    return [...new Set(keys.map(typeOf))];
  }

  async #readFiles(): Promise<Pick<KnownKeys, 'knownHosts' | 'revoked'>> {
    const { host, port } = this.#host;
    const texts = await Promise.all(this.#knownHostsFiles.map(readIfThere));
    const found = texts.map((text) => lookUpKnownHost(text, host, port));
    return {
      knownHosts: found.flatMap(({ keys }) => keys),
      revoked: found.flatMap(({ revoked }) => revoked),
    };
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
