import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { copyPki } from '../../../../src/provision/steps/copy-pki.ts';
import { createTicket, deleteToken, idOf } from '../../../../src/provision/steps/join-token.ts';
import { initControlPlane } from '../../../../src/provision/steps/init-control-plane.ts';
import { pkiInStore, stagePki, storePki } from '../../../../src/provision/steps/pki-files.ts';
import { type MovedMachine, movedMachine, stepOf } from './moved-machine.ts';

const names = [
  'ca.crt',
  'ca.key',
  'front-proxy-ca.crt',
  'front-proxy-ca.key',
  'sa.pub',
  'sa.key',
  'etcd/ca.crt',
  'etcd/ca.key',
];
const contentOf = (name: string) => `-----BEGIN ${name}-----\nsecret of ${name}\n`;

async function withPki(place: MovedMachine): Promise<void> {
  for (const name of names) await place.put(`/etc/kubernetes/pki/${name}`, contentOf(name), 0o600);
}

describe('the PKI on its way to a further control plane', () => {
  it('arrives whole, for root alone, and no key is ever in a command', async () => {
    await using source = await movedMachine();
    await using target = await movedMachine();
    await withPki(source);
    const context = { ...target.context, healthyControlPlane: async () => source.machine };
    expect(await copyPki.observe(context, stepOf('copy-pki'))).toMatchObject({ kind: 'todo' });
    await copyPki.apply(context, stepOf('copy-pki'));
    await copyPki.verify(context, stepOf('copy-pki'));
    expect(await copyPki.observe(context, stepOf('copy-pki'))).toEqual({ kind: 'done' });
    for (const name of names)
      expect(await target.read(`/etc/kubernetes/hansa/pki/${name}`)).toBe(contentOf(name));
    const { stdout } = await target.machine.transport.exec({
      script: "cd /etc/kubernetes/hansa/pki && stat -c '%a' . $(find . -type f) | sort -u",
    });
    expect(stdout.trim().split('\n')).toEqual(['600', '700']);
    for (const line of [...source.commands, ...target.commands]) expect(line).not.toContain('secret of');
  });

  it('that lacks a key nobody has is not sent at all', async () => {
    await using source = await movedMachine();
    await using target = await movedMachine();
    await withPki(source);
    await source.machine.transport.exec({ script: 'rm /etc/kubernetes/pki/sa.key', root: true });
    const context = { ...target.context, healthyControlPlane: async () => source.machine };
    await expect(copyPki.apply(context, stepOf('copy-pki'))).rejects.toMatchObject({
      reason: 'PkiIncomplete',
    });
    expect(await target.read('/etc/kubernetes/hansa/pki/ca.crt')).toBeUndefined();
  });

  it('is kept with the cluster’s secrets, and an own CA is taken from there', async () => {
    await using place = await movedMachine();
    await withPki(place);
    await storePki(place.context, place.machine);
    expect(place.secrets.get('shop-ca')).toEqual({
      'tls.crt': contentOf('ca.crt'),
      'tls.key': contentOf('ca.key'),
    });
    await using other = await movedMachine();
    await stagePki(other.context, other.machine, await pkiInStore(place.context));
    expect(await other.read('/etc/kubernetes/hansa/pki/etcd/ca.key')).toBe(contentOf('etcd/ca.key'));
  });
});

describe('the token of a join', () => {
  const token = 'abcdef.0123456789abcdef';

  it('is made there, bound to the CA, and its secret half is in no command', async () => {
    await using place = await movedMachine();
    const { certificate, key } = await makeCa();
    await place.put('/etc/kubernetes/pki/ca.crt', certificate);
    await place.program('kubeadm', `echo "kubeadm $*" >>"$(dirname "$0")/../calls"\necho ${token}`);
    const ticket = await createTicket(place.context, place.machine);
    const hash = createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex');
    expect(ticket).toEqual({ token, caHash: `sha256:${hash}`, apiServerAddress: '10.0.0.1' });
    await deleteToken(place.context, place.machine, idOf(ticket));
    const calls = await place.calls();
    expect(calls[0]).toContain('token create --ttl 20m');
    expect(calls[1]).toContain('token delete abcdef ');
    for (const line of [...calls, ...place.commands]) expect(line).not.toContain('0123456789abcdef');
  });
});

describe('a machine with data of an etcd', () => {
  it('that nobody here put there is not made a control plane', async () => {
    await using place = await movedMachine();
    await place.put('/var/lib/etcd/member/snap/db', 'precious');
    expect(await initControlPlane.observe(place.context, stepOf('init-control-plane'))).toMatchObject({
      kind: 'blocked',
      reason: 'EtcdDataPresent',
    });
  });

  it('that an earlier attempt of ours put there is gone on with', async () => {
    await using place = await movedMachine();
    await place.put('/var/lib/etcd/member/snap/db', 'ours');
    const journal = [
      {
        at: '',
        operation: 'o',
        step: 'm1/init-control-plane',
        attempt: 1,
        event: 'intent',
        inputs: '',
        evidence: {},
        message: undefined,
      },
    ] as const;
    const context = { ...place.context, journal };
    expect(await initControlPlane.observe(context, stepOf('init-control-plane'))).toMatchObject({
      kind: 'todo',
    });
  });
});

async function makeCa(): Promise<{ readonly certificate: string; readonly key: KeyObject }> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = {
    publicKey: publicKey.toCryptoKey(algorithm, true, ['verify']),
    privateKey: privateKey.toCryptoKey(algorithm, true, ['sign']),
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=kubernetes',
    keys,
    signingAlgorithm: algorithm,
  });
  return { certificate: certificate.toString('pem'), key: publicKey };
}
