import { parseAllDocuments } from 'yaml';
import { HansaError, isJsonObject, type Json, type JsonObject, parseCidr } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import { yamlDocuments } from './yaml.ts';

export interface FlannelInput {
  readonly cluster: Pick<ClusterSpec, 'network' | 'cni' | 'imageRepository'>;
  /** flannel's own manifest, of the bundle. */
  readonly manifest: string;
  /** Images the machines have been given. */
  readonly images: readonly string[];
}

/**
 * flannel's manifest for this cluster: its networks, its backend, and on every node the interface that has the node's own
 * address; by itself flannel takes the one of the default route.
 */
export function renderFlannel({ cluster, manifest, images }: FlannelInput): string {
  const objects = readObjects(manifest);
  const patched = objects.map((object) => {
    if (isNamed(object, 'ConfigMap', 'kube-flannel-cfg')) return withNetwork(object, cluster);
    if (isNamed(object, 'DaemonSet', 'kube-flannel-ds')) {
      return withNodeAddress(withImages(object, cluster.imageRepository, images));
    }
    return object;
  });
  if (patched.every((object, index) => object === objects[index])) {
    throw new HansaError(
      'the bundle’s flannel.yaml has neither the ConfigMap kube-flannel-cfg nor the DaemonSet kube-flannel-ds: make the bundle anew, or give the manifest as spec.cni.manifest',
      { reason: 'ManifestUnreadable', retry: 'never' },
    );
  }
  return yamlDocuments(patched);
}

/** Kubernetes objects of a manifest. @throws HansaError ManifestUnreadable */
export function readObjects(manifest: string): readonly JsonObject[] {
  const documents = parseAllDocuments(manifest);
  const [error] = 'empty' in documents ? [] : documents.flatMap(({ errors }) => errors);
  if (error) {
    throw new HansaError(`the network's manifest is not YAML: ${error.message.split('\n')[0]}`, {
      reason: 'ManifestUnreadable',
      retry: 'never',
    });
  }
  return documents
    .map((document) => document.toJS() as Json)
    .filter((each): each is JsonObject => isJsonObject(each));
}

function isNamed(object: JsonObject, kind: string, name: string): boolean {
  return object.kind === kind && isJsonObject(object.metadata) && object.metadata.name === name;
}

function withNetwork(configMap: JsonObject, { network, cni }: FlannelInput['cluster']): JsonObject {
  const data = isJsonObject(configMap.data) ? configMap.data : {};
  const old = JSON.parse(
    typeof data['net-conf.json'] === 'string' ? data['net-conf.json'] : '{}',
  ) as JsonObject;
  const byFamily = (family: 4 | 6) => network.pods.find((text) => parseCidr(text)?.family === family);
  const [v4, v6] = [byFamily(4), byFamily(6)];
  const { Network: _, ...others } = old;
  const config = {
    ...others,
    ...(v4 === undefined ? { EnableIPv4: false } : { Network: v4 }),
    ...(v6 !== undefined && { EnableIPv6: true, IPv6Network: v6 }),
    Backend: backend(cni),
  };
  return { ...configMap, data: { ...data, 'net-conf.json': `${JSON.stringify(config, null, 2)}\n` } };
}

function backend(cni: ClusterSpec['cni']): JsonObject {
  if (cni.kind !== 'flannel') return { Type: 'vxlan' };
  return { Type: cni.backend, ...(cni.backend === 'vxlan' && cni.port !== undefined && { Port: cni.port }) };
}

const addressVariable = 'HANSA_NODE_ADDRESS';

function withNodeAddress(daemonSet: JsonObject): JsonObject {
  return mapContainers(daemonSet, 'containers', (container) => {
    if (container.name !== 'kube-flannel') return container;
    const args = (Array.isArray(container.args) ? container.args : []).filter(
      (arg) => typeof arg !== 'string' || !arg.startsWith('--iface'),
    );
    const env = Array.isArray(container.env) ? container.env : [];
    return {
      ...container,
      args: [...args, `--iface=$(${addressVariable})`],
      env: [...env, { name: addressVariable, valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }],
    };
  });
}

/** An image that the machines have under its own name stays; else it is looked for where the cluster's images come from. */
function withImages(daemonSet: JsonObject, repository: string, images: readonly string[]): JsonObject {
  const moved = (container: JsonObject): JsonObject => {
    const { image } = container;
    if (typeof image !== 'string' || images.includes(image) || repository === defaultRepository)
      return container;
    return { ...container, image: `${repository}/${image.split('/').at(-1)}` };
  };
  return mapContainers(mapContainers(daemonSet, 'containers', moved), 'initContainers', moved);
}

const defaultRepository = 'registry.k8s.io';

function mapContainers(
  daemonSet: JsonObject,
  list: 'containers' | 'initContainers',
  change: (container: JsonObject) => JsonObject,
): JsonObject {
  const spec = isJsonObject(daemonSet.spec) ? daemonSet.spec : {};
  const template = isJsonObject(spec.template) ? spec.template : {};
  const pod = isJsonObject(template.spec) ? template.spec : {};
  const containers = Array.isArray(pod[list]) ? pod[list] : [];
  return {
    ...daemonSet,
    spec: {
      ...spec,
      template: {
        ...template,
        spec: { ...pod, [list]: containers.map((each) => (isJsonObject(each) ? change(each) : each)) },
      },
    },
  };
}
