import { describe, expect, it } from 'vitest';
import { peersOf } from '../../../../../src/provision/plan/preflight/reach.ts';
import { lookedAt, specOf } from './builders.ts';

describe('ordinary machines', () => {
  it('are taken without a word', () => {
    expect(lookedAt(specOf(['m1', 'm2', 'm3', 'w1']))).toEqual({ refusals: [], warnings: [], text: '' });
  });
});

describe('a machine that no cluster can be made of', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['TooFewCpus', ['cpus 1'], /has 1 CPU, a control plane needs 2/],
    ['TooLittleMemory', ['memory-kb 1000000'], /977 MB of memory, its role needs 1700/],
    ['UnsupportedArchitecture', ['arch riscv64'], /processor is riscv64/],
    ['KernelTooOld', ['kernel 3.10.0-1160.el7'], /Linux 3\.10\.0.* needs 4\.19/],
    ['KernelModuleMissing', ['missing-module br_netfilter'], /no br_netfilter: install/],
    ['SudoFailed', ['no sudo'], /sudo-password/],
    ['PortBusy', ['listening 6443 0.0.0.0 nginx'], /port 6443 is taken by nginx/],
    ['LeftoverData', ['etcd-data present'], /move it away/],
    ['DockerWithoutCri', ['program dockerd there'], /cri-dockerd/],
    ['DiskFull', ['disk /var/lib 1000000 99000000 900000 rw'], /977 MB free, 3072 are needed/],
    ['InodesUsedUp', ['disk /var/lib 50000000 99000000 800 rw'], /800 inodes free/],
    ['DiskReadOnly', ['disk /var/lib/etcd 50000000 99000000 900000 ro'], /\/var\/lib\/etcd can't be written/],
    ['NetworkOverlap', ['address eth1 10.244.3.4/24'], /10\.244\.3\.4\/24 lies in 10\.244\.0\.0\/16/],
    ['NetworkOverlap', ['route 10.96.8.0/24'], /route to 10\.96\.8\.0\/24 overlaps with 10\.96\.0\.0\/16/],
    ['NetworkOverlap', ['resolver 10.96.0.2'], /name server 10\.96\.0\.2 lies in/],
  ])('is refused by name: %s of %j', (reason, shown, words) => {
    const network = shown[0]?.startsWith('address') ? ['interface eth1 - 1500', ...shown] : shown;
    const { refusals, text } = lookedAt(specOf(['m1', 'w1']), { m1: network });
    expect(refusals).toEqual([`m1 ${reason}`]);
    expect(text).toMatch(words);
  });

  it('is left alone once it is a node: its own ports are taken by itself', () => {
    const shown = { m1: ['listening 6443 :: kube-apiserver', 'cpus 1'] };
    expect(lookedAt(specOf(['m1']), shown, { nodes: ['m1'] }).refusals).toEqual([]);
  });

  it('is refused as a node too if nobody may be root there any more: what it has can not be seen', () => {
    const seen = lookedAt(specOf(['m1']), { m1: ['no sudo'] }, { nodes: ['m1'] });
    expect(seen.refusals).toEqual(['m1 SudoFailed']);
  });
});

describe('fault 14: cloned machines', () => {
  it.each([
    ['DuplicateHostname', 'hostname m1'],
    ['DuplicateMachineId', 'machine-id id-of-m1'],
    ['DuplicateHostKey', 'host-key ssh-ed25519 m1'],
    ['DuplicateProductUuid', 'product-uuid uuid-of-m1'],
  ])('are refused before anything is changed: %s', (reason, line) => {
    const { refusals, text } = lookedAt(specOf(['m1', 'w1']), { w1: [line] });
    expect(refusals).toEqual([`w1 ${reason}`]);
    expect(text).toContain('of m1');
  });

  it('are refused with the same network card, or an address that another has too', () => {
    const mac = ['interface eth0 02:00:00:00:00:01 1500'];
    expect(lookedAt(specOf(['m1', 'w1']), { w1: mac }).refusals).toEqual(['w1 DuplicateMac']);
    const address = ['address eth0 10.0.0.1/24'];
    expect(lookedAt(specOf(['m1', 'w1']), { w1: address }).refusals).toEqual(['m1 DuplicateAddress']);
  });

  it('that are containers of one computer share its product_uuid', () => {
    const shown = { m1: ['container yes'], w1: ['container yes', 'product-uuid uuid-of-m1'] };
    expect(lookedAt(specOf(['m1', 'w1']), shown).refusals).toEqual([]);
  });
});

describe('fault 11: clocks', () => {
  it.each([3600, -3600, 63_072_000])('that are %i s off are refused', (seconds) => {
    const { refusals, text } = lookedAt(specOf(['m1', 'm2', 'm3']), { m2: [`clock ${1000 + seconds}`] });
    expect(refusals).toEqual(['m2 ClockSkew']);
    expect(text).toContain(`${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`);
  });

  it('a little off are told', () => {
    expect(lookedAt(specOf(['m1', 'm2', 'm3']), { m2: ['clock 1005'] })).toMatchObject({
      refusals: [],
      warnings: ['m2 ClockSkew'],
    });
  });
});

describe('an address that moves between control planes', () => {
  const vip = (changes: Partial<ReturnType<typeof specOf>['endpoint']> = {}) =>
    specOf(['m1', 'm2', 'm3'], {
      endpoint: { mode: 'Keepalived', host: '10.0.0.200', port: 7443, virtualRouterId: 7, ...changes },
    });

  it('is asked for at every machine', () => {
    expect(peersOf(vip(), 'm2')).toContainEqual({ address: '10.0.0.200', port: 6443 });
    expect(peersOf(vip({ mode: 'LocalProxy' }), 'm2')).not.toContainEqual({
      address: '10.0.0.200',
      port: 6443,
    });
  });

  it.each([
    [
      'answers',
      { m2: ['reach 10.0.0.200 6443 reached'] },
      /answers already, as m2 sees it: another host has it/,
    ],
    ['refuses, as only a host does', { m2: ['reach 10.0.0.200 6443 refused'] }, /another host has it/],
    ['is that of a machine', { m3: ['address eth0 10.0.0.200/24'] }, /is an address of m3\. It must be free/],
  ])('is refused if it %s', (_, shown, words) => {
    const { refusals, text } = lookedAt(vip(), shown);
    expect(refusals).toEqual(['cluster EndpointTaken']);
    expect(text).toMatch(words);
  });

  it('may answer once a keepalived of ours has put it up, and in a cluster that is there', () => {
    const stamps = Buffer.from(JSON.stringify({ 'set-endpoint': '0123' })).toString('base64');
    const shown = { m2: ['reach 10.0.0.200 6443 reached'], m1: [`stamps ${stamps}`] };
    expect(lookedAt(vip(), shown).refusals).toEqual([]);
    const answers = { m2: ['reach 10.0.0.200 6443 reached'] };
    expect(lookedAt(vip(), answers, { nodes: ['m1'] }).refusals).toEqual([]);
  });
});

describe('an endpoint that others keep', () => {
  const spec = specOf(['m1', 'w1'], {
    endpoint: { mode: 'External', host: 'api.shop', port: 443, virtualRouterId: undefined },
  });

  it.each([
    ['refused', 'nothing listens there'],
    ['silent', 'nobody answers'],
    ['unreachable', 'there is no way to it'],
    ['unknown-name', 'its name is unknown there'],
  ])('must be reached by who joins (%s)', (outcome, words) => {
    expect(peersOf(spec, 'w1')).toContainEqual({ address: 'api.shop', port: 443 });
    const { refusals, text } = lookedAt(spec, { w1: [`reach api.shop 443 ${outcome}`] }, { nodes: ['m1'] });
    expect(refusals).toEqual(['w1 EndpointNotReached']);
    expect(text).toContain(`does not reach the endpoint api.shop:443 of the cluster: ${words}`);
  });

  it('may be made with the cluster, and is told of where nodes don’t reach it', () => {
    const closed = ['reach api.shop 443 refused'];
    const unmade = lookedAt(spec, { m1: closed, w1: closed });
    expect(unmade.refusals).toEqual([]);
    expect(unmade.warnings).not.toContain('m1 EndpointNotReached');
    const made = lookedAt(spec, { m1: closed }, { nodes: ['m1'] });
    expect(made.refusals).toEqual([]);
    expect(made.warnings).toContain('m1 EndpointNotReached');
  });
});

describe('machines that do not reach one another', () => {
  const spec = specOf(['m1', 'm2', 'w1'], {
    endpoint: { mode: 'LocalProxy', host: 'api.north', port: 7443, virtualRouterId: undefined },
  });

  it('are asked for what their roles need', () => {
    expect(peersOf(spec, 'w1')).toEqual([
      { address: '10.0.0.1', port: 6443 },
      { address: '10.0.0.2', port: 6443 },
    ]);
    expect(peersOf(spec, 'm1').map(({ address, port }) => `${address}:${port}`)).toEqual([
      '10.0.0.2:6443',
      '10.0.0.2:2379',
      '10.0.0.2:2380',
      '10.0.0.2:10250',
      '10.0.0.3:10250',
    ]);
  });

  it('are refused, ports and machines named; a refused connection is reached', () => {
    const shown = {
      m1: ['reach 10.0.0.2 2379 silent', 'reach 10.0.0.2 2380 silent', 'reach 10.0.0.2 6443 refused'],
      w1: ['reach 10.0.0.1 6443 unreachable'],
    };
    const { refusals, text } = lookedAt(spec, shown);
    expect(refusals).toEqual(['m1 MachineNotReached', 'w1 MachineNotReached']);
    expect(text).toContain('does not reach m2 (10.0.0.2) on TCP port 2379, 2380: nobody answers');
    expect(text).toContain('does not reach m1 (10.0.0.1) on TCP port 6443: there is no way');
  });

  it('and are both nodes are not the business of preflight', () => {
    const shown = { m1: ['reach 10.0.0.2 2379 silent'] };
    expect(lookedAt(spec, shown, { nodes: ['m1', 'm2', 'w1'] }).refusals).toEqual([]);
  });
});

describe('what may stand in the way later', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['CgroupV1', ['cgroup 1'], /failCgroupV1/],
    ['SwapOn', ['swap-kb 2000000'], /switched off/],
    ['SelinuxEnforcing', ['selinux Enforcing'], /container-selinux/],
    ['FirewallActive', ['unit firewalld active'], /TCP 6443, 2379, 2380 and 10250/],
    ['CniConfigFound', ['cni-config /etc/cni/net.d/05-weave.conflist'], /05-weave/],
    ['UnderEviction', ['disk /var/lib 5000000 99000000 900000 rw'], /5 % free .* nodefs.available 10%/],
    ['SlowDisk', ['fsync-p99-ms 80.2'], /takes 80 ms/],
    [
      'HttpProxy',
      ['proxy HTTPS_PROXY http://p:3128', 'proxy no_proxy 10.96.0.0/12,10.0.0.1'],
      /lacks 10\.244\.0\.0\/16:/,
    ],
  ])('is told, and stops nothing: %s of %j', (reason, shown, words) => {
    const { refusals, warnings, text } = lookedAt(specOf(['m1']), { m1: shown });
    expect(refusals).toEqual([]);
    expect(new Set(warnings)).toEqual(new Set([`m1 ${reason}`]));
    expect(text).toMatch(words);
  });

  it('is not told where the proxy leaves the cluster alone', () => {
    const shown = ['proxy http_proxy http://p:3128', 'proxy NO_PROXY 10.0.0.0/8,.local'];
    expect(lookedAt(specOf(['m1']), { m1: shown }).warnings).toEqual([]);
  });

  it('follows the thresholds of the spec', () => {
    const kubelet = { evictionHard: { 'nodefs.available': '0%', 'imagefs.available': '0%' } };
    const spec = specOf(['m1']);
    const lenient = { ...spec, kubeadm: { ...spec.kubeadm, kubelet } };
    expect(lookedAt(lenient, { m1: ['disk /var/lib 5000000 99000000 900000 rw'] }).warnings).toEqual([]);
  });
});

describe('networks of other clusters', () => {
  it('that are used again are told, and stop nothing', () => {
    const others = [{ name: 'south', pods: ['10.244.128.0/17'], services: [] }];
    const { refusals, warnings, text } = lookedAt(specOf(['m1']), {}, { others });
    expect(refusals).toEqual([]);
    expect(warnings).toEqual(['cluster NetworkOverlap']);
    expect(text).toMatch(/10\.244\.128\.0\/17 of .*south/);
  });
});

describe('protection that keeps all memory from pods', () => {
  it('is refused with the arithmetic', () => {
    const protection = {
      enabled: true,
      kubeReserved: { memory: '2Gi' },
      systemReserved: { memory: '2Gi' },
      evictionHard: {},
    };
    const { refusals, text } = lookedAt(specOf(['m1'], { protection }));
    expect(refusals).toEqual(['m1 NothingLeftForPods']);
    expect(text).toContain('has 3906 MB of memory, and spec.protection keeps 4096 MB');
  });
});
