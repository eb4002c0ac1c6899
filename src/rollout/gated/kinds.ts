import type { ResourceType } from '../../kube/index.ts';
import type { GatedKind } from '../plan/gated/index.ts';

const type = (group: string, kind: string, plural: string, namespaced = true): ResourceType => ({
  group,
  version: 'v1',
  kind,
  plural,
  namespaced,
});

export const kinds = {
  pod: type('', 'Pod', 'pods'),
  configMap: type('', 'ConfigMap', 'configmaps'),
  replicaSet: type('apps', 'ReplicaSet', 'replicasets'),
  controllerRevision: type('apps', 'ControllerRevision', 'controllerrevisions'),
  mutatingWebhooks: type(
    'admissionregistration.k8s.io',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    false,
  ),
} as const;

export const workloadKinds = {
  Deployment: type('apps', 'Deployment', 'deployments'),
  DaemonSet: type('apps', 'DaemonSet', 'daemonsets'),
} as const satisfies Record<GatedKind, ResourceType>;

/** What Kubernetes keeps old pod templates of each kind in. */
export const versionKinds = {
  Deployment: kinds.replicaSet,
  DaemonSet: kinds.controllerRevision,
} as const satisfies Record<GatedKind, ResourceType>;
