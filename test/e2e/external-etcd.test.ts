import { createReadStream } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { ensureBinaries } from '../../src/sandbox/index.ts';
import type { FleetCluster } from '../demo/fleet.ts';
import { runOverSsh } from '../machines/ssh.ts';
import { type FaultLab, openFaultLab } from './fault-lab.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;

/** m2 keeps the etcd and the load balancer, as another team would; m1 becomes the cluster, m3 its worker. */
describe('a cluster on an etcd, and behind a load balancer, that others keep', () => {
  let lab: FaultLab;

  /** With the client that its keeper signed under this name. */
  const clusterWith = async (client: string): Promise<FleetCluster> => {
    const { ip } = lab.group.machine('m2');
    const file = (name: string) => lab.on('m2', `cat /etc/kept-etcd/${name}`);
    const stringData = {
      'ca.crt': await file('ca.crt'),
      'tls.crt': await file(`${client}.crt`),
      'tls.key': await file(`${client}.key`),
    };
    return {
      name: 'external',
      region: 'eu',
      machines: ['m1'],
      spec: {
        etcd: { external: { endpoints: [`https://${ip}:2379`], secretRef: { name: 'kept-etcd' } } },
        endpointMode: 'External',
        controlPlaneEndpoint: { host: ip, port: 8443 },
      },
      objects: [
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'kept-etcd', namespace: 'clusters' },
          stringData,
        },
      ],
    };
  };
  const fingerprintOf = (machine: string, file: string) =>
    lab.on(machine, `openssl x509 -noout -fingerprint -sha256 -in ${file}`);
  const inUse = '/etc/kubernetes/pki/apiserver-etcd-client.crt';
  const certificates = async () => {
    const text = await lab.hansa('certs', 'status', 'external', '-o', 'json');
    return (JSON.parse(text) as readonly { readonly reason: string; readonly message: string }[])[0];
  };

  beforeAll(async () => {
    lab = await openFaultLab({ name: 'external', count: 3 });
    const { programs } = await ensureBinaries({ progress, signal, only: ['etcd'] });
    const { ip, ssh } = lab.group.machine('m2');
    await runOverSsh(
      { host: ip, port: ssh.port, user: ssh.user, privateKey: ssh.privateKey },
      'cat >/tmp/etcd && chmod 755 /tmp/etcd',
      createReadStream(programs.etcd?.path ?? ''),
    );
    await lab.on('m2', startEtcd(ip));
    await lab.on('m2', startBalancer(lab.group.machine('m1').ip));
  }, coldMs);
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  }, 60_000);

  it(
    'is made there, runs no etcd of its own, and then has nothing to do',
    async () => {
      const cluster = await clusterWith('client');
      expect(await lab.apply(cluster)).toMatchObject({ isComplete: true });
      await lab.on('m1', 'kubectl create configmap canary --from-literal=sings=yes');
      expect(await lab.on('m1', 'ls /etc/kubernetes/manifests')).not.toContain('etcd');
      expect(await lab.apply(cluster)).toMatchObject({ isComplete: true, steps: [] });
    },
    10 * 60_000,
  );

  it(
    'fault 15: takes no machine in while the load balancer is down, and says so before anything is changed',
    async () => {
      const grown = { ...(await clusterWith('client')), workers: ['m3'] };
      await lab.on('m2', 'systemctl stop balancer.socket balancer.service');
      const answer = await lab.apply(grown);
      expect(answer).toMatchObject({
        isComplete: false,
        refusals: [
          {
            reason: 'EndpointNotReached',
            machine: 'm3',
            message: expect.stringMatching(/:8443 of the cluster: nothing listens there/) as string,
          },
        ],
      });
      expect(await lab.on('m3', 'ls /etc/kubernetes /usr/local/bin/kubelet 2>/dev/null || true')).toBe('');
      await lab.on('m2', 'systemctl start balancer.socket');
      expect(await lab.apply(grown)).toMatchObject({ isComplete: true });
      expect(await lab.on('m1', 'kubectl get nodes -o name')).toBe('node/m1\nnode/m3');
    },
    5 * 60_000,
  );

  it('loses with it what it had, and has it back with it', async () => {
    await lab.on('m2', 'systemctl stop kept-etcd');
    await expect(lab.on('m1', 'kubectl --request-timeout=5s get configmap canary')).rejects.toThrow();
    await lab.on('m2', runEtcd(lab.group.machine('m2').ip));
    const canary = "kubectl --request-timeout=5s get configmap canary -o 'jsonpath={.data.sings}'";
    expect(await lab.until('m1', canary, 60_000)).toBe('yes');
  }, 120_000);

  it(
    'is let in with the new certificate that its keepers sign, and not locked out by a foreign one',
    async () => {
      expect(await certificates()).toMatchObject({ reason: 'Valid' });
      await lab.on('m2', `cd /etc/kept-etcd; ${signClient('second', 'ca', 300)}`);
      await lab.apply({ ...(await clusterWith('second')), workers: ['m3'] });
      expect(await certificates()).toMatchObject({
        reason: 'RenewalDue',
        message: expect.stringContaining('"hansa certs renew external" does it now') as string,
      });
      await lab.hansa('certs', 'renew', 'external', '-o', 'json');
      const second = await fingerprintOf('m2', '/etc/kept-etcd/second.crt');
      expect(await fingerprintOf('m1', inUse)).toBe(second);
      expect(await lab.on('m1', 'kubectl get configmap canary -o jsonpath={.data.sings}')).toBe('yes');
      // The keys of ours are not its business.
      expect(await certificates()).toMatchObject({ reason: 'Valid' });

      await lab.on(
        'm2',
        `cd /etc/kept-etcd; ${newAuthority('stranger')}; ${signClient('foreign', 'stranger', 300)}`,
      );
      await lab.apply({ ...(await clusterWith('foreign')), workers: ['m3'] });
      const told = await lab.told('certs', 'renew', 'external', '-o', 'json');
      expect(told).toContain('EtcdRefused');
      expect(told).toContain('the old certificate stays');
      expect(await fingerprintOf('m1', inUse)).toBe(second);
      expect(await lab.on('m1', 'ls /etc/kubernetes/hansa/pki 2>/dev/null || true')).toBe('');
      expect(await lab.on('m1', 'kubectl get configmap canary -o jsonpath={.data.sings}')).toBe('yes');
      const keys = await lab.on(
        'm2',
        'sed -n 5p /etc/kept-etcd/second.key; sed -n 5p /etc/kept-etcd/foreign.key',
      );
      expect(await lab.leaks(keys.trim().split('\n'))).toEqual([]);
    },
    5 * 60_000,
  );
});

/** systemd's own proxy, and a socket that starts it. */
function startBalancer(to: string): string {
  return `printf '[Socket]\\nListenStream=8443\\n' >/etc/systemd/system/balancer.socket
printf '[Service]\\nExecStart=/lib/systemd/systemd-socket-proxyd ${to}:6443\\n' >/etc/systemd/system/balancer.service
systemctl daemon-reload; systemctl start balancer.socket`;
}

function runEtcd(ip: string): string {
  return `cd /etc/kept-etcd && systemd-run --quiet --collect --unit kept-etcd /tmp/etcd --name kept --data-dir /var/lib/kept-etcd \\
  --listen-client-urls https://${ip}:2379 --advertise-client-urls https://${ip}:2379 \\
  --cert-file $PWD/server.crt --key-file $PWD/server.key --client-cert-auth --trusted-ca-file $PWD/ca.crt`;
}

function startEtcd(ip: string): string {
  return `mkdir -p /etc/kept-etcd && cd /etc/kept-etcd
${newAuthority('ca')}
printf 'subjectAltName=IP:${ip},IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' >server.ext
${sign('server', 'ca', 300)}
${signClient('client', 'ca', 300)}
${runEtcd(ip)}`;
}

function newAuthority(name: string): string {
  return `openssl req -x509 -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.crt -days 3000 -subj /CN=${name} 2>/dev/null`;
}

function signClient(name: string, authority: string, days: number): string {
  return `printf 'extendedKeyUsage=clientAuth\\n' >${name}.ext; ${sign(name, authority, days)}`;
}

/** With the extensions in NAME.ext. */
function sign(name: string, authority: string, days: number): string {
  return `openssl req -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.csr -subj /CN=${name} 2>/dev/null
openssl x509 -req -in ${name}.csr -CA ${authority}.crt -CAkey ${authority}.key -CAcreateserial -days ${days} -extfile ${name}.ext -out ${name}.crt 2>/dev/null`;
}
