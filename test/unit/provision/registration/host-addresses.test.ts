import { describe, expect, it } from 'vitest';
import type { EndpointSpec, SshTarget } from '../../../../src/provision/plan/cluster-spec.ts';
import { hostAddresses, type PlaneAddress } from '../../../../src/provision/registration/host-addresses.ts';

function endpoint(
  mode: EndpointSpec['mode'],
  host: string,
  port: number,
): { readonly endpoint: EndpointSpec } {
  return { endpoint: { mode, host, port, virtualRouterId: undefined } };
}

function plane(
  name: string,
  internalAddress: string | undefined,
  ssh: Partial<SshTarget> = {},
): PlaneAddress {
  return {
    machine: {
      name,
      ssh: {
        kind: 'ssh2',
        host: `${name}.example`,
        port: 22,
        user: 'ops',
        credential: 'ssh',
        hostKeys: [],
        bastion: undefined,
        insecureIgnoreHostKey: false,
        ...ssh,
      },
    },
    internalAddress,
  };
}

const bastion = { ...plane('gate', undefined).machine.ssh };

describe('where a host reaches the API of a cluster', () => {
  it.each(['External', 'Keepalived'] as const)('is the endpoint, if it is %s', (mode) => {
    const planes = [plane('m1', '10.0.0.1')];
    expect(hostAddresses(endpoint(mode, 'api.example.com', 443), planes)).toEqual([
      'https://api.example.com:443',
    ]);
  });

  it('is a control plane itself where every machine has a proxy of its own', () => {
    const planes = [plane('m2', '10.0.0.2'), plane('m1', '10.0.0.1')];
    expect(hostAddresses(endpoint('LocalProxy', 'api.shop', 7443), planes)).toEqual([
      'https://10.0.0.2:6443',
      'https://10.0.0.1:6443',
    ]);
  });

  it('may be the address that SSH takes, after those among the machines', () => {
    const planes = [
      plane('m1', '10.0.0.1', { host: '192.0.2.1' }),
      plane('m2', undefined, { host: '2001:db8::2' }),
    ];
    expect(hostAddresses(endpoint('LocalProxy', 'api.shop', 7443), planes)).toEqual([
      'https://10.0.0.1:6443',
      'https://192.0.2.1:6443',
      'https://[2001:db8::2]:6443',
    ]);
  });

  it('is none of SSH that no certificate names, or that lies behind a bastion, or is this machine', () => {
    const planes = [
      plane('m1', '10.0.0.1', { host: 'm1.example' }),
      plane('m2', '10.0.0.2', { host: '192.0.2.2', bastion }),
      plane('m3', '10.0.0.3', { host: '127.0.0.1', kind: 'local' }),
    ];
    expect(hostAddresses(endpoint('LocalProxy', 'api.shop', 7443), planes)).toEqual([
      'https://10.0.0.1:6443',
      'https://10.0.0.2:6443',
      'https://10.0.0.3:6443',
    ]);
  });

  it('is told once where endpoint and machine are the same', () => {
    expect(hostAddresses(endpoint('Direct', '10.0.0.1', 6443), [plane('m1', '10.0.0.1')])).toEqual([
      'https://10.0.0.1:6443',
    ]);
  });
});
