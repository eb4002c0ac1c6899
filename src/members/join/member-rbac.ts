import { apiVersionOf, namespaceType, type ResourceType } from '../../kube/index.ts';
import { joinedAsLabel, joinedByLabel, roleName } from './join-names.ts';
import {
  clusterRoleBindingType,
  clusterRoleType,
  type PlannedObject,
  roleBindingType,
  roleType,
  serviceAccountType,
} from './joined-types.ts';
import { memberRules, ownNamespaceRules } from './member-rules.ts';

export interface MemberAccount {
  readonly member: string;
  /** UID of the host's kube-system namespace. */
  readonly hostUid: string;
  readonly namespace: string;
  readonly account: string;
}

/** Labels of all that this host makes in this member. */
export function accountLabels({
  member,
  hostUid,
}: Pick<MemberAccount, 'member' | 'hostUid'>): Record<string, string> {
  return { [joinedAsLabel]: member, [joinedByLabel]: hostUid, 'app.kubernetes.io/managed-by': 'hansa' };
}

/** Finds them again, whatever they are called. */
export function accountSelector({ member, hostUid }: Pick<MemberAccount, 'member' | 'hostUid'>): string {
  return `${joinedAsLabel}=${member},${joinedByLabel}=${hostUid}`;
}

export function memberNamespace(account: MemberAccount): PlannedObject {
  return planned(namespaceType, { name: account.namespace, labels: accountLabels(account) });
}

/** The account itself, without rights. */
export function memberServiceAccount(account: MemberAccount): PlannedObject {
  return planned(serviceAccountType, {
    name: account.account,
    namespace: account.namespace,
    labels: accountLabels(account),
  });
}

/** The account's rights: what `--update-rbac` brings up to date. */
export function memberRoles(account: MemberAccount): readonly PlannedObject[] {
  const { namespace } = account;
  const name = roleName(account.account);
  const labels = accountLabels(account);
  const subjects = [{ kind: 'ServiceAccount', name: account.account, namespace }];
  const refer = (kind: string) => ({ apiGroup: clusterRoleType.group, kind, name });
  return [
    planned(clusterRoleType, { name, labels }, { rules: memberRules() }),
    planned(clusterRoleBindingType, { name, labels }, { subjects, roleRef: refer('ClusterRole') }),
    planned(roleType, { name, namespace, labels }, { rules: ownNamespaceRules(account.account) }),
    planned(roleBindingType, { name, namespace, labels }, { subjects, roleRef: refer('Role') }),
  ];
}

function planned(
  type: ResourceType,
  metadata: PlannedObject['object']['metadata'],
  content: Readonly<Record<string, unknown>> = {},
): PlannedObject {
  return { type, object: { apiVersion: apiVersionOf(type), kind: type.kind, metadata, ...content } };
}
