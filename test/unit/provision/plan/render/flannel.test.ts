import { describe, expect, it } from 'vitest';
import { renderFlannel } from '../../../../../src/provision/plan/render/flannel.ts';
import { clusterOf, documentOf } from './builders.ts';

const manifest = `
kind: Namespace
apiVersion: v1
metadata: {name: kube-flannel}
---
kind: ConfigMap
apiVersion: v1
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data:
  cni-conf.json: '{"name": "cbr0"}'
  net-conf.json: '{"Network": "10.244.0.0/16", "EnableNFTables": false, "Backend": {"Type": "vxlan"}}'
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-flannel-ds, namespace: kube-flannel}
spec:
  template:
    spec:
      initContainers:
      - {name: install-cni, image: "ghcr.io/flannel-io/flannel:v0.28.4"}
      containers:
      - name: kube-flannel
        image: ghcr.io/flannel-io/flannel:v0.28.4
        args: [--ip-masq, --kube-subnet-mgr, --iface=eth7]
        env: [{name: POD_NAME, value: x}]
`;
const image = 'ghcr.io/flannel-io/flannel:v0.28.4';

function netConf(text: string): unknown {
  const { data } = documentOf(text, 'ConfigMap') as unknown as { data: Record<string, string> };
  return JSON.parse(data['net-conf.json'] ?? '');
}

function podOf(text: string) {
  const set = documentOf(text, 'DaemonSet') as unknown as {
    spec: {
      template: {
        spec: Record<
          'containers' | 'initContainers',
          { image: string; args: string[]; env: { name: string }[] }[]
        >;
      };
    };
  };
  return set.spec.template.spec;
}

describe('flannel', () => {
  it('has the cluster’s pods and backend', () => {
    const cluster = clusterOf({
      clusterNetwork: { pods: { cidrBlocks: ['10.32.0.0/14'] } },
      cni: { flannel: { backend: 'vxlan', port: 4789 } },
    });
    expect(netConf(renderFlannel({ cluster, manifest, images: [image] }))).toEqual({
      Network: '10.32.0.0/14',
      EnableNFTables: false,
      Backend: { Type: 'vxlan', Port: 4789 },
    });
  });

  it('serves both families where the cluster has both', () => {
    const cluster = clusterOf({
      clusterNetwork: {
        pods: { cidrBlocks: ['10.244.0.0/16', 'fd00:1::/56'] },
        services: { cidrBlocks: ['10.96.0.0/16', 'fd00:2::/112'] },
      },
    });
    expect(netConf(renderFlannel({ cluster, manifest, images: [image] }))).toMatchObject({
      Network: '10.244.0.0/16',
      EnableIPv6: true,
      IPv6Network: 'fd00:1::/56',
    });
  });

  it('goes over the interface of the node’s own address, on every node', () => {
    const [container] = podOf(renderFlannel({ cluster: clusterOf(), manifest, images: [image] })).containers;
    const interfaces = container?.args.filter((arg) => arg.startsWith('--iface'));
    expect(interfaces).toEqual(['--iface=$(HANSA_NODE_ADDRESS)']);
    expect(container?.env.at(-1)).toEqual({
      name: 'HANSA_NODE_ADDRESS',
      valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } },
    });
  });

  it('takes its image from the mirror only if the machines don’t have it', () => {
    const cluster = clusterOf({ imageRepository: 'mirror.example/k8s' });
    const imagesWith = (images: readonly string[]) => {
      const { containers, initContainers } = podOf(renderFlannel({ cluster, manifest, images }));
      return [...containers, ...initContainers].map((container) => container.image);
    };
    expect(imagesWith([image])).toEqual([image, image]);
    expect(imagesWith([])).toEqual([
      'mirror.example/k8s/flannel:v0.28.4',
      'mirror.example/k8s/flannel:v0.28.4',
    ]);
  });

  it('of a manifest that is none says so', () => {
    const render = () =>
      renderFlannel({ cluster: clusterOf(), manifest: 'kind: Pod\nmetadata: {name: x}\n', images: [] });
    expect(render).toThrow(/neither the ConfigMap kube-flannel-cfg nor the DaemonSet/);
  });
});
