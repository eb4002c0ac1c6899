import { matchesSelector, type LabelSelector } from '../../scheduling/index.ts';

/** A pod on a node, as far as a drain cares. */
export interface PodOnNode {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly hasEmptyDir: boolean;
  /** Something would make it again elsewhere. */
  readonly hasController: boolean;
}

export interface DisruptionBudget {
  readonly namespace: string;
  readonly name: string;
  readonly selector: LabelSelector | undefined;
  readonly disruptionsAllowed: number;
  readonly rule: string;
}

type JsonRecord = Readonly<Record<string, unknown>>;

/** Pods that a drain has to move: not those of daemon sets, not mirrors of static pods, not finished ones. */
export function podsToMove(list: unknown): readonly PodOnNode[] {
  return itemsOf(list)
    .filter((pod) => {
      const { annotations = {}, ownerReferences = [] } = metadataOf(pod);
      const phase = recordOf(pod.status).phase;
      const ofDaemonSet = ownerReferences.some(({ kind }) => kind === 'DaemonSet');
      return (
        !('kubernetes.io/config.mirror' in annotations) &&
        !ofDaemonSet &&
        phase !== 'Succeeded' &&
        phase !== 'Failed'
      );
    })
    .map((pod) => {
      const { namespace = 'default', name = '', labels = {}, ownerReferences = [] } = metadataOf(pod);
      const volumes = recordOf(pod.spec).volumes;
      return {
        namespace,
        name,
        labels,
        hasEmptyDir: Array.isArray(volumes) && volumes.some((volume) => 'emptyDir' in recordOf(volume)),
        hasController: ownerReferences.some(({ controller }) => controller === true),
      };
    });
}

export function readBudgets(list: unknown): readonly DisruptionBudget[] {
  return itemsOf(list).map((budget) => {
    const { namespace = 'default', name = '' } = metadataOf(budget);
    const spec = recordOf(budget.spec);
    return {
      namespace,
      name,
      selector: spec.selector as LabelSelector | undefined,
      disruptionsAllowed: Number(recordOf(budget.status).disruptionsAllowed ?? 0),
      rule:
        spec.minAvailable !== undefined
          ? `minAvailable ${JSON.stringify(spec.minAvailable)}`
          : `maxUnavailable ${JSON.stringify(spec.maxUnavailable ?? 1)}`,
    };
  });
}

/** For each pod that is still there, why: in a sentence each, with the budget that holds it. */
export function obstaclesTo(
  pods: readonly PodOnNode[],
  budgets: readonly DisruptionBudget[],
): readonly string[] {
  return pods.map((pod) => {
    const holding = budgets.filter(
      ({ namespace, selector, disruptionsAllowed }) =>
        namespace === pod.namespace &&
        disruptionsAllowed < 1 &&
        selector !== undefined &&
        matchesSelector(selector, pod.labels),
    );
    const who = `pod ${pod.namespace}/${pod.name}`;
    if (holding.length > 0) {
      const named = holding.map(
        ({ namespace, name, rule }) => `${namespace}/${name} (${rule}, allows no disruption now)`,
      );
      return `${who} is held by PodDisruptionBudget ${named.join(' and ')}`;
    }
    return `${who} has not ended`;
  });
}

interface Metadata {
  readonly namespace?: string;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind: string; readonly controller?: boolean }[];
}

function itemsOf(list: unknown): readonly JsonRecord[] {
  const { items } = recordOf(list);
  return Array.isArray(items) ? items.map(recordOf) : [];
}

function metadataOf(object: JsonRecord): Metadata {
  return recordOf(object.metadata) as Metadata;
}

function recordOf(value: unknown): JsonRecord {
  return typeof value === 'object' && value !== null ? (value as JsonRecord) : {};
}
