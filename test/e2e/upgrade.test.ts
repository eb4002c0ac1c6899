import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { systemClock } from '../../src/kube/index.ts';
import { createFromDirectories } from '../../src/provision/index.ts';
import { type FleetCluster, fleetYaml } from '../demo/fleet.ts';
import { openShell, type Shell } from '../demo/hansa-command.ts';
import { ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { machinesDir } from '../machines/places.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
const [older, newer] = ['1.35.4', '1.36.3'] as const;
/** On a fresh machine two versions of Kubernetes are compiled first. */
const coldMs = 50 * 60_000;
const clusterMs = 15 * 60_000;

/** Two machines with no way out of their network, whose every try to get out is counted. */
describe('a cluster that is made and upgraded from one bundle, with no way out', () => {
  const dir = join(machinesDir(), `upgrade-${process.pid}`);
  const bundlePath = join(dir, 'bundle');
  const cluster: FleetCluster = { name: 'air', region: 'eu', machines: ['m1'], workers: ['m2'] };
  let group: MachineGroup;
  let shell: Shell;
  let kubectl: string;

  const apply = async (version: string) => {
    const path = join(dir, 'air.yaml');
    await writeFile(
      path,
      fleetYaml([cluster], (name) => group.machine(name), version),
      { mode: 0o600 },
    );
    const args = ['cluster', 'apply', '-f', path, '--bundle', bundlePath, '--allow-unsigned', '-o', 'json'];
    return JSON.parse(await shell.hansa(args)) as readonly { readonly isComplete: boolean }[];
  };
  /** Of an upgrade that is to fail. */
  const failedApply = async () => {
    const error = await apply(newer).then(
      () => undefined,
      (failed: unknown) => failed as { readonly stdout: string },
    );
    if (!error) throw new Error('it was to fail');
    const [answer] = JSON.parse(error.stdout) as readonly {
      readonly steps: readonly { readonly id: string; readonly kind: string }[];
    }[];
    return new Map(answer?.steps.map((step) => [step.id, step]));
  };
  const ask = async (...args: readonly string[]) => {
    const { stdout } = await execa(kubectl, ['--kubeconfig', join(dir, 'kubeconfig'), ...args]);
    return stdout;
  };

  beforeAll(async () => {
    await ensureDocker({ progress, signal });
    const sources = [
      await ensureBundleDir({ progress, signal }, older),
      await ensureBundleDir({ progress, signal }, newer),
    ];
    await mkdir(dir, { recursive: true });
    const from = sources.map(({ path }) => path);
    await createFromDirectories(from, { to: bundlePath, privateKey: undefined, clock: systemClock });
    kubectl = join(from[1] ?? '', 'bin', 'kubectl');
    group = await startMachines({ count: 2, internal: true, progress, signal });
    for (const machine of group.machines) await machine.exec(countEscapes);
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
    'fault 25: it is made of the bundle alone',
    async () => {
      expect(await apply(older)).toMatchObject([{ isComplete: true }]);
      await shell.hansa(['cluster', 'kubeconfig', 'air', '--to', join(dir, 'kubeconfig')]);
      await ask('create', 'configmap', 'canary', '--from-literal=sings=yes');
      expect(await versions(ask)).toEqual({ m1: `v${older}`, m2: `v${older}` });
    },
    clusterMs,
  );

  it(
    'fault 18: the old API server is put back when the new one does not come up',
    async () => {
      const m1 = group.machine('m1');
      await m1.exec(`mkdir -p ${patches}; echo '${unknownFlag}' >${patches}/kube-apiserver9+json.json`);
      const failing = failedApply();
      // kubeadm would put it back itself, after five minutes; a machine that runs out of memory doesn't let it.
      await m1.exec(
        `until grep -q no-such-flag /etc/kubernetes/manifests/kube-apiserver.yaml; do sleep 1; done
until grep -rqs 'unknown flag' /var/log/pods/kube-system_kube-apiserver-m1_*/; do sleep 1; done
pkill -KILL -f '^kubeadm upgrade'`,
        { timeoutMs: clusterMs },
      );
      const steps = await failing;
      expect(steps.get(`m1/upgrade-control-plane-${newer}`)).toMatchObject({
        kind: 'failed',
        isUndone: true,
      });
      expect(steps.get(`m2/upgrade-worker-${newer}`)).toMatchObject({ kind: 'not-started' });
      expect(await versions(ask)).toEqual({ m1: `v${older}`, m2: `v${older}` });
      expect(await ask('version', '-o', 'json')).toContain(`"gitVersion": "v${older}"`);
      expect(await ask('get', 'nodes', '-o', 'jsonpath={.items[*].spec.unschedulable}')).toBe('');
      expect(await ask('get', 'configmap', 'canary', '-o', 'jsonpath={.data.sings}')).toBe('yes');
      await m1.exec(`rm ${patches}/kube-apiserver9+json.json`);
    },
    clusterMs,
  );

  it(
    'fault 19: the old kubelet is put back when the new one does not come up',
    async () => {
      const m2 = group.machine('m2');
      await m2.exec(`printf '[Service]\\nExecStartPre=/bin/sh -c "! kubelet --version | grep -q v${newer}"\\n' \\
  >/etc/systemd/system/kubelet.service.d/99-fault.conf`);
      const steps = await failedApply();
      expect(steps.get(`m2/upgrade-worker-${newer}`)).toMatchObject({
        kind: 'failed',
        reason: 'KubeletNotStarted',
        isUndone: true,
      });
      expect(await m2.exec('systemctl is-active kubelet; kubelet --version')).toContain(`v${older}`);
      expect(await versions(ask)).toEqual({ m1: `v${newer}`, m2: `v${older}` });
      await ask('wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s');
      expect(await ask('get', 'nodes', '-o', 'jsonpath={.items[*].spec.unschedulable}')).toBe('');
      await m2.exec('rm /etc/systemd/system/kubelet.service.d/99-fault.conf');
    },
    clusterMs,
  );

  it(
    'goes to the next minor when the spec says so, and keeps what was in it',
    async () => {
      expect(await apply(newer)).toMatchObject([{ isComplete: true }]);
      expect(await versions(ask)).toEqual({ m1: `v${newer}`, m2: `v${newer}` });
      expect(await ask('version', '-o', 'json')).toContain(`"gitVersion": "v${newer}"`);
      expect(await ask('get', 'configmap', 'canary', '-o', 'jsonpath={.data.sings}')).toBe('yes');
      const pods = await ask('-n', 'kube-system', 'get', 'pods', '-o', 'jsonpath={..image}');
      expect(pods).toContain(`kube-apiserver:v${newer}`);
      expect(pods).not.toContain(`:v${older}`);
    },
    clusterMs,
  );

  it(
    'has nothing left to do, and does not go back',
    async () => {
      expect(await apply(newer)).toMatchObject([{ isComplete: true, steps: [] }]);
      const back = await apply(older).catch((error: unknown) =>
        String((error as { stdout?: string }).stdout),
      );
      expect(back).toContain('Downgrade');
      expect(await versions(ask)).toEqual({ m1: `v${newer}`, m2: `v${newer}` });
    },
    clusterMs,
  );

  it('never tried to get out: no packet of any program, and no question for a name', async () => {
    for (const machine of group.machines) {
      const counted = await machine.exec('nft list table inet escapes');
      // CoreDNS asks the site's own name server once whether it leads back to itself; nothing else may leave.
      const packets = [...counted.matchAll(/counter packets (\d+) bytes \d+ comment "([^"]+)"/g)];
      expect(Object.fromEntries(packets.map(([, count, name]) => [name, count]))).toMatchObject({
        'of the machine': '0',
        'of pods, but DNS': '0',
        'of pods, beside UDP': '0',
      });
    }
  });
});

/** Of kubeadm, beside those of the spec. */
const patches = '/etc/kubernetes/hansa/patches';
const unknownFlag = '[{"op":"add","path":"/spec/containers/0/command/-","value":"--no-such-flag"}]';

/**
 * All that would leave goes into a card that leads nowhere, and is counted; names are asked for there, too. It is
 * counted behind the routing: a packet for a Service first heads for the default route, and is turned round later.
 */
const countEscapes = `
ip link add sink type veth peer name drain
for card in sink drain; do
  sysctl -q -w "net.ipv6.conf.$card.disable_ipv6=1"
  ip link set "$card" up
done
ip address add 198.51.100.2/24 dev sink
ip route add default via 198.51.100.1 dev sink metric 4000
echo 'nameserver 198.51.100.53' >/etc/resolv.conf
nft -f - <<'end'
table inet escapes {
  chain leaving {
    type filter hook postrouting priority filter; policy accept;
    oifname "sink" fib saddr type local counter comment "of the machine"
    oifname "sink" fib saddr type != local udp dport != 53 counter comment "of pods, but DNS"
    oifname "sink" fib saddr type != local ip protocol != udp counter comment "of pods, beside UDP"
  }
}
end`;

async function versions(
  ask: (...args: readonly string[]) => Promise<string>,
): Promise<Readonly<Record<string, string>>> {
  const { items } = JSON.parse(await ask('get', 'nodes', '-o', 'json')) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly status: { readonly nodeInfo: { readonly kubeletVersion: string } };
    }[];
  };
  return Object.fromEntries(
    items.map(({ metadata, status }) => [metadata.name, status.nodeInfo.kubeletVersion]),
  );
}
