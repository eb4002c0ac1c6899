import { schedulingGate, trafficLabel } from '../../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { isJsonObject, type JsonObject } from '../../../base/index.ts';
import { hashLabels, heldAnnotation, trafficReadinessGate } from './words.ts';

/** `hold`: a pod of a new revision. `serve`: one of the stable revision, whose traffic is steered by a label. */
export type PodVerb = 'hold' | 'serve';

/** What of an AdmissionRequest is looked at. */
export interface PodRequest {
  readonly uid: string;
  readonly operation?: string;
  readonly dryRun?: boolean;
  readonly object?: unknown;
}

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patchType?: 'JSONPatch';
  /** JSON Patch in base64. */
  readonly patch?: string;
}

export interface PodReview {
  readonly response: AdmissionResponse;
  readonly outcome: 'held' | 'served' | 'untouched';
}

interface Operation {
  readonly op: 'add' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/**
 * Answers one AdmissionRequest about a pod.
 *
 * *Guarantees*: always allows; says the same for the same pod, a dry run included, since nothing is counted here; a pod
 * that has been through it already is not changed again.
 * *Assumes*: the server calls it for pods of a rollout only (see webhookEntries), so which pods are new is settled.
 */
export function reviewPod(
  request: PodRequest,
  { verb, isSteered = false }: { readonly verb: PodVerb; readonly isSteered?: boolean },
): PodReview {
  const { object, operation = 'CREATE' } = request;
  const pod = isJsonObject(object) ? object : undefined;
  const operations =
    pod && operation === 'CREATE' ? (verb === 'hold' ? hold(pod, isSteered) : serve(pod)) : [];
  return {
    response: {
      uid: request.uid,
      allowed: true,
      ...(operations.length > 0
        ? {
            patchType: 'JSONPatch',
            patch: Buffer.from(JSON.stringify(operations), 'utf8').toString('base64'),
          }
        : {}),
    },
    outcome: operations.length === 0 ? 'untouched' : verb === 'hold' ? 'held' : 'served',
  };
}

function hold(pod: JsonObject, isSteered: boolean): readonly Operation[] {
  const spec = isJsonObject(pod['spec']) ? pod['spec'] : {};
  const metadata = isJsonObject(pod['metadata']) ? pod['metadata'] : {};
  const labels = isJsonObject(metadata['labels']) ? metadata['labels'] : {};
  const annotations = isJsonObject(metadata['annotations']) ? metadata['annotations'] : undefined;
  const hash = labels[hashLabels.Deployment] ?? labels[hashLabels.DaemonSet];
  const operations: Operation[] = [];
  // The server refuses a gate on a pod that has its node already: a static pod's mirror, or one bound by hand.
  const canWait = !spec['nodeName'];
  if (canWait) operations.push(...addItem('/spec', 'schedulingGates', spec, 'name', schedulingGate));
  if (isSteered) {
    operations.push(...addItem('/spec', 'readinessGates', spec, 'conditionType', trafficReadinessGate));
  }
  if (labels[trafficLabel] !== undefined) {
    operations.push({ op: 'remove', path: `/metadata/labels/${escape(trafficLabel)}` });
  }
  if (canWait && annotations?.[heldAnnotation] === undefined) {
    operations.push(
      ...addEntry(
        '/metadata/annotations',
        annotations,
        heldAnnotation,
        typeof hash === 'string' ? hash : 'true',
      ),
    );
  }
  return operations;
}

function serve(pod: JsonObject): readonly Operation[] {
  const metadata = isJsonObject(pod['metadata']) ? pod['metadata'] : {};
  const labels = isJsonObject(metadata['labels']) ? metadata['labels'] : undefined;
  if (labels?.[trafficLabel] === 'enabled') return [];
  return addEntry('/metadata/labels', labels, trafficLabel, 'enabled');
}

/** Adds an item to a list that may not be there, unless it holds it already. */
function addItem(
  parent: string,
  field: string,
  at: JsonObject,
  key: string,
  value: string,
): readonly Operation[] {
  const list = at[field];
  if (!Array.isArray(list)) return [{ op: 'add', path: `${parent}/${field}`, value: [{ [key]: value }] }];
  if (list.some((item) => isJsonObject(item) && item[key] === value)) return [];
  return [{ op: 'add', path: `${parent}/${field}/-`, value: { [key]: value } }];
}

function addEntry(
  path: string,
  map: JsonObject | undefined,
  key: string,
  value: string,
): readonly Operation[] {
  if (!map) return [{ op: 'add', path, value: { [key]: value } }];
  return [{ op: 'add', path: `${path}/${escape(key)}`, value }];
}

function escape(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
