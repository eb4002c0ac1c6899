import { federatedKinds } from '../../api/federated-kinds.ts';

/** A rule of a ClusterRole or Role; one of the two shapes is filled. */
export interface PolicyRule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

/** Name of the one webhook configuration that rollouts keep in a member. */
const webhookConfiguration = 'hansa-rollouts';

const keepInLine = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] as const;

/**
 * All that Hansa may do in a member: keep the kinds it propagates in line, roll out workloads and what usually goes with
 * them, count pods and nodes, look at health and discovery. KubeFed's account could do everything (`*`), so one stolen Secret on the host gave away each member.
 *
 * Caveats: who may write Deployments in every namespace may also run pods under any ServiceAccount there, and reading
 * Secrets is reading all of them. The rules keep out escalation by RBAC, nodes, exec and the like, and of webhooks all
 * but the own one (the server can't bind the creation to a name); they can't make a workload's author harmless.
 */
export function memberRules(): readonly PolicyRule[] {
  const pluralsByGroup = new Map<string, string[]>();
  for (const { target } of federatedKinds) {
    pluralsByGroup.set(target.group, [...(pluralsByGroup.get(target.group) ?? []), target.plural]);
  }
  return [
    ...[...pluralsByGroup].map(([group, resources]) => ({
      apiGroups: [group],
      resources,
      verbs: keepInLine,
    })),
    // Replica scheduling counts the pods that run, and those that find no room.
    { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list'] },
    ...rolloutRules(),
    // Granted to everyone by default, but hardened clusters take that back; join needs it to prove the rest.
    {
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      verbs: ['create'],
    },
    {
      nonResourceURLs: ['/readyz', '/livez', '/healthz', '/version', '/api', '/api/*', '/apis', '/apis/*'],
      verbs: ['get'],
    },
  ];
}

/** What rollouts need beyond the kinds that are propagated. */
function rolloutRules(): readonly PolicyRule[] {
  const inOrder = (group: string, resources: readonly string[]): PolicyRule => ({
    apiGroups: [group],
    resources,
    verbs: keepInLine,
  });
  return [
    // Pods get traffic by a label, leave their gate, and are taken back; one that waits for our word has a condition.
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'patch', 'delete'] },
    { apiGroups: [''], resources: ['pods/status'], verbs: ['patch'] },
    // Plain manifests: workloads and what usually goes with them. CRDs, RBAC and the like need a role of their own.
    inOrder('apps', ['statefulsets', 'daemonsets']),
    inOrder('batch', ['jobs', 'cronjobs']),
    inOrder('autoscaling', ['horizontalpodautoscalers']),
    inOrder('policy', ['poddisruptionbudgets']),
    inOrder('networking.k8s.io', ['ingresses', 'networkpolicies']),
    inOrder('', ['serviceaccounts', 'persistentvolumeclaims']),
    { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['get', 'list', 'watch', 'patch'] },
    { apiGroups: ['apps'], resources: ['controllerrevisions'], verbs: ['get', 'list'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
    {
      apiGroups: ['gateway.networking.k8s.io'],
      resources: ['httproutes'],
      verbs: ['get', 'list', 'watch', 'patch'],
    },
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['mutatingwebhookconfigurations'],
      verbs: ['create'],
    },
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['mutatingwebhookconfigurations'],
      resourceNames: [webhookConfiguration],
      verbs: ['get', 'patch', 'delete'],
    },
  ];
}

/** What the account may do in its own namespace: ask for its own next token, and nobody else's. */
export function ownNamespaceRules(account: string): readonly PolicyRule[] {
  return [
    { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [account], verbs: ['create'] },
  ];
}

/** One thing that must be allowed. */
export type Permission =
  | { readonly kind: 'resource'; readonly verb: string; readonly group: string; readonly resource: string }
  | { readonly kind: 'path'; readonly verb: string; readonly path: string };

/** The rules one by one; named rules aside, since a review of a namespace can't show them all. */
export function permissionsOf(rules: readonly PolicyRule[]): readonly Permission[] {
  return rules.flatMap(({ verbs, apiGroups = [], resources = [], resourceNames, nonResourceURLs = [] }) => [
    ...(resourceNames ? [] : apiGroups).flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => ({ kind: 'resource', verb, group, resource }) as const),
      ),
    ),
    ...nonResourceURLs.flatMap((path) => verbs.map((verb) => ({ kind: 'path', verb, path }) as const)),
  ]);
}

/** What of `needed` the granted rules don't give. */
export function missingPermissions(
  granted: readonly PolicyRule[],
  needed: readonly Permission[],
): readonly Permission[] {
  return needed.filter((permission) => !granted.some((rule) => grants(rule, permission)));
}

function grants(rule: PolicyRule, permission: Permission): boolean {
  if (!hasOrAll(rule.verbs, permission.verb)) return false;
  switch (permission.kind) {
    case 'resource':
      return (
        !rule.resourceNames?.length &&
        hasOrAll(rule.apiGroups, permission.group) &&
        hasOrAll(rule.resources, permission.resource)
      );
    case 'path':
      return (rule.nonResourceURLs ?? []).some(
        (url) =>
          url === permission.path || (url.endsWith('*') && permission.path.startsWith(url.slice(0, -1))),
      );
  }
}

function hasOrAll(list: readonly string[] | undefined, word: string): boolean {
  return list?.some((each) => each === word || each === '*') ?? false;
}

/** `create, patch deployments.apps; list pods`: the missing, short enough for one sentence. */
export function describePermissions(permissions: readonly Permission[]): string {
  const verbsByTarget = new Map<string, string[]>();
  for (const permission of permissions) {
    const target = targetOf(permission);
    verbsByTarget.set(target, [...(verbsByTarget.get(target) ?? []), permission.verb]);
  }
  const parts = [...verbsByTarget].map(([target, verbs]) => `${verbs.join(', ')} ${target}`);
  const shown = parts.slice(0, 4);
  return shown.join('; ') + (parts.length > shown.length ? `; and ${parts.length - shown.length} more` : '');
}

function targetOf(permission: Permission): string {
  switch (permission.kind) {
    case 'resource':
      return permission.group ? `${permission.resource}.${permission.group}` : permission.resource;
    case 'path':
      return permission.path;
  }
}
