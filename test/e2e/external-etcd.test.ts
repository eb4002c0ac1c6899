import { createReadStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { systemClock } from '../../src/kube/index.ts';
import { createFromDirectories } from '../../src/provision/index.ts';
import { ensureBinaries } from '../../src/sandbox/index.ts';
import { fleetYaml } from '../demo/fleet.ts';
import { openShell, type Shell } from '../demo/hansa-command.ts';
import { ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';
import { runOverSsh } from '../machines/ssh.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;

/** m2 keeps the etcd, as another team would; m1 becomes the cluster. */
describe('a cluster on an etcd that others keep', () => {
  const dir = join(machinesDir(), `external-${process.pid}`);
  const bundlePath = join(dir, 'bundle');
  let group: MachineGroup;
  let shell: Shell;
  let yaml: string;

  const apply = async () => {
    const path = join(dir, 'external.yaml');
    await writeFile(path, yaml, { mode: 0o600 });
    const bundle = ['--bundle', bundlePath, '--allow-unsigned'];
    const text = await shell.hansa(['cluster', 'apply', '-f', path, ...bundle, '-o', 'json'], {
      mayFail: true,
    });
    return (JSON.parse(text) as readonly unknown[])[0];
  };
  const onHost = (script: string) =>
    group.machine('m1').exec(`export KUBECONFIG=/etc/kubernetes/admin.conf; ${script}`);

  beforeAll(async () => {
    await ensureDocker({ progress, signal });
    const source = await ensureBundleDir({ progress, signal });
    const { programs } = await ensureBinaries({ progress, signal, only: ['etcd'] });
    await mkdir(dir, { recursive: true });
    await createFromDirectories([source.path], {
      to: bundlePath,
      privateKey: undefined,
      clock: systemClock,
    });
    group = await startMachines({ count: 2, progress, signal });
    const keeper = group.machine('m2');
    await runOverSsh(
      { host: keeper.ip, port: keeper.ssh.port, user: keeper.ssh.user, privateKey: keeper.ssh.privateKey },
      'cat >/tmp/etcd && chmod 755 /tmp/etcd',
      createReadStream(programs.etcd?.path ?? ''),
    );
    await keeper.exec(startEtcd(keeper.ip));
    const file = (name: string) => keeper.exec(`cat /etc/kept-etcd/${name}`);
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'kept-etcd', namespace: 'clusters' },
      stringData: {
        'ca.crt': await file('ca.crt'),
        'tls.crt': await file('client.crt'),
        'tls.key': await file('client.key'),
      },
    };
    const spec = {
      etcd: { external: { endpoints: [`https://${keeper.ip}:2379`], secretRef: { name: 'kept-etcd' } } },
    };
    yaml = fleetYaml(
      [{ name: 'external', region: 'eu', machines: ['m1'], spec, objects: [secret] }],
      (name) => group.machine(name),
      source.kubernetesVersion,
    );
    shell = openShell({
      env: { HANSA_STATE: join(dir, 'state.json'), HANSA_STATE_PASSPHRASE: 'only for this test' },
      signal,
      quiet: true,
    });
  }, coldMs);
  afterAll(async () => {
    await group?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  it(
    'is made there, runs no etcd of its own, and then has nothing to do',
    async () => {
      expect(await apply()).toMatchObject({ isComplete: true });
      await onHost('kubectl create configmap canary --from-literal=sings=yes');
      expect(await onHost('ls /etc/kubernetes/manifests')).not.toContain('etcd');
      expect(await apply()).toMatchObject({ isComplete: true, steps: [] });
    },
    10 * 60_000,
  );

  it('loses with it what it had, and has it back with it', async () => {
    const keeper = group.machine('m2');
    await keeper.exec('systemctl stop kept-etcd');
    await expect(onHost('kubectl --request-timeout=5s get configmap canary')).rejects.toThrow();
    await keeper.exec(runEtcd(keeper.ip));
    expect(
      await onHost(`for _ in $(seq 50); do
        kubectl --request-timeout=5s get configmap canary -o 'jsonpath={.data.sings}' 2>/dev/null && exit 0; sleep 1
      done; exit 1`),
    ).toBe('yes');
  }, 120_000);
});

function runEtcd(ip: string): string {
  return `cd /etc/kept-etcd && systemd-run --quiet --collect --unit kept-etcd /tmp/etcd --name kept --data-dir /var/lib/kept-etcd \\
  --listen-client-urls https://${ip}:2379 --advertise-client-urls https://${ip}:2379 \\
  --cert-file $PWD/server.crt --key-file $PWD/server.key --client-cert-auth --trusted-ca-file $PWD/ca.crt`;
}

function startEtcd(ip: string): string {
  return `mkdir -p /etc/kept-etcd && cd /etc/kept-etcd
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=kept-etcd 2>/dev/null
for name in server client; do
  openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=$name 2>/dev/null
  printf 'subjectAltName=IP:${ip},IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' >$name.ext
  openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile $name.ext -out $name.crt 2>/dev/null
done
${runEtcd(ip)}`;
}
