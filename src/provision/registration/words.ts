/** Words on the KubeFedClusters that Hansa registers by itself. Never renamed. */

/** Which door a member came in by; a member without it was joined by a person, and is left to them. */
export const registeredByLabel = 'provision.hansa.dev/registered-by';
/** Namespace and name of what it was registered for. */
export const registeredNamespaceLabel = 'provision.hansa.dev/registered-namespace';
export const registeredNameLabel = 'provision.hansa.dev/registered-name';
/** UID of the Cluster of Cluster API, so that one that was made anew is told from the one before. */
export const registeredUidLabel = 'provision.hansa.dev/registered-uid';
/** On a KubeFedCluster: keys of the labels that the registration gave it, as JSON, so that they can be taken back. */
export const registeredLabelsAnnotation = 'provision.hansa.dev/registered-labels';

export type RegisteredBy = 'KubeCluster' | 'ClusterAPI';

/** What a member was registered for. */
export interface RegistrationSource {
  readonly by: RegisteredBy;
  readonly namespace: string;
  readonly name: string;
}

export function sourceLabels({ by, namespace, name }: RegistrationSource): Readonly<Record<string, string>> {
  return { [registeredByLabel]: by, [registeredNamespaceLabel]: namespace, [registeredNameLabel]: name };
}

/** Undefined: joined by a person. */
export function sourceOf(labels: Readonly<Record<string, string>>): RegistrationSource | undefined {
  const by = labels[registeredByLabel];
  if (by !== 'KubeCluster' && by !== 'ClusterAPI') return undefined;
  return {
    by,
    namespace: labels[registeredNamespaceLabel] ?? '',
    name: labels[registeredNameLabel] ?? '',
  };
}

export function isSameSource(a: RegistrationSource | undefined, b: RegistrationSource): boolean {
  return a?.by === b.by && a.namespace === b.namespace && a.name === b.name;
}
