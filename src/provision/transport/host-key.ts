import { createHash } from 'node:crypto';
import { HansaError } from '../../base/index.ts';

/** What is known of a host before it shows its key. The first of the sources that knows it decides. */
export interface KnownKeys {
  /** `ssh-ed25519 AAAA…`. */
  readonly pinned: readonly string[];
  readonly knownHosts: readonly string[];
  /** Trusted when it was first seen in this session. */
  readonly recorded: readonly string[];
  readonly revoked: readonly string[];
  readonly insecure: boolean;
}

export type KeyVerdict =
  | { readonly kind: 'trusted'; readonly by: 'pinned' | 'known-hosts' | 'recorded' | 'insecure' }
  | { readonly kind: 'first-sight' }
  | { readonly kind: 'changed'; readonly expected: readonly string[]; readonly by: string }
  | { readonly kind: 'revoked' };

/** Whether a host is who it was. A key of another type than the known ones counts as changed: else a rogue host would choose it. */
export function judgeHostKey(shown: string, known: KnownKeys): KeyVerdict {
  if (known.insecure) return { kind: 'trusted', by: 'insecure' };
  if (known.revoked.some((key) => isSameKey(key, shown))) return { kind: 'revoked' };
  const sources = [
    { by: 'pinned', keys: known.pinned, name: 'pinned in hostKeys' },
    { by: 'recorded', keys: known.recorded, name: 'recorded when it was first seen' },
    { by: 'known-hosts', keys: known.knownHosts, name: 'in the known_hosts file' },
  ] as const;
  for (const { by, keys, name } of sources) {
    if (keys.length === 0) continue;
    return keys.some((key) => isSameKey(key, shown))
      ? { kind: 'trusted', by }
      : { kind: 'changed', expected: keys, by: name };
  }
  return { kind: 'first-sight' };
}

/** `ssh-ed25519 AAAA…` of the bytes a host shows. */
export function hostKeyText(key: Buffer): string {
  const length = key.readUInt32BE(0);
  return `${key.toString('latin1', 4, 4 + length)} ${key.toString('base64')}`;
}

/** `SHA256:…`, as ssh-keygen prints it. */
export function fingerprintOf(hostKey: string): string {
  const [, blob = ''] = hostKey.trim().split(/\s+/);
  const hash = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
  return `SHA256:${hash.replace(/=+$/, '')}`;
}

export function typeOf(hostKey: string): string {
  return hostKey.trim().split(/\s+/)[0] ?? '';
}

/** The error for a key that isn't trusted. */
export function untrusted(
  address: string,
  shown: string,
  verdict: Exclude<KeyVerdict, { kind: 'trusted' }>,
): HansaError {
  const shows = `${fingerprintOf(shown)} (${typeOf(shown)})`;
  switch (verdict.kind) {
    case 'changed':
      return new HansaError(
        `the host key of ${address} has changed: it shows ${shows}, but ` +
          `${verdict.expected.map((key) => `${fingerprintOf(key)} (${typeOf(key)})`).join(' or ')} is ${verdict.by}. ` +
          'Nothing was sent to it. If the machine was installed anew, compare the fingerprint on its console ' +
          '("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub") and replace the old key; if not, somebody may be in between',
        { reason: 'HostKeyChanged', retry: 'never' },
      );
    case 'revoked':
      return new HansaError(
        `the host key ${shows} of ${address} is marked @revoked in the known_hosts file. Nothing was sent to it. ` +
          'Give the machine a new host key',
        { reason: 'HostKeyChanged', retry: 'never' },
      );
    case 'first-sight':
      return new HansaError(
        `the host key ${shows} of ${address} is not known: compare it on the machine's console ` +
          `("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub") and pin it with hostKeys: ["${shown}"]`,
        { reason: 'HostKeyUnknown', retry: 'never' },
      );
  }
}

function isSameKey(one: string, other: string): boolean {
  const [oneType, oneBlob] = one.trim().split(/\s+/);
  const [otherType, otherBlob] = other.trim().split(/\s+/);
  return oneType === otherType && oneBlob === otherBlob;
}
