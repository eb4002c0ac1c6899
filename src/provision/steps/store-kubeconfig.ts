import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { HansaError, parseAddress } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { controlPlanes } from '../plan/cluster-spec.ts';
import { addressUrl } from '../plan/render/address-url.ts';
import { apiServerPort } from '../plan/render/cluster-configuration.ts';
import { type KubeconfigParts, renderKubeconfig } from '../plan/render/kubeconfig.ts';
import { runKubectl } from './kubectl.ts';
import { controlPlaneAddresses } from './node-input.ts';
import { storePki } from './pki-files.ts';

/** Keeps the administrator's kubeconfig where the cluster's secrets are kept, with an address that works from outside. */
export const storeKubeconfig: Executor = {
  async observe(context) {
    const post = await context.healthyControlPlane();
    const stored = (await context.secrets.get(secretName(context)))?.value;
    const complaint =
      stored === undefined ? 'no kubeconfig is stored' : await complaintAbout(context, post, stored);
    return complaint === undefined ? { kind: 'done' } : { kind: 'todo', why: complaint };
  },

  async apply(context) {
    const post = await context.healthyControlPlane();
    await context.secrets.put(secretName(context), { value: await freshKubeconfig(context, post) });
    await storePki(context, post);
  },

  async verify(context) {
    const post = await context.healthyControlPlane();
    const stored = (await context.secrets.get(secretName(context)))?.value;
    if (stored === undefined) {
      throw new HansaError(`the kubeconfig of ${context.cluster.name} was not kept by the store`, {
        reason: 'KubeconfigNotStored',
      });
    }
    const result = await runKubectl(post, ['--request-timeout=20s', 'get', '--raw', '/readyz'], {
      signal: context.signal,
    });
    if (result.code !== 0) {
      throw new HansaError(
        `the API of ${context.cluster.name} does not answer at its endpoint ${context.cluster.endpoint.host}:${context.cluster.endpoint.port}: ${result.stderr.trim()}`,
        { reason: 'EndpointNotReachable' },
      );
    }
  },
};

function secretName({ cluster }: StepContext): string {
  return `${cluster.name}-kubeconfig`;
}

async function freshKubeconfig(context: StepContext, post: Machine): Promise<string> {
  return renderKubeconfig(context.cluster.name, serverFor(context, post), await adminOf(context, post));
}

/** Every control plane has an administrator's certificate of its own, so a stored one is good as long as it is valid. */
async function complaintAbout(
  context: StepContext,
  post: Machine,
  stored: string,
): Promise<string | undefined> {
  const { cluster, clock } = context;
  const parts = partsOf(stored);
  if (!parts) return 'the stored kubeconfig can not be read';
  if (parts.authority !== (await adminOf(context, post)).authority)
    return 'the stored kubeconfig is of another CA';
  if (!serversOf(context, post).includes(parts.server))
    return `the stored kubeconfig leads to ${parts.server}`;
  const { validToDate } = new X509Certificate(Buffer.from(parts.certificate, 'base64'));
  const leftMs = validToDate.getTime() - clock.now();
  return leftMs > cluster.certificates.renewBeforeHours * 3_600_000
    ? undefined
    : `the stored kubeconfig expires on ${validToDate.toISOString()}`;
}

interface StoredParts extends KubeconfigParts {
  readonly server: string;
}

async function adminOf(context: StepContext, post: Machine): Promise<StoredParts> {
  const content = await post.transport.readFile('/etc/kubernetes/admin.conf', { signal: context.signal });
  const parts = content && partsOf(content.toString('utf8'));
  if (!parts) {
    throw new HansaError(
      `${post.spec.name} has no /etc/kubernetes/admin.conf that could be read: is it a control plane?`,
      {
        reason: 'KubeconfigMissing',
      },
    );
  }
  return parts;
}

/**
 * Where outsiders reach the API. A proxy on 127.0.0.1 serves only the machines themselves, so then it is a control plane's
 * own address, the one it is known by from here.
 */
function serverFor({ cluster }: StepContext, { spec, internalAddress }: Machine): string {
  const { endpoint } = cluster;
  if (endpoint.mode !== 'LocalProxy') return addressUrl(endpoint.host, endpoint.port);
  const host = parseAddress(spec.ssh.host) && spec.ssh.kind !== 'local' ? spec.ssh.host : internalAddress;
  return addressUrl(host, apiServerPort);
}

/** All that are as good as `serverFor`. */
function serversOf(context: StepContext, post: Machine): readonly string[] {
  const { cluster } = context;
  if (cluster.endpoint.mode !== 'LocalProxy') return [serverFor(context, post)];
  return [
    ...controlPlanes(cluster).map(({ ssh }) => addressUrl(ssh.host, apiServerPort)),
    ...controlPlaneAddresses(context).map(({ address }) => addressUrl(address, apiServerPort)),
  ];
}

function partsOf(kubeconfig: string): StoredParts | undefined {
  const { clusters = [], users = [] } = parse(kubeconfig) as {
    readonly clusters?: readonly { readonly cluster?: Readonly<Record<string, string>> }[];
    readonly users?: readonly { readonly user?: Readonly<Record<string, string>> }[];
  };
  const authority = clusters[0]?.cluster?.['certificate-authority-data'];
  const server = clusters[0]?.cluster?.server;
  const certificate = users[0]?.user?.['client-certificate-data'];
  const key = users[0]?.user?.['client-key-data'];
  return authority && certificate && key && server ? { authority, certificate, key, server } : undefined;
}
