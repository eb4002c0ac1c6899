import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetCluster } from '../demo/fleet.ts';
import { answerIn, type FaultLab, openFaultLab, stepOf, whenSaid } from './fault-lab.ts';

/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;
const eachMs = 10 * 60_000;
const backupPassphrase = 'sealed with these words alone';
/** Small enough to be filled in a moment. */
const etcdQuotaBytes = 16 * 1024 ** 2;

/** One control plane and a worker, to which one thing after the other is done. */
describe('a cluster of one control plane', () => {
  let lab: FaultLab;
  let alone: FleetCluster;
  let pair: FleetCluster;
  const uidOf = 'kubectl --request-timeout=5s get namespace kube-system -o jsonpath={.metadata.uid}';

  beforeAll(async () => {
    lab = await openFaultLab({ name: 'faults', count: 2 });
    alone = {
      name: 'lone',
      region: 'eu',
      machines: ['m1'],
      objects: [
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'lone-backup', namespace: 'clusters' },
          stringData: { passphrase: backupPassphrase },
        },
      ],
      spec: {
        kubeadm: {
          ignorePreflightErrors: ['SystemVerification'],
          kubeProxy: { conntrack: { maxPerCore: 0 } },
          kubelet: {
            evictionHard: { 'nodefs.available': '0%', 'imagefs.available': '0%', 'nodefs.inodesFree': '0%' },
            imageGCHighThresholdPercent: 100,
          },
          etcd: { extraArgs: [{ name: 'quota-backend-bytes', value: String(etcdQuotaBytes) }] },
        },
        backup: {
          target: { directory: { path: join(lab.dir, 'backups') } },
          encryptionSecretRef: { name: 'lone-backup' },
        },
      },
    };
    pair = { ...alone, workers: ['m2'] };
  }, coldMs);
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  }, 60_000);

  it(
    'faults 1, 2 and 8: Hansa is killed in the middle of init, then the machine loses its power in it; it becomes the same cluster',
    async () => {
      const args = await lab.applyOf(alone);
      const killed = lab.start(...args);
      const uid = await lab.until('m1', uidOf, 5 * 60_000);
      // Held where it is: nobody can say that it was over anyhow.
      await lab.on('m1', 'pkill -STOP -f "^kubeadm init"');
      killed.kill('SIGKILL');
      await killed;
      // Whoever was killed may still live, as far as the machine can tell.
      expect(await lab.told(...args)).toMatch(/lock is free 60 s after/);
      await lab.on('m1', ageLock);
      const second = lab.start(...args);
      await whenSaid(second, /… m1: make the control plane/);
      await lab.group.machine('m1').kill();
      await lab.group.machine('m1').start();
      expect(answerIn((await second).stdout)).toMatchObject({ isComplete: true });
      expect(await lab.until('m1', uidOf, 30_000)).toBe(uid);
      const init = (await lab.journal('lone')).filter(({ step }) => step === 'm1/init-control-plane');
      expect(init.filter(({ event }) => event === 'interrupted')).toHaveLength(1);
      expect(init.filter(({ event }) => event === 'done')).toHaveLength(1);
      await lab.on('m1', 'kubectl create configmap canary --from-literal=sings=yes');
      await lab.expectWhole(alone);
    },
    eachMs,
  );

  it(
    'fault 9: a join that meets another CA stops with a sentence, and the machine is in no cluster',
    async () => {
      await lab.on('m1', swapCa('pki/ca.crt', 'pki/etcd/ca.crt'));
      const answer = await lab.apply(pair);
      expect(stepOf(answer, 'm2/join-worker')).toMatchObject({ kind: 'failed', reason: 'CaMismatch' });
      await lab.expectWhole(alone);
      expect(await lab.on('m1', 'kubeadm token list')).not.toMatch(/by Hansa/);
      await lab.on('m1', swapCa('pki/etcd/ca.crt', 'pki/ca.crt'));
    },
    eachMs,
  );

  it(
    'faults 9 and 1: a join loses its token and gets another; then Hansa is killed in it, and the next run follows the same kubeadm to its end',
    async () => {
      const args = await lab.applyOf(pair);
      await lab.on('m1', takeNextToken);
      const killed = lab.start(...args);
      await failedWith('m2/join-worker', /m2 was not let in with the token .* gets a new one/, 3 * 60_000);
      await lab.until('m2', 'pkill -STOP -f "^kubeadm join"', 2 * 60_000);
      killed.kill('SIGKILL');
      await killed;
      const processes = await lab.on('m2', 'pgrep -d " " -f "^kubeadm join"');
      await lab.on('m2', ageLock);
      const second = lab.start(...args);
      await whenSaid(second, /… m2: join as worker/);
      await lab.on('m2', `kill -CONT ${processes}`);
      expect(answerIn((await second).stdout)).toMatchObject({ isComplete: true });
      const join = (await lab.journal('lone')).filter(({ step }) => step === 'm2/join-worker');
      expect(join.filter(({ event }) => event === 'interrupted')).toHaveLength(1);
      // The first of them met another CA.
      expect(join.filter(({ event }) => event === 'failed')).toHaveLength(2);
      expect(await lab.apply(pair)).toMatchObject({ isComplete: true, steps: [] });
      await lab.expectWhole(pair);
    },
    eachMs,
  );

  it(
    'fault 11: a clock that is an hour off is told, and nothing is done until it is right',
    async () => {
      await lab.group.machine('m2').skewClock(3600);
      const answer = await lab.apply(pair);
      expect(answer).toMatchObject({
        isComplete: false,
        refusals: [
          { reason: 'ClockSkew', machine: 'm2', message: expect.stringMatching(/3[56]\d\d s ahead/) },
        ],
      });
      expect(await lab.told('certs', 'status', 'lone')).toMatch(/clock of m2 is .* ahead/);
      await lab.group.machine('m2').healClock();
      expect(await lab.apply(pair)).toMatchObject({ isComplete: true });
    },
    eachMs,
  );

  it(
    'fault 12: a user who may no more become root without a password is told, and asked for it nowhere',
    async () => {
      const rule = '/etc/sudoers.d/op';
      await lab.on('m2', `sed -i 's/NOPASSWD://' ${rule}`);
      expect(await lab.apply(pair)).toMatchObject({
        isComplete: false,
        refusals: [{ reason: 'SudoFailed', machine: 'm2', message: expect.stringMatching(/sudo-password/) }],
      });
      // sudo counts what it takes for a wrong password; it may not have been given any.
      const log = await lab.on(
        'm2',
        'journalctl -q --no-pager _COMM=sudo; cat /var/log/auth.log 2>/dev/null || true',
      );
      expect(log).not.toMatch(/incorrect password|authentication failure/);
      await lab.on('m2', `sed -i 's/ALL$/NOPASSWD:ALL/' ${rule}`);
      expect(await lab.apply(pair)).toMatchObject({ isComplete: true });
      await lab.expectWhole(pair);
    },
    eachMs,
  );

  it(
    'fault 10: an etcd without room is told with the commands that make some, and they do',
    async () => {
      // The same value again and again: its history is what fills the database.
      await lab.on(
        'm1',
        `head -c 700000 /dev/urandom | base64 -w0 >/root/fill
for _ in $(seq 40); do etcd_here put /fault/fill </root/fill >/dev/null 2>&1 || break; done
etcd_here alarm list | grep NOSPACE`,
      );
      const answer = await lab.apply(pair);
      expect(answer).toMatchObject({ isComplete: false, refusals: [{ reason: 'EtcdFull' }] });
      const status = JSON.parse(await lab.hansa('cluster', 'status', 'lone', '-o', 'json')) as {
        readonly next: { readonly why: string; readonly command: string };
      };
      expect(status.next.why).toMatch(/NOSPACE on m1/);
      const [, command = ''] = status.next.command.split('as root on a control plane: ');
      await lab.on('m1', command);
      expect(await lab.apply(pair)).toMatchObject({ isComplete: true });
      await lab.until('m1', 'etcd_here del /fault/fill', 30_000);
      await lab.expectWhole(pair);
    },
    eachMs,
  );

  it(
    'fault 23: certificates that have expired are renewed over SSH alone, with no API server to ask',
    async () => {
      expect(await lab.hansa('cluster', 'backup', 'lone', '-o', 'json')).toMatch(/"isComplete": true/);
      // Signed for moments: by then the kubelets are off, so that none of them renews its own.
      for (const machine of ['m2', 'm1']) await lab.on(machine, giveKubelet(await shortKubelet(machine)));
      await lab.on('m1', expireAll);
      await lab.group.machine('m1').reboot();
      await lab.on('m2', 'systemctl restart kubelet || true');
      await expect(lab.on('m1', uidOf)).rejects.toThrow();
      expect(await lab.told('certs', 'status', 'lone')).toMatch(/expired on/);
      const status = await lab.told('cluster', 'status', 'lone');
      expect(status).toMatch(/hansa certs renew lone/);
      expect(answerIn(await lab.hansa('certs', 'renew', 'lone', '-o', 'json'))).toMatchObject({
        isComplete: true,
      });
      await lab.until('m1', 'kubectl wait --for=condition=Ready node --all --timeout=20s', 2 * 60_000);
      expect(await lab.apply(pair)).toMatchObject({ isComplete: true });
      await lab.expectWhole(pair);
    },
    eachMs,
  );

  it(
    'fault 24: a control plane whose data was wiped is not taken for the cluster, and a backup brings that back',
    async () => {
      const uid = await lab.on('m1', uidOf);
      await lab.on(
        'm1',
        `systemctl stop kubelet
ctr -n k8s.io task ls -q | xargs -r -n1 ctr -n k8s.io task kill -s KILL >/dev/null 2>&1 || true
sleep 1; rm -rf /var/lib/etcd/*; systemctl start kubelet`,
      );
      // An empty cluster comes up in its place, and its API server answers.
      const empty = await lab.until(
        'm1',
        `KUBECONFIG=/etc/kubernetes/super-admin.conf; ${uidOf}`,
        2 * 60_000,
      );
      expect(empty).not.toBe(uid);
      const answer = await lab.apply(pair);
      expect(answer).toMatchObject({ isComplete: false, refusals: [{ reason: 'ClusterReplaced' }] });
      expect(await lab.told('cluster', 'status', 'lone')).toMatch(/hansa cluster restore lone --from latest/);
      const restored = await lab.hansa(
        'cluster',
        'restore',
        'lone',
        '--from',
        'latest',
        '--yes',
        '-o',
        'json',
      );
      expect(answerIn(restored)).toMatchObject({ isComplete: true });
      expect(await lab.on('m1', uidOf)).toBe(uid);
      expect(await lab.apply(pair)).toMatchObject({ isComplete: true });
      await lab.expectWhole(pair);
    },
    eachMs,
  );

  it('told no secret, neither in its words nor in its state', async () => {
    expect(await lab.leaks([backupPassphrase])).toEqual([]);
  });

  /** Resolves once the journal has such a failure of the step. */
  async function failedWith(step: string, words: RegExp, limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    for (;;) {
      const entries = (await lab.journal('lone')).filter((entry) => entry.step === step);
      if (entries.some(({ event, message = '' }) => event === 'failed' && words.test(message))) return;
      if (performance.now() > endMs) throw new Error(`${step} has said: ${JSON.stringify(entries)}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  /** A kubeconfig of a kubelet whose certificate ends in a moment. */
  async function shortKubelet(machine: string): Promise<string> {
    return lab.on(
      'm1',
      `${shortConfig}kubeadm kubeconfig user --config /root/short.yaml --org system:nodes --client-name system:node:${machine} --validity-period 5s`,
    );
  }
});

/** As if a minute had passed without a sign of life from who holds the machine. */
const ageLock = 'sed -i "3s/.*/$(($(cut -d. -f1 /proc/uptime) - 61))/" /var/lib/hansa/lock';

/** In what machines are told before they trust anything. */
function swapCa(from: string, to: string): string {
  return `kubectl -n kube-public get configmap cluster-info -o json |
    sed "s/$(base64 -w0 /etc/kubernetes/${from})/$(base64 -w0 /etc/kubernetes/${to})/" | kubectl replace -f -`;
}

/** Those that are there go, and so does the next, as soon as it is made. */
const takeNextToken = `
tokens() { kubectl -n kube-system get secrets --field-selector type=bootstrap.kubernetes.io/token -o name; }
tokens | xargs -r kubectl -n kube-system delete
cat >/root/take-token <<'end'
until kubectl -n kube-system get secrets --field-selector type=bootstrap.kubernetes.io/token -o name | grep . |
  xargs -r kubectl -n kube-system delete | grep deleted; do sleep 0.1; done
end
systemd-run --quiet --collect --setenv=KUBECONFIG="$KUBECONFIG" sh /root/take-token
`;

const shortConfig = `
kubectl -n kube-system get configmap kubeadm-config -o jsonpath={.data.ClusterConfiguration} >/root/short.yaml 2>/dev/null || true
grep -q certificateValidityPeriod /root/short.yaml && sed -i 's/^certificateValidityPeriod:.*/certificateValidityPeriod: 5s/' /root/short.yaml || echo 'certificateValidityPeriod: 5s' >>/root/short.yaml
`;

/** Stops a kubelet, and puts the certificate of a kubeconfig in place of its own. */
function giveKubelet(kubeconfig: string): string {
  return `
systemctl stop kubelet
cat >/root/kubelet.conf <<'end'
${kubeconfig}
end
pick() { sed -n "s/^ *$1: *//p" /root/kubelet.conf | head -n 1 | base64 -d; }
pem=/var/lib/kubelet/pki/kubelet-client-current.pem
rm -f "$pem"
{ pick client-certificate-data; pick client-key-data; } >"$pem"
`;
}

const expireAll = `${shortConfig}kubeadm certs renew all --config /root/short.yaml >/dev/null
# Up to two seconds after its end kubeadm still shows "0s".
sleep 9
kubeadm certs check-expiration --config /root/short.yaml | grep -c invalid
`;
