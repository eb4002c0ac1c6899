import type { MemberState } from '../api/names.ts';
import { managedLabel } from '../api/names.ts';
import { contains, HansaError, type JsonObject, messageOf, type RetryLaw } from '../base/index.ts';
import {
  type ApiClient,
  type Cache,
  type KubeObject,
  keyOf,
  type ObjectRef,
  type ResourceType,
} from '../kube/index.ts';
import { fieldManager, type MemberRecord, metadataRecord } from './member-record.ts';
import type { Step } from './plan/intent.ts';

export interface Site {
  /** The member's name, for sentences. */
  readonly member: string;
  readonly client: ApiClient;
  readonly type: ResourceType;
  readonly ref: ObjectRef;
  readonly cache: Cache<MemberRecord>;
  readonly metadataOnly: boolean;
  /** Take over objects that exist already, as KubeFed's adoptResources does. */
  readonly adopt: boolean;
  readonly deleteOptions: JsonObject | undefined;
  readonly signal: AbortSignal;
}

/** What came of a step. */
export type Result =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'in-place'; readonly fields: string; readonly wrote: boolean }
  | { readonly kind: 'removing' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'missing-namespace'; readonly message: string }
  | {
      readonly kind: 'failed';
      readonly status: MemberState;
      readonly message: string;
      readonly retry: RetryLaw;
    };

/** Another manager's objection or a server's rule changes only when someone acts, so asking again soon is idle. */
const slowRetry: RetryLaw = { afterMs: 60_000 };

/** Does one step in one member. Never throws for what the member answers. */
export async function carryOut(
  step: Exclude<Step, { kind: 'refuse' | 'await-rollout' }>,
  site: Site,
): Promise<Result> {
  switch (step.kind) {
    case 'none':
      return { kind: 'nothing' };
    case 'await-removal':
      return { kind: 'removing' };
    case 'create':
      return attempt('Creation', site, () => create(step.desired, site));
    case 'update':
      return attempt('Update', site, () => update(step, site));
    case 'delete':
      return attempt('Deletion', site, () => remove(step.uid, site));
    case 'release':
      return attempt('LabelRemoval', site, () => release(step.uid, site));
  }
}

async function create(desired: KubeObject, site: Site): Promise<Result> {
  if (!site.adopt) {
    const existing = await findForeign(site);
    if (existing) return refuseToAdopt(existing, site);
  }
  try {
    return await apply(desired, site, false);
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'Conflict') throw error;
    // Someone else's object is there, and it differs. The label says whether it may be taken over.
    const existing = await findForeign(site);
    if (existing?.metadata.labels?.[managedLabel] === 'false') {
      return {
        kind: 'failed',
        status: 'ManagedLabelFalse',
        message: `${describe(site)} carries the label ${managedLabel}: "false", so Hansa leaves it alone; remove the label to let it be taken over`,
        retry: slowRetry,
      };
    }
    return apply(desired, site, true);
  }
}

async function update(step: Extract<Step, { kind: 'update' }>, site: Site): Promise<Result> {
  if (step.verify) {
    const live = await site.client.get(site.type, site.ref, { signal: site.signal });
    if (contains(live, step.desired)) {
      return { kind: 'in-place', fields: metadataRecord(live).fields, wrote: false };
    }
  }
  return apply(step.desired, site, true);
}

async function apply(desired: KubeObject, site: Site, force: boolean): Promise<Result> {
  const took = site.cache.beforeWrite(keyOf(site.ref));
  const answer = await site.client.apply(site.type, desired, {
    fieldManager,
    force,
    signal: site.signal,
    ...(site.metadataOnly ? { metadataOnly: true } : {}),
  });
  took(answer);
  return { kind: 'in-place', fields: metadataRecord(answer).fields, wrote: true };
}

async function remove(uid: string, site: Site): Promise<Result> {
  try {
    await site.client.remove(site.type, site.ref, {
      signal: site.signal,
      // The uid keeps a later object of the same name safe from a decision about this one.
      body: { kind: 'DeleteOptions', apiVersion: 'v1', ...site.deleteOptions, preconditions: { uid } },
    });
    return { kind: 'removing' };
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NotFound') return { kind: 'gone' };
    throw error;
  }
}

async function release(uid: string, site: Site): Promise<Result> {
  try {
    await site.client.patch(
      site.type,
      site.ref,
      { metadata: { uid, labels: { [managedLabel]: null } } },
      { type: 'merge', fieldManager, signal: site.signal },
    );
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'NotFound') throw error;
  }
  return { kind: 'gone' };
}

async function findForeign(site: Site): Promise<KubeObject | undefined> {
  try {
    return await site.client.get(site.type, site.ref, { metadataOnly: true, signal: site.signal });
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

function refuseToAdopt({ metadata }: KubeObject, site: Site): Result {
  const isOff = metadata.labels?.[managedLabel] === 'false';
  return {
    kind: 'failed',
    status: isOff ? 'ManagedLabelFalse' : 'AlreadyExists',
    message: `${describe(site)} exists already and adopting is switched off; delete it there, or allow adopting`,
    retry: slowRetry,
  };
}

async function attempt(
  verb: 'Creation' | 'Update' | 'Deletion' | 'LabelRemoval',
  site: Site,
  task: () => Promise<Result>,
): Promise<Result> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof HansaError)) throw error;
    return failureOf(verb, error, site);
  }
}

function failureOf(
  verb: 'Creation' | 'Update' | 'Deletion' | 'LabelRemoval',
  error: HansaError,
  site: Site,
): Result {
  const message = messageOf(error);
  switch (error.reason) {
    case 'NamespaceNotFound':
      return {
        kind: 'missing-namespace',
        message: `namespace "${site.ref.namespace}" does not exist in ${site.member} yet`,
      };
    case 'KindNotServed':
      return {
        kind: 'failed',
        status: 'KindNotServed',
        message: `${site.member} does not serve ${site.type.plural}.${site.type.version}${site.type.group ? `.${site.type.group}` : ''}`,
        retry: slowRetry,
      };
    case 'Timeout':
      return { kind: 'failed', status: `${verb}TimedOut`, message, retry: error.retry };
    case 'Forbidden':
      return {
        kind: 'failed',
        status: `${verb}Failed`,
        message: `${message}; if a permission is missing, grant it with "hansa join ${site.member} --update-rbac"`,
        retry: slowRetry,
      };
    case 'Invalid':
    case 'BadRequest':
      return { kind: 'failed', status: `${verb}Failed`, message, retry: slowRetry };
    default:
      return { kind: 'failed', status: `${verb}Failed`, message, retry: error.retry };
  }
}

function describe({ type, ref, member }: Site): string {
  return `${type.kind} ${keyOf(ref)} in ${member}`;
}
