import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderHaproxyConfig } from '../../../../../src/provision/plan/render/haproxy.ts';
import { hostsLines, withHostsBlock } from '../../../../../src/provision/plan/render/hosts.ts';
import { renderKeepalivedConfig } from '../../../../../src/provision/plan/render/keepalived.ts';
import { stampOf } from '../../../../../src/provision/plan/render/stamps.ts';
import { clusterOf } from './builders.ts';

const three = [
  { name: 'm1', address: '10.0.0.1' },
  { name: 'm2', address: '10.0.0.2' },
  { name: 'm3', address: '10.0.0.3' },
];
const highlyAvailable = (spec: object = {}) => clusterOf(spec, { controlPlanes: 3 });
const keepalived = {
  endpointMode: 'Keepalived',
  controlPlaneEndpoint: { host: '10.0.0.100' },
  keepalived: { virtualRouterId: 51 },
};

describe('the proxy of each machine', () => {
  it('listens beside the API server, not in its place, and asks all of them whether they are ready', () => {
    const text = renderHaproxyConfig(highlyAvailable(), three);
    expect(text).toContain('bind 127.0.0.1:7443');
    expect(text).toContain('option httpchk GET /readyz');
    for (const { name, address } of three)
      expect(text).toContain(`server ${name} ${address}:6443 check check-ssl`);
  });

  it('does not take a 401 for an API server that is not ready', () => {
    const args = [{ name: 'anonymous-auth', value: 'false' }];
    const text = renderHaproxyConfig(highlyAvailable({ kubeadm: { apiServer: { extraArgs: args } } }), three);
    expect(text).not.toContain('httpchk');
    expect(text).toContain('option tcp-check');
  });

  it('behind a moving address listens on all of the machine’s', () => {
    expect(renderHaproxyConfig(highlyAvailable(keepalived), three)).toContain('bind 0.0.0.0:7443');
  });

  it('writes IPv6 addresses so that the port is not part of them', () => {
    const text = renderHaproxyConfig(highlyAvailable(), [{ name: 'm1', address: 'fd00::1' }]);
    expect(text).toContain('server m1 [fd00::1]:6443 ');
  });
});

describe('the moving address', () => {
  const onSecond = { name: 'm2', address: '10.0.0.2', interface: 'ens4', prefix: 24 };

  it('goes over the interface that has the machine’s own address, to peers by name', () => {
    const text = renderKeepalivedConfig(highlyAvailable(keepalived), three, onSecond);
    expect(text).toContain('interface ens4');
    expect(text).toContain('virtual_router_id 51');
    expect(text).toContain('unicast_src_ip 10.0.0.2');
    expect(text).toContain('10.0.0.100/24');
    const peers = /unicast_peer \{\n([^}]*)\}/.exec(text)?.[1]?.trim().split(/\s+/);
    expect(peers).toEqual(['10.0.0.1', '10.0.0.3']);
  });

  it('has one order of all machines, the same whoever asks', () => {
    const priorityOn = (address: string) => {
      const text = renderKeepalivedConfig(highlyAvailable(keepalived), three, { ...onSecond, address });
      return Number(/priority (\d+)/.exec(text)?.[1]);
    };
    const priorities = three.map(({ address }) => priorityOn(address));
    expect(new Set(priorities).size).toBe(3);
  });
});

describe('names in /etc/hosts', () => {
  it('lead to the machine’s own proxy', () => {
    expect(hostsLines(highlyAvailable())).toEqual(['127.0.0.1 api.shop']);
  });

  it('lead to the address of the endpoint, where it is one', () => {
    expect(hostsLines(clusterOf())).toEqual(['10.0.0.1 api.shop']);
    expect(hostsLines(highlyAvailable(keepalived))).toEqual(['10.0.0.100 api.shop']);
    const external = { endpointMode: 'External', controlPlaneEndpoint: { host: 'lb.example.com' } };
    expect(hostsLines(highlyAvailable(external))).toEqual([]);
  });

  const hosts = '127.0.0.1 localhost\n10.0.0.9 db # ours\n';

  it('stand in a block that is replaced as a whole, and others’ lines stay', () => {
    const once = withHostsBlock(hosts, 'shop', ['127.0.0.1 api.shop']);
    expect(once).toContain('\n127.0.0.1 api.shop\n');
    const twice = withHostsBlock(once, 'shop', ['10.0.0.100 api.shop']);
    expect(twice).not.toContain('127.0.0.1 api.shop');
    expect(twice.startsWith(hosts)).toBe(true);
    expect(withHostsBlock(twice, 'shop', [])).toBe(hosts);
  });

  it('of one cluster do not touch those of another', () => {
    const both = withHostsBlock(withHostsBlock(hosts, 'shop', ['10.0.0.1 a']), 'shop-2', ['10.0.0.2 b']);
    expect(withHostsBlock(both, 'shop', [])).toBe(withHostsBlock(hosts, 'shop-2', ['10.0.0.2 b']));
  });

  it('are the same when they are written again', () => {
    const lines = fc.array(
      fc.constantFrom('127.0.0.1 localhost', '# a note', '', '10.0.0.1 x', '# hansa: begin other'),
    );
    fc.assert(
      fc.property(lines, (before) => {
        const once = withHostsBlock(before.join('\n'), 'shop', ['10.0.0.1 api.shop']);
        expect(withHostsBlock(once, 'shop', ['10.0.0.1 api.shop'])).toBe(once);
      }),
    );
  });
});

describe('the stamp of a machine’s endpoint', () => {
  const cluster = highlyAvailable();
  const [machine] = cluster.machines;
  const stamp = (controlPlanes = three, spec = cluster) =>
    stampOf('set-endpoint', {
      cluster: spec,
      machine: machine as (typeof cluster.machines)[number],
      controlPlanes,
    });

  it('changes with the control planes, and not with their order', () => {
    expect(stamp(three.toReversed())).toBe(stamp());
    expect(stamp(three.slice(0, 2))).not.toBe(stamp());
  });

  it('does not change with them where no proxy knows them', () => {
    const external = highlyAvailable({
      endpointMode: 'External',
      controlPlaneEndpoint: { host: '10.0.0.200' },
    });
    expect(stamp(three.slice(0, 2), external)).toBe(stamp(three, external));
  });
});
