import type { Logger } from '../../base/index.ts';
import type { SecretStore } from '../engine/executor.ts';
import type { MachineSpec, SshTarget } from '../plan/cluster-spec.ts';
import { connect, type FirstSight, type Redactor, type Transport } from '../transport/index.ts';
import { credentialOf } from './credential-of.ts';

export interface MachineAccessOptions {
  readonly cluster: string;
  readonly secrets: SecretStore;
  /** Files in the format of ~/.ssh/known_hosts. */
  readonly knownHostsFiles?: readonly string[];
  /** Hosts that nobody knows are trusted once, told here, and kept. Without it they are refused. */
  readonly onFirstSight?: (machine: string, sight: FirstSight) => void;
  readonly redactor?: Redactor;
  readonly logger?: Logger;
}

/** Connects to machines of one cluster, with its credentials and the host keys it has learned. */
export type ConnectMachine = (machine: MachineSpec, signal: AbortSignal) => Promise<Transport>;

export function machineAccess(options: MachineAccessOptions): ConnectMachine {
  const learned = new LearnedHostKeys(options.secrets, `${options.cluster}-host-keys`);
  return async ({ name, ssh }, signal) => {
    const { secrets, knownHostsFiles, onFirstSight, redactor, logger } = options;
    const [credential, bastionCredential] = await Promise.all([
      credentialOf(secrets, ssh.credential),
      ssh.bastion ? credentialOf(secrets, ssh.bastion.credential) : undefined,
    ]);
    const target = {
      ...(await learned.into(ssh)),
      bastion: ssh.bastion && (await learned.into(ssh.bastion)),
    };
    return connect(target, credential, {
      signal,
      ...(bastionCredential ? { bastionCredential } : {}),
      ...(knownHostsFiles ? { knownHostsFiles } : {}),
      ...(redactor ? { redactor } : {}),
      ...(logger ? { logger } : {}),
      ...(onFirstSight
        ? {
            onFirstSight: async (sight: FirstSight) => {
              await learned.keep(sight);
              onFirstSight(name, sight);
            },
          }
        : {}),
    });
  };
}

/** Host keys that were trusted at first sight. Not secret, but kept where nobody else can change them. */
class LearnedHostKeys {
  readonly #secrets: SecretStore;
  readonly #name: string;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(secrets: SecretStore, name: string) {
    this.#secrets = secrets;
    this.#name = name;
  }

  /** Keys in the spec come first: who pins one wants no other. */
  async into<T extends Omit<SshTarget, 'bastion'>>(target: T): Promise<T> {
    if (target.hostKeys.length > 0 || target.insecureIgnoreHostKey) return target;
    const key = (await this.#secrets.get(this.#name))?.[placeOf(target)];
    return key ? { ...target, hostKeys: [key] } : target;
  }

  /** One after the other: each write takes the whole record. */
  async keep(sight: FirstSight): Promise<void> {
    const turn = this.#queue.then(async () => {
      const before = (await this.#secrets.get(this.#name)) ?? {};
      await this.#secrets.put(this.#name, { ...before, [placeOf(sight)]: sight.hostKey });
    });
    this.#queue = turn.catch(() => undefined);
    await turn;
  }
}

/** A key of a Secret may have letters, digits, `-`, `_` and `.`: colons of IPv6 become underscores. */
function placeOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.replaceAll(':', '_')}_${port}`;
}
