import type { KubeObject, ResourceType } from '../../kube/index.ts';

/** An object and where it is served; what a join makes is a list of these. */
export interface PlannedObject {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

export const serviceAccountType = core('ServiceAccount', 'serviceaccounts', true);
export const configMapType = core('ConfigMap', 'configmaps', true);
export const podType = core('Pod', 'pods', true);
export const clusterRoleType = rbac('ClusterRole', 'clusterroles', false);
export const clusterRoleBindingType = rbac('ClusterRoleBinding', 'clusterrolebindings', false);
export const roleType = rbac('Role', 'roles', true);
export const roleBindingType = rbac('RoleBinding', 'rolebindings', true);

function core(kind: string, plural: string, namespaced: boolean): ResourceType {
  return { group: '', version: 'v1', kind, plural, namespaced };
}

function rbac(kind: string, plural: string, namespaced: boolean): ResourceType {
  return { group: 'rbac.authorization.k8s.io', version: 'v1', kind, plural, namespaced };
}
