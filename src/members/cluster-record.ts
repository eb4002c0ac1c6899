import { HansaError } from '../base/index.ts';
import type { Access, Cached, KubeObject } from '../kube/index.ts';

/** A KubeFedCluster as Hansa needs it. */
export interface ClusterRecord extends Cached {
  readonly name: string;
  readonly uid: string;
  readonly deleting: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly alias: string | undefined;
  readonly apiEndpoint: string;
  readonly caBundle: string | undefined;
  readonly secretName: string;
  readonly disabledTlsValidations: readonly string[];
  readonly proxyUrl: string | undefined;
  readonly conditions: readonly ClusterCondition[];
  readonly kubernetesVersion: string | undefined;
}

export interface ClusterCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastProbeTime?: string;
  readonly lastTransitionTime?: string;
}

const aliasAnnotation = 'hansa.dev/alias';

/** Reads a KubeFedCluster from the wire; what is missing becomes an empty string, and a clear condition later. */
export function clusterRecord(object: KubeObject): ClusterRecord {
  const { metadata } = object;
  const spec = (object['spec'] ?? {}) as {
    apiEndpoint?: string;
    caBundle?: string;
    secretRef?: { name?: string };
    disabledTLSValidations?: string[];
    proxyURL?: string;
  };
  const status = (object['status'] ?? {}) as { conditions?: ClusterCondition[]; kubernetesVersion?: string };
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    labels: metadata.labels ?? {},
    alias: metadata.annotations?.[aliasAnnotation],
    apiEndpoint: spec.apiEndpoint ?? '',
    caBundle: spec.caBundle,
    secretName: spec.secretRef?.name ?? '',
    disabledTlsValidations: spec.disabledTLSValidations ?? [],
    proxyUrl: spec.proxyURL || undefined,
    conditions: status.conditions ?? [],
    kubernetesVersion: status.kubernetesVersion,
  };
}

/**
 * Builds what a client needs from the cluster object and its Secret.
 * @throws HansaError ClusterConfigMalformed, naming the field; never a part of the Secret's content
 */
export function accessOf(cluster: ClusterRecord, secret: KubeObject | undefined): Access {
  const token = decode((secret?.['data'] as Record<string, string> | undefined)?.['token'])?.trim();
  if (!cluster.secretName)
    throw malformed('spec.secretRef.name is empty: name the Secret that holds the token');
  if (!secret) {
    throw malformed(
      `spec.secretRef.name: the Secret "${cluster.secretName}" does not exist; run "hansa join ${cluster.name}" again`,
    );
  }
  if (!token) {
    throw malformed(
      `the Secret "${cluster.secretName}" has no key "token"; run "hansa join ${cluster.name}" again`,
    );
  }
  if (/[\r\n]/.test(token))
    throw malformed(`the key "token" of Secret "${cluster.secretName}" has more than one line`);
  const ca = decode(cluster.caBundle);
  if (ca && !ca.includes('-----BEGIN CERTIFICATE-----'))
    throw malformed('spec.caBundle is not a PEM certificate');
  return {
    server: serverOf(cluster.apiEndpoint),
    ...(ca ? { ca } : {}),
    ...(cluster.proxyUrl ? { proxyUrl: cluster.proxyUrl } : {}),
    skipTls: skipTlsOf(cluster.disabledTlsValidations),
    headers: () => Promise.resolve({ authorization: `Bearer ${token}` }),
  };
}

function skipTlsOf(validations: readonly string[]): NonNullable<Access['skipTls']> {
  if (validations.includes('*')) return ['all'];
  return [
    ...(validations.includes('SubjectName') ? (['subjectName'] as const) : []),
    ...(validations.includes('ValidityPeriod') ? (['validityPeriod'] as const) : []),
  ];
}

/** KubeFed takes host, host:port, IP or URL; without a scheme it is https. */
export function serverOf(endpoint: string): string {
  const text = endpoint.includes('://') ? endpoint : `https://${endpoint}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw malformed(`spec.apiEndpoint "${endpoint}" is not a host, host:port or URL`);
  }
  if (!endpoint || !['https:', 'http:'].includes(url.protocol)) {
    throw malformed(`spec.apiEndpoint "${endpoint}" must be a host, host:port or an http(s) URL`);
  }
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}

function decode(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}

function malformed(message: string): HansaError {
  return new HansaError(message, { reason: 'ClusterConfigMalformed', retry: 'never' });
}
