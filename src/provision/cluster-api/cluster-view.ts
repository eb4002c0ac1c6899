import { isJsonObject, type Json } from '../../base/index.ts';
import type { Cached, KubeObject } from '../../kube/index.ts';
import { registeredUidLabel, sourceLabels, type RegistrationSource } from '../registration/words.ts';
import { memberNameAnnotation, pausedAnnotation, registerLabel, registerLabelsAnnotation } from './words.ts';

/** What matters of a Cluster of Cluster API. */
export interface ClusterView extends Cached {
  readonly apiVersion: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** It carries the label that asks for it. */
  readonly isWanted: boolean;
  readonly memberName: string;
  /** Of the member, those that tell where it came from included. */
  readonly labels: Readonly<Record<string, string>>;
  /** Parts of the annotation that are no labels. */
  readonly badLabels: readonly string[];
  readonly isInitialized: boolean;
  readonly isDeleting: boolean;
  /** Somebody works on it, or `clusterctl move` carries it away: nothing may be concluded from what is seen. */
  readonly isPaused: boolean;
}

export function viewOf(object: KubeObject): ClusterView {
  const { name, namespace = '', uid = '', resourceVersion = '', ...metadata } = object.metadata;
  const { labels = {}, annotations = {} } = metadata;
  const asked = readLabels(annotations[registerLabelsAnnotation]);
  const spec = isJsonObject(object['spec']) ? object['spec'] : {};
  return {
    resourceVersion,
    apiVersion: object.apiVersion,
    namespace,
    name,
    uid,
    isWanted: labels[registerLabel] === 'true',
    memberName: annotations[memberNameAnnotation] || name,
    labels: {
      ...asked.labels,
      ...sourceLabels(sourceOfCluster({ namespace, name })),
      [registeredUidLabel]: uid,
    },
    badLabels: asked.bad,
    isInitialized: isInitialized(object['status']),
    isDeleting: metadata.deletionTimestamp !== undefined,
    isPaused: spec['paused'] === true || annotations[pausedAnnotation] !== undefined,
  };
}

export function sourceOfCluster({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): RegistrationSource {
  return { by: 'ClusterAPI', namespace, name };
}

const labelKey = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
/** Ours tell where a member came from: who may write the annotation must not be able to say something else. */
const reserved = /^([a-z0-9-]+\.)*hansa\.dev\/|^kubefed\.io\//;

function readLabels(text = ''): {
  readonly labels: Readonly<Record<string, string>>;
  readonly bad: readonly string[];
} {
  const labels: Record<string, string> = {};
  const bad: string[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(equals, 0));
    const value = part.slice(equals + 1);
    if (labelKey.test(key) && labelValue.test(value) && !reserved.test(key)) labels[key] = value;
    else bad.push(part);
  }
  return { labels, bad };
}

/** v1beta2 has a field for it; v1beta1 a condition, and before that only `controlPlaneReady`. */
function isInitialized(status: unknown): boolean {
  if (!isJsonObject(status)) return false;
  const { initialization, conditions, controlPlaneReady } = status;
  if (isJsonObject(initialization) && initialization['controlPlaneInitialized'] === true) return true;
  return hasTrue(conditions, 'ControlPlaneInitialized') || controlPlaneReady === true;
}

function hasTrue(conditions: Json | undefined, type: string): boolean {
  return (
    Array.isArray(conditions) &&
    conditions.some((each) => isJsonObject(each) && each['type'] === type && each['status'] === 'True')
  );
}
