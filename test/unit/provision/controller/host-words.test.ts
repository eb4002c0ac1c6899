import { describe, expect, it } from 'vitest';
import { inHostWords } from '../../../../src/provision/controller/host-words.ts';

describe('what the engine says, in words of the host', () => {
  it.each([
    [
      'm2 can’t be reached: bring it up, or say "--forget-unreachable m2" to leave it as it is',
      'm2 can’t be reached: bring it up, or say "kubectl annotate kubemachine m2 provision.hansa.dev/forget-machine=m2" to leave it as it is',
    ],
    [
      'Node w9 is of no machine of the spec: put its machine into the spec, or say "--forget-unreachable w9" if it is gone for good',
      'Node w9 is of no machine of the spec: put its machine into the spec, or say "kubectl annotate kubecluster shop provision.hansa.dev/forget-machine=w9" if it is gone for good',
    ],
    [
      'Bring it back, or switch it off and say so with "--without m3"',
      'Bring it back, or switch it off and leave it out of spec.machines of the KubeOperation (m3)',
    ],
    [
      'm1: restore takes data or machines away: say --yes to agree',
      'm1: restore takes data or machines away: set spec.approved to true',
    ],
    [
      'there is no bundle: name one with --bundle, or in spec.bundle.path ("hansa bundle create" makes it)',
      'there is no bundle: set spec.bundle.path, or start the controller with --bundle ("hansa bundle create" makes it)',
    ],
    [
      'apiserver on m1 expired on 2026-11-01: run "hansa certs renew"; it works while the API is down',
      'apiserver on m1 expired on 2026-11-01: a KubeOperation of type RenewCertificates does it now; it works while the API is down',
    ],
    [
      'Nothing is removed by itself; if they are lost for good, "hansa cluster recover" goes on from what is left',
      'Nothing is removed by itself; if they are lost for good, "hansa pivot to-file shop" and then "hansa cluster recover shop" goes on from what is left',
    ],
    ['etcd is well', 'etcd is well'],
  ])('%s', (said, told) => {
    expect(inHostWords(said, 'shop')).toBe(told);
  });
});
