import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judgeHostKey, type KnownKeys } from '../../../../src/provision/transport/host-key.ts';
import { lookUpKnownHost } from '../../../../src/provision/transport/known-hosts.ts';

const nothing: KnownKeys = { pinned: [], knownHosts: [], recorded: [], revoked: [], insecure: false };

describe('who a host is', () => {
  it.each([
    ['a pinned key', { pinned: ['ssh-ed25519 A'] }, { kind: 'trusted', by: 'pinned' }],
    [
      'one of several pinned ones',
      { pinned: ['ssh-rsa B', 'ssh-ed25519 A comment'] },
      { kind: 'trusted', by: 'pinned' },
    ],
    ['a key in known_hosts', { knownHosts: ['ssh-ed25519 A'] }, { kind: 'trusted', by: 'known-hosts' }],
    ['a key we recorded', { recorded: ['ssh-ed25519 A'] }, { kind: 'trusted', by: 'recorded' }],
    ['nothing known', {}, { kind: 'first-sight' }],
    ['another key', { pinned: ['ssh-ed25519 B'] }, { kind: 'changed', expected: ['ssh-ed25519 B'] }],
    ['another type of key', { knownHosts: ['ssh-rsa A'] }, { kind: 'changed', expected: ['ssh-rsa A'] }],
    [
      'another pinned key, though known_hosts has this one',
      { pinned: ['ssh-ed25519 B'], knownHosts: ['ssh-ed25519 A'] },
      { kind: 'changed', expected: ['ssh-ed25519 B'] },
    ],
    [
      'a revoked key, though it is pinned',
      { pinned: ['ssh-ed25519 A'], revoked: ['ssh-ed25519 A'] },
      { kind: 'revoked' },
    ],
    [
      'any key, where it was asked for',
      { pinned: ['ssh-ed25519 B'], insecure: true },
      { kind: 'trusted', by: 'insecure' },
    ],
  ] as const)('%s', (_, known, verdict) => {
    expect(judgeHostKey('ssh-ed25519 A', { ...nothing, ...known })).toMatchObject(verdict);
  });
});

describe('a known_hosts file', () => {
  const salt = Buffer.from('0123456789abcdefghij');
  const hash = createHmac('sha1', salt).update('secret.example').digest('base64');
  const file = `# comment
m1,10.0.0.1 ssh-ed25519 AAA1 root@m1
[m1]:2222 ssh-ed25519 AAA2
*.lab.example,!bad.lab.example ssh-rsa AAA3
|1|${salt.toString('base64')}|${hash} ssh-ed25519 AAA4
@revoked m1 ssh-rsa AAA5
@cert-authority * ssh-ed25519 AAA6
broken line
`;

  it.each([
    ['m1', 22, ['ssh-ed25519 AAA1']],
    ['M1', 22, ['ssh-ed25519 AAA1']],
    ['10.0.0.1', 22, ['ssh-ed25519 AAA1']],
    ['m1', 2222, ['ssh-ed25519 AAA2']],
    ['10.0.0.1', 2222, []],
    ['good.lab.example', 22, ['ssh-rsa AAA3']],
    ['bad.lab.example', 22, []],
    ['lab-example', 22, []],
    ['secret.example', 22, ['ssh-ed25519 AAA4']],
    ['other.example', 22, []],
  ] as const)('tells the keys of %s port %i', (host, port, keys) => {
    expect(lookUpKnownHost(file, host, port).keys).toEqual(keys);
  });

  it('tells revoked keys apart', () => {
    expect(lookUpKnownHost(file, 'm1', 22).revoked).toEqual(['ssh-rsa AAA5']);
  });
});
