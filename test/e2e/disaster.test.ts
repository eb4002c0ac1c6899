import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetCluster } from '../demo/fleet.ts';
import { answerIn, type FaultLab, openFaultLab } from './fault-lab.ts';

/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;
const eachMs = 12 * 60_000;
const passphrase = 'sealed with these words alone';

/** One cluster of three control planes, to which one thing after the other is done. */
describe('a cluster of three control planes', () => {
  let lab: FaultLab;
  let trio: FleetCluster;

  /** What came of it, unless everything was done. */
  const lackAfter = async (...more: readonly string[]) => {
    const answer = answerIn(await lab.hansa(...(await lab.applyOf(trio)), ...more));
    return answer.isComplete ? undefined : JSON.stringify(answer, undefined, 2);
  };
  const canary = (machine: string) =>
    lab.on(machine, 'kubectl --request-timeout=20s get configmap canary -o jsonpath={.data.sings}');

  beforeAll(async () => {
    lab = await openFaultLab({ name: 'disaster', count: 3 });
    trio = {
      name: 'trio',
      region: 'eu',
      machines: ['m1', 'm2', 'm3'],
      objects: [
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'trio-backup', namespace: 'clusters' },
          stringData: { passphrase },
        },
      ],
      spec: {
        backup: {
          target: { directory: { path: join(lab.dir, 'backups') } },
          encryptionSecretRef: { name: 'trio-backup' },
        },
        rollout: { maxUnavailable: 1, drain: { timeout: '30s', deleteEmptyDirData: true } },
      },
    };
    expect(await lackAfter()).toBeUndefined();
    await lab.on('m1', 'kubectl create configmap canary --from-literal=sings=yes');
  }, coldMs);
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  }, 60_000);

  it(
    'fault 24: a control plane whose data was wiped speaks for nobody, and joins anew',
    async () => {
      // m1 was made first: by its manifest as kubeadm writes it, it would begin a cluster of its own.
      await lab.on('m1', wipe);
      for (let second = 0; second < 15; second += 3) {
        for (const machine of trio.machines) {
          // Through the proxy that each machine has, as kubelets and people go; it may take a moment to see who is gone.
          const answer = await lab.on(machine, `${askCanary} 2>&1 || true`);
          expect(answer).not.toMatch(/NotFound|Forbidden/);
        }
        await new Promise((resolve) => setTimeout(resolve, 3000));
      }
      expect(await canary('m1')).toBe('yes');
      expect(
        await lab.on('m1', 'cat $(ls -1t /var/log/pods/kube-system_etcd-m1_*/etcd/*.log | head -n 1)'),
      ).toMatch(/cannot fetch cluster info from peer urls/);
      expect(await lab.told('cluster', 'status', 'trio')).toMatch(/etcd on m1 does not answer/);
      expect(await lackAfter()).toBeUndefined();
      await lab.expectWhole(trio);
      expect(await lackAfter()).toBeUndefined();
    },
    eachMs,
  );

  it(
    'fault 24: one that knows its peers is reminded by them of what it has forgotten, and counts as emptied',
    async () => {
      await lab.on('m1', wipe);
      await lab.until('m1', 'grep -l "tocommit(" /var/log/pods/kube-system_etcd-m1_*/etcd/*.log', 60_000);
      expect(await lab.told('cluster', 'plan', 'trio')).toMatch(/the data of etcd on m1 is gone/);
    },
    eachMs,
  );

  it(
    'fault 6: joins a control plane anew after somebody ran "kubeadm reset" on it',
    async () => {
      // As where it can't reach etcd: it only warns then, and empties the machine all the same.
      await lab.on(
        'm1',
        'kubeadm reset --force --skip-phases remove-etcd-member; rm -rf /etc/kubernetes/pki',
      );
      expect(await lackAfter()).toBeUndefined();
      await lab.expectWhole(trio);
    },
    eachMs,
  );

  it(
    'fault 20: a budget that holds a drain is named, and the node takes pods again',
    async () => {
      await lab.on(
        'm1',
        `kubectl create deployment held --image=lab.local/hello:v1 --replicas=3
kubectl create poddisruptionbudget held --selector=app=held --min-available=3
kubectl rollout status deployment held --timeout=60s`,
      );
      const bundle = (await lab.applyOf(trio)).slice(4);
      expect(await lab.hansa('cluster', 'replace', 'trio', 'm3', ...bundle, '--yes')).toMatch(/held/);
      expect(await lab.on('m1', 'kubectl get node m3 -o jsonpath={.spec.unschedulable}')).toBe('');
      await lab.on('m1', 'kubectl delete poddisruptionbudget held; kubectl delete deployment held');
      // It is still on its way out, as was asked for; who wants it back says so.
      expect(await lackAfter()).toBeUndefined();
      await lab.expectWhole(trio);
    },
    eachMs,
  );

  it(
    'fault 16: lets no live control plane go while another is dead',
    async () => {
      await lab.group.machine('m3').kill();
      expect(await lab.apply({ ...trio, machines: ['m1', 'm3'] })).toMatchObject({
        isComplete: false,
        refusals: [expect.objectContaining({ message: expect.stringMatching(/\d/) })],
      });
      await lab.group.machine('m3').start();
      await lab.on('m1', 'kubectl wait --for=condition=Ready node/m3 --timeout=100s');
      expect(await lackAfter()).toBeUndefined();
      await lab.expectWhole(trio);
    },
    eachMs,
  );

  it(
    'fault 21: goes on from one survivor when two of three are lost, and takes the others in again when they are back',
    async () => {
      await lab.group.machine('m2').kill();
      await lab.group.machine('m3').kill();
      const recovered = await lab.hansa(
        ...'cluster recover trio --machine m1 --without m2 --without m3 --yes -o json'.split(' '),
      );
      expect(recovered).toMatch(/"isComplete": true/);
      expect(await canary('m1')).toBe('yes');
      // They come back with the data of an etcd that is no more, and may not find one another.
      await lab.group.machine('m2').start();
      await lab.group.machine('m3').start();
      expect(await lackAfter('--yes')).toBeUndefined();
      await lab.expectWhole(trio);
    },
    eachMs,
  );

  it(
    'fault 21: comes back from a backup when the data of all three is lost',
    async () => {
      expect(await lab.hansa('cluster', 'backup', 'trio', '-o', 'json')).toMatch(/"isComplete": true/);
      await lab.on('m1', 'kubectl create configmap too-late --from-literal=sings=no');
      for (const machine of trio.machines) await lab.on(machine, wipe);
      const restored = await lab.hansa(
        'cluster',
        'restore',
        'trio',
        '--from',
        'latest',
        '--yes',
        '-o',
        'json',
      );
      expect(restored).toMatch(/"isComplete": true/);
      await lab.expectWhole(trio);
      await expect(lab.on('m1', 'kubectl get configmap too-late')).rejects.toThrow(/not found/i);
      expect(await lackAfter()).toBeUndefined();
    },
    eachMs,
  );

  it('told no secret, neither in its words nor in its state', async () => {
    expect(await lab.leaks([passphrase])).toEqual([]);
  });
});

const askCanary = 'kubectl --request-timeout=5s get configmap canary -o jsonpath={.data.sings}';

/** Everything that etcd has goes, and all that runs beside it with it, as when a disk is put back empty. */
const wipe = `systemctl stop kubelet
ctr -n k8s.io task ls -q | xargs -r -n1 ctr -n k8s.io task kill -s KILL >/dev/null 2>&1 || true
sleep 1; rm -rf /var/lib/etcd/*; systemctl start kubelet`;
