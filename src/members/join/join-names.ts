import { HansaError } from '../../base/index.ts';

/** On everything a join makes, in the member and on the host: the member's name, so that unjoin finds it. */
export const joinedAsLabel = 'hansa.dev/joined-as';
/** On what a join makes in the member: which host made it. Two hosts may share a member and keep apart. */
export const joinedByLabel = 'hansa.dev/joined-by';
/** On a KubeFedCluster: UID of the member's kube-system namespace, the one name a cluster can't change. */
export const clusterUidAnnotation = 'hansa.dev/cluster-uid';
/** On the host's Secret: `namespace/name` of the ServiceAccount whose token it holds. */
export const memberAccountAnnotation = 'hansa.dev/member-account';
/** On the host's Secret, for renewal. Absent on a token that does not expire, such as one of KubeFed's. */
export const tokenIssuedAtAnnotation = 'hansa.dev/token-issued-at';
export const tokenExpiresAtAnnotation = 'hansa.dev/token-expires-at';

export const joinFieldManager = 'hansa-join';

const dnsName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** The name is also a label value, and those end here. */
const nameMaxLength = 63;

/** @throws HansaError InvalidName */
export function checkMemberName(name: string): void {
  if (dnsName.test(name) && name.length <= nameMaxLength) return;
  throw new HansaError(
    `"${name}" can't name a member: use at most ${nameMaxLength} small letters, digits, "-" and ".", with a letter or ` +
      'digit first and last (a name with capitals may be given beside it with --alias)',
    { reason: 'InvalidName', retry: 'never' },
  );
}

const aliasPattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** @throws HansaError InvalidAlias */
export function checkAlias(alias: string): void {
  if (aliasPattern.test(alias) && alias.length <= 253) return;
  throw new HansaError(
    `"${alias}" can't be an alias: use letters, digits, "-", "_" and ".", with a letter or digit first and last`,
    { reason: 'InvalidAlias', retry: 'never' },
  );
}

/** Makes a part of a name from what a person or a kubeconfig calls a cluster, such as `admin@prod`. */
export function hostNameFrom(context: string): string {
  const name = context
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 100)
    .replace(/^-+|-+$/g, '');
  return name || 'host';
}

/** KubeFed's name for a member's account. */
export function accountName(member: string, hostName: string): string {
  return `${member}-${hostName}`;
}

/** KubeFed's name for the roles of an account. */
export function roleName(account: string): string {
  return `kubefed-controller-manager:${account}`;
}

export function defaultSecretName(member: string): string {
  return `${member}-member-token`;
}
