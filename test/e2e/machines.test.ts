import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainProgress } from '../../src/cli/progress.ts';
import { type BundleDir, ensureBundleDir } from '../machines/bundle-dir.ts';
import { ensureDocker } from '../machines/docker.ts';
import { accessTo } from '../machines/machine.ts';
import { type MachineGroup, startMachines } from '../machines/machines.ts';
import { makePlainNode } from '../machines/plain-node.ts';
import { runOverSsh } from '../machines/ssh.ts';

const progress = plainProgress((line) => console.log(line));
const { signal } = new AbortController();
/** On a fresh machine everything is compiled first. */
const coldMs = 40 * 60_000;

function startAndWait(group: string): string {
  const machines = fileURLToPath(new URL('../machines/machines.ts', import.meta.url));
  return `import { startMachines } from ${JSON.stringify(machines)};
    await startMachines({ group: ${JSON.stringify(group)} });
    console.log('started');
    setInterval(() => {}, 1000);`;
}

describe('the test machines', () => {
  let bundle: BundleDir;
  let group: MachineGroup;

  // Where Docker can't be had, this fails with one line that says what is missing.
  beforeAll(async () => {
    await ensureDocker({ progress, signal });
    bundle = await ensureBundleDir({ progress, signal });
    group = await startMachines({ count: 2, disks: { '/var/lib/hansa-test': 64 }, progress, signal });
  }, coldMs);
  afterAll(async () => {
    await group?.[Symbol.asyncDispose]();
  }, 60_000);

  it('let a sudo user in over SSH with a key, and run containerd', async () => {
    const access = accessTo(group.machine('m1'));
    expect(await runOverSsh(access, 'id -un; sudo id -un; hostname')).toBe('op\nroot\nm1\n');
    expect(await runOverSsh(access, 'systemctl is-active containerd')).toBe('active\n');
    expect(await runOverSsh(access, 'sudo ctr version')).toContain('Server:');
  });

  it('ask their other user for a password', async () => {
    const { ssh, ...rest } = group.machine('m1');
    const access = accessTo({ ...rest, ssh: { ...ssh, user: ssh.askedUser } });
    await expect(runOverSsh(access, 'sudo -n id -un')).rejects.toThrow(/password is required/);
    expect(await runOverSsh(access, `echo '${ssh.password}' | sudo -S -p '' id -un`)).toBe('root\n');
  });

  it('have names, addresses, identities and host keys of their own', async () => {
    const [one, other] = [group.machine('m1'), group.machine('m2')];
    const look =
      'hostname; cat /etc/machine-id /sys/class/net/eth0/address; cut -d" " -f1,2 /etc/ssh/ssh_host_ed25519_key.pub';
    const [ones, others] = [(await one.exec(look)).split('\n'), (await other.exec(look)).split('\n')];
    expect(ones.filter((line) => others.includes(line))).toEqual([]);
    expect(ones.at(-1)).toBe(one.ssh.hostKey);
  });

  it('can be cut off from one another and from all, and heal', async () => {
    const [one, other] = [group.machine('m1'), group.machine('m2')];
    const gateway = one.ip.replace(/\d+$/, '1');
    const reaches = async (ip: string) =>
      (await one.exec(`ping -c1 -W1 ${ip} >/dev/null && echo yes || echo no`)) === 'yes';
    expect(await reaches(other.ip)).toBe(true);
    await one.cutNetwork({ from: [other.ip] });
    expect([await reaches(other.ip), await reaches(gateway)]).toEqual([false, true]);
    await one.cutNetwork();
    expect([await reaches(other.ip), await reaches(gateway)]).toEqual([false, false]);
    await one.healNetwork();
    expect([await reaches(other.ip), await reaches(gateway)]).toEqual([true, true]);
  });

  it('can have a full disk and a wrong clock', async () => {
    const machine = group.machine('m2');
    await machine.fillDisk('/var/lib/hansa-test');
    await expect(machine.exec('head -c 100000 /dev/zero >/var/lib/hansa-test/more')).rejects.toThrow(
      /No space left/,
    );
    await machine.freeDisk('/var/lib/hansa-test');
    await machine.exec('head -c 100000 /dev/zero >/var/lib/hansa-test/more');
    await expect(machine.fillDisk('/var/lib/kubelet')).rejects.toMatchObject({ reason: 'DiskIsShared' });

    const lagSeconds = async () => Date.now() / 1000 - Number(await machine.exec('date +%s'));
    await machine.skewClock(-600);
    expect(await lagSeconds()).toBeGreaterThan(590);
    await machine.healClock();
    expect(Math.abs(await lagSeconds())).toBeLessThan(10);
  });

  it('keep what they have over a power cut and a reboot', async () => {
    const machine = group.machine('m2');
    await machine.exec('echo here >/var/lib/etcd/mark; echo here >/var/lib/hansa-test/mark');
    const identity = await machine.exec('cat /etc/machine-id');
    const look = 'cat /var/lib/etcd/mark /var/lib/hansa-test/mark /etc/machine-id; hostname -I';
    await machine.kill();
    await machine.start();
    expect((await machine.exec(look)).trim()).toBe(`here\nhere\n${identity}\n${machine.ip}`);
    await machine.reboot();
    expect((await machine.exec(look)).trim()).toBe(`here\nhere\n${identity}\n${machine.ip}`);
  });

  it('do not outlive a test run that was killed', async () => {
    const name = `killed-${process.pid}`;
    const run = spawn(process.execPath, ['--input-type=module', '--eval', startAndWait(name)]);
    const [said] = (await once(run.stdout, 'data')) as [Buffer];
    expect(said.toString()).toContain('started');
    run.kill('SIGKILL');
    await once(run, 'close');
    await using docker = await ensureDocker({ progress, signal });
    const containers = () => docker.run(['ps', '--all', '--quiet', '--filter', `name=hansa-${name}-m1`]);
    expect(await containers()).not.toBe('');
    await using _next = await startMachines({ signal });
    expect(await containers()).toBe('');
    expect(await docker.run(['network', 'ls', '--quiet', '--filter', `name=hansa-${name}`])).toBe('');
    // Those of this run are not touched.
    expect(await group.machine('m1').exec('hostname')).toBe('m1');
  });

  it('carry a cluster made by plain kubeadm, with a pod that answers', async () => {
    const machine = group.machine('m1');
    const times = await makePlainNode(machine, bundle);
    console.log(`plain kubeadm on one machine: ${JSON.stringify(times)}`);
    const nodes = await machine.exec(
      'kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers',
    );
    expect(nodes).toMatch(new RegExp(`^m1 +Ready .* v${bundle.kubernetesVersion}$`));
    const answers = async () => (await fetch(`http://${machine.ip}:30080`)).text();
    // Rules for a new Service reach the kernel a moment after its pods are ready.
    await expect.poll(answers, { timeout: 20_000 }).toMatch(/^hello from hello-/);
  }, 240_000);
});
