import { hashOf, type JsonObject } from '../../../base/index.ts';
import type { Selector } from './selector-text.ts';
import { type GatedKind, hashLabels } from './words.ts';

/** Name of the one MutatingWebhookConfiguration in each member. Each rollout has its own entries in it. */
export const webhookConfiguration = 'hansa-rollouts';

export interface WebhookAddress {
  /**
   * Under which members reach the webhook: `https://host:port`, or `service://namespace/name:port` for one that runs
   * inside each member.
   */
  readonly url: string;
  /** PEM of the authorities that its certificate may be from. */
  readonly caBundle: string;
}

export interface EntriesInput {
  readonly address: WebhookAddress;
  readonly rollout: string;
  readonly namespace: string;
  readonly workload: { readonly kind: GatedKind; readonly name: string; readonly selector: Selector };
  /** Pods of this hash are not held back. */
  readonly stable: string;
  readonly whenDown: 'Hold' | 'Proceed';
  /** Traffic is steered by pod labels: stable pods get theirs at once. */
  readonly isSteered: boolean;
}

/**
 * The entries of one rollout, with all defaults spelled out, so that they compare equal with what the server gives back.
 *
 * *Guarantees*: pods of the stable revision never depend on the webhook: the conditions keep the server from calling it
 * for them, or (for the traffic label) let it go on without an answer.
 */
export function webhookEntries(input: EntriesInput): readonly JsonObject[] {
  const { rollout, namespace, isSteered, whenDown, stable, workload } = input;
  const label = hashLabels[workload.kind];
  const hasLabel = `has(object.metadata.labels) && '${label}' in object.metadata.labels`;
  const isStable = `object.metadata.labels['${label}'] == '${stable}'`;
  const isOwn = `has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(o, ${ownerTest(workload)})`;
  const entry = (verb: 'hold' | 'serve', which: string, failurePolicy: 'Fail' | 'Ignore'): JsonObject => ({
    name: entryName(verb, input),
    admissionReviewVersions: ['v1'],
    clientConfig: clientConfig(
      input.address,
      `/pods/${verb}/${encodeURIComponent(rollout)}${verb === 'hold' && isSteered ? '/steered' : ''}`,
    ),
    failurePolicy,
    matchPolicy: 'Equivalent',
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    objectSelector: selectorObject(workload.selector),
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE'],
        resources: ['pods'],
        scope: 'Namespaced',
      },
    ],
    reinvocationPolicy: 'IfNeeded',
    sideEffects: 'None',
    timeoutSeconds: 2,
    matchConditions: [
      { name: 'has-pod-hash', expression: hasLabel },
      // Each condition is looked at by itself, so none may fail for want of what another asks for.
      { name: which, expression: `${hasLabel} && ${verb === 'hold' ? `!(${isStable})` : isStable}` },
      { name: 'belongs-to-the-workload', expression: isOwn },
    ],
  });
  return [
    entry('hold', 'is-not-stable', whenDown === 'Hold' ? 'Fail' : 'Ignore'),
    ...(isSteered ? [entry('serve', 'is-stable', 'Ignore')] : []),
  ];
}

/** Whether an entry is one of a rollout's. */
export function entryNames({
  rollout,
  namespace,
}: Pick<EntriesInput, 'rollout' | 'namespace'>): readonly string[] {
  return [entryName('hold', { rollout, namespace }), entryName('serve', { rollout, namespace })];
}

/** Each rollout applies its entries in its own name: then one can't remove another's. */
export function entryManager({ rollout, namespace }: Pick<EntriesInput, 'rollout' | 'namespace'>): string {
  return `hansa-rollout-${hashOf([namespace, rollout])}`;
}

function entryName(
  verb: 'hold' | 'serve',
  { rollout, namespace }: Pick<EntriesInput, 'rollout' | 'namespace'>,
): string {
  const name = `${verb}.${rollout}.${namespace}.rollout.hansa.dev`;
  return name.length <= 253 ? name : `${verb}.${hashOf([namespace, rollout])}.rollout.hansa.dev`;
}

function ownerTest({ kind, name }: EntriesInput['workload']): string {
  return kind === 'DaemonSet' ? `o.kind == 'DaemonSet' && o.name == '${name}'` : "o.kind == 'ReplicaSet'";
}

function clientConfig({ url, caBundle }: WebhookAddress, path: string): JsonObject {
  const bundle = Buffer.from(caBundle, 'utf8').toString('base64');
  const service = /^service:\/\/([^/]+)\/([^/:]+)(?::(\d+))?\/?$/.exec(url);
  if (!service) return { caBundle: bundle, url: `${url.replace(/\/+$/, '')}${path}` };
  const [, namespace = '', name = '', port = '443'] = service;
  return { caBundle: bundle, service: { namespace, name, port: Number(port), path } };
}

function selectorObject({ matchLabels, matchExpressions }: Selector): JsonObject {
  return {
    ...(matchLabels ? { matchLabels } : {}),
    ...(matchExpressions
      ? {
          matchExpressions: matchExpressions.map(({ key, operator, values }) => ({
            key,
            operator,
            ...(values ? { values } : {}),
          })),
        }
      : {}),
  };
}
