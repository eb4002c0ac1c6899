import { describe, expect, it } from 'vitest';
import { prepareHost } from '../../../../src/provision/steps/prepare-host.ts';
import { movedMachine, stepOf } from './moved-machine.ts';

const fstab = `# <file system> <mount point> <type>
UUID=1234 / ext4 defaults 0 1
/dev/sda2 none swap sw 0 0
# /dev/sda3 none swap sw 0 0
/swap.img\tnone\tswap\tsw 0 0
`;

describe('a machine with swap', () => {
  it('loses it now and at the next start, and its fstab is kept', async () => {
    await using place = await movedMachine();
    await place.put('/etc/fstab', fstab);
    await prepareHost.apply(place.context, stepOf('prepare-host'));
    await prepareHost.apply(place.context, stepOf('prepare-host'));
    expect(await place.calls()).toContain('swapoff -a');
    const lines = (await place.read('/etc/fstab'))?.split('\n').filter((line) => !line.startsWith('#'));
    expect(lines).toEqual(['UUID=1234 / ext4 defaults 0 1', '']);
    // Marked once, however often it is done.
    expect(await place.read('/etc/fstab')).toContain(
      '# hansa, kubelet wants no swap: /dev/sda2 none swap sw 0 0\n',
    );
    expect(await keptFstab(place)).toBe(fstab);
  });

  it('that is a container is left alone: the swap is its host’s', async () => {
    await using place = await movedMachine({ facts: { isContainer: true } });
    await place.put('/etc/fstab', fstab);
    await prepareHost.apply(place.context, stepOf('prepare-host'));
    expect(await place.calls()).not.toContain('swapoff -a');
    expect(await place.read('/etc/fstab')).toBe(fstab);
  });
});

describe('the kernel', () => {
  it('gets its modules and settings, for now and for the next start', async () => {
    await using place = await movedMachine();
    await prepareHost.apply(place.context, stepOf('prepare-host'));
    expect(await place.calls()).toEqual(
      expect.arrayContaining([
        'modprobe -q br_netfilter',
        'modprobe -q vxlan',
        'sysctl -q -w net.ipv4.ip_forward=1',
      ]),
    );
    expect(await place.read('/etc/modules-load.d/90-hansa.conf')).toContain('br_netfilter\n');
    expect(await place.read('/etc/sysctl.d/90-hansa.conf')).toContain('net.ipv4.ip_forward = 1\n');
  });

  it('of the computer around a container keeps its limits', async () => {
    await using place = await movedMachine({ facts: { isContainer: true } });
    await prepareHost.apply(place.context, stepOf('prepare-host'));
    expect((await place.calls()).filter((call) => call.includes('fs.inotify'))).toEqual([]);
  });
});

/** Here the whole path has become part of the name, since /etc lies in a directory of the test. */
async function keptFstab(place: Awaited<ReturnType<typeof movedMachine>>): Promise<string> {
  const { stdout } = await place.machine.transport.exec({
    script: 'cat /etc/hansa/originals/*%etc%fstab',
    root: true,
  });
  return stdout;
}
