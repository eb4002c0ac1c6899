import { isIP } from 'node:net';
import { aliasAnnotation } from '../../api/names.ts';
import type { Access, KubeObject } from '../../kube/index.ts';
import { clusterUidAnnotation, joinedAsLabel } from './join-names.ts';
import { type MemberToken, tokenAnnotations } from './renew-token.ts';

/** How the host shall reach the member. */
export interface Endpoint {
  readonly apiEndpoint: string;
  /** PEM; absent = the system's roots. */
  readonly ca: string | undefined;
  readonly disabledTlsValidations: readonly string[];
  readonly proxyUrl: string | undefined;
}

export interface EndpointOverrides {
  readonly apiEndpoint?: string | undefined;
  readonly ca?: string | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
}

/** What the kubeconfig says of the member, unless the command says otherwise. */
export function endpointFrom(access: Access, overrides: EndpointOverrides): Endpoint {
  const skip = overrides.insecureSkipTlsVerify ?? access.skipTls?.includes('all') ?? false;
  return {
    apiEndpoint: overrides.apiEndpoint ?? access.server,
    ca: overrides.ca ?? access.ca?.toString(),
    disabledTlsValidations: skip ? ['*'] : [],
    proxyUrl: access.proxyUrl,
  };
}

/** What works, but a person should know of. */
export function endpointWarnings(
  endpoint: Endpoint,
  memberAccess: Access,
  hostServer: string,
): readonly string[] {
  const warnings: string[] = [];
  if (endpoint.disabledTlsValidations.includes('*')) {
    warnings.push(
      "the member's certificate is not checked (insecure-skip-tls-verify): whoever sits between can take the token",
    );
  }
  if (isLoopback(endpoint.apiEndpoint) && !isLoopback(hostServer)) {
    warnings.push(
      `${endpoint.apiEndpoint} is an address of this machine alone: the controller reaches it only if it runs here; ` +
        'else give --api-endpoint',
    );
  }
  if (memberAccess.serverName && memberAccess.serverName !== hostnameOf(endpoint.apiEndpoint)) {
    warnings.push(
      `the kubeconfig's tls-server-name "${memberAccess.serverName}" has no place in a KubeFedCluster: its certificate ` +
        'must name the host of the address',
    );
  }
  return warnings;
}

export function hostSecret({
  name,
  namespace,
  member,
  clusterUid,
  token,
  account,
  ca,
}: {
  readonly name: string;
  readonly namespace: string;
  readonly member: string;
  readonly clusterUid: string;
  readonly token: MemberToken;
  readonly account: { readonly namespace: string; readonly name: string };
  readonly ca: string | undefined;
}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { [joinedAsLabel]: member, 'app.kubernetes.io/managed-by': 'hansa' },
      // The UID too: an unjoin that broke off has only the Secret left to tell which cluster it was.
      annotations: { [clusterUidAnnotation]: clusterUid, ...tokenAnnotations(token, account) },
    },
    type: 'Opaque',
    data: { token: base64(token.token), ...(ca ? { 'ca.crt': base64(ca) } : {}) },
  };
}

export function kubeFedCluster({
  name,
  namespace,
  labels,
  alias,
  clusterUid,
  endpoint,
  secretName,
}: {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly alias: string | undefined;
  readonly clusterUid: string;
  readonly endpoint: Endpoint;
  readonly secretName: string;
}): KubeObject {
  return {
    apiVersion: 'core.kubefed.io/v1beta1',
    kind: 'KubeFedCluster',
    metadata: {
      name,
      namespace,
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      annotations: { [clusterUidAnnotation]: clusterUid, ...(alias ? { [aliasAnnotation]: alias } : {}) },
    },
    spec: {
      apiEndpoint: endpoint.apiEndpoint,
      ...(endpoint.ca ? { caBundle: base64(endpoint.ca) } : {}),
      secretRef: { name: secretName },
      ...(endpoint.disabledTlsValidations.length > 0
        ? { disabledTLSValidations: endpoint.disabledTlsValidations }
        : {}),
      ...(endpoint.proxyUrl ? { proxyURL: endpoint.proxyUrl } : {}),
    },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function hostnameOf(endpoint: string): string {
  const url = URL.parse(endpoint.includes('://') ? endpoint : `https://${endpoint}`);
  return (url?.hostname ?? endpoint).replace(/^\[|\]$/g, '');
}

function isLoopback(endpoint: string): boolean {
  const host = hostnameOf(endpoint);
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1';
}
