import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import {
  selfContainedKubeconfig,
  serverIn,
  withServer,
} from '../../../../src/provision/registration/kubeconfig.ts';
import { loadAccess } from '../../../../src/kube/index.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function kubeconfig({
  cluster = {},
  user = {},
  ...more
}: {
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
} = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'admin@shop',
    clusters: [
      { name: 'other', cluster: { server: 'https://other.example:6443' } },
      {
        name: 'shop',
        cluster: {
          server: 'https://10.0.0.1:6443',
          'certificate-authority-data': base64('the CA'),
          ...cluster,
        },
      },
    ],
    users: [{ name: 'admin', user: { 'client-certificate-data': base64('cert'), ...user } }],
    contexts: [
      { name: 'other', context: { cluster: 'other', user: 'admin' } },
      { name: 'admin@shop', context: { cluster: 'shop', user: 'admin' } },
    ],
    ...more,
  });
}

function complaint(text: string): string {
  try {
    selfContainedKubeconfig(text, 'shop');
  } catch (error) {
    return (error as Error).message;
  }
  return 'no complaint';
}

describe('a kubeconfig from a Secret', () => {
  it('is taken with its data, for its current context', async () => {
    const { access } = await loadAccess({ text: selfContainedKubeconfig(kubeconfig(), 'shop') });
    expect(access.server).toBe('https://10.0.0.1:6443');
    expect(access.ca?.toString()).toBe('the CA');
  });

  it.each([
    ['runs a program', { user: { exec: { command: '/bin/sh', apiVersion: 'v1' } } }, 'exec'],
    ['runs a helper', { user: { 'auth-provider': { name: 'gcp', config: {} } } }, 'auth-provider'],
    ['reads a token from a file', { user: { tokenFile: '/var/run/token' } }, 'tokenFile'],
    ['reads a key from a file', { user: { 'client-key': '/etc/key' } }, 'client-key'],
    ['reads a CA from a file', { cluster: { 'certificate-authority': '/etc/ca' } }, 'certificate-authority'],
  ])('is refused if it %s', (_, parts, field) => {
    expect(complaint(kubeconfig(parts))).toContain(`the kubeconfig of shop uses ${field}: only data`);
  });

  it.each([
    ['is no YAML', 'client-key-data: [c2VjcmV0', 'is no YAML'],
    ['is empty', '', 'is no kubeconfig'],
    ['has no such context', kubeconfig({ 'current-context': 'nobody' }), 'has no complete context'],
    ['has no server', kubeconfig({ cluster: { server: '' } }), 'has no complete context'],
  ])('is refused if it %s, and its content is not in the words', (_, text, words) => {
    expect(complaint(text)).toContain(words);
    expect(complaint(text)).not.toContain('c2VjcmV0');
  });

  it('leads elsewhere with another server, and keeps all else', async () => {
    const elsewhere = withServer(selfContainedKubeconfig(kubeconfig(), 'shop'), 'https://10.0.0.2:6443');
    expect(serverIn(elsewhere)).toBe('https://10.0.0.2:6443');
    expect((await loadAccess({ text: elsewhere })).access.ca?.toString()).toBe('the CA');
  });
});
