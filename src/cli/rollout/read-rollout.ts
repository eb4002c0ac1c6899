import { rolloutRevisionAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout-revision.ts';
import { rolloutAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { HansaError } from '../../base/index.ts';
import type { ApiClient, CallOptions } from '../../kube/index.ts';
import type { RevisionObject, RolloutObject } from './rollout-object.ts';

export interface RolloutRef {
  readonly namespace: string;
  readonly name: string;
}

/** @throws HansaError NotFound, CrdsMissing */
export async function readRollout(
  client: ApiClient,
  { namespace, name }: RolloutRef,
  call: CallOptions,
): Promise<RolloutObject> {
  try {
    return await client.get<RolloutObject>(rolloutAddress, { namespace, name }, call);
  } catch (error) {
    const reason = error instanceof HansaError ? error.reason : undefined;
    if (reason !== 'NotFound' && reason !== 'NamespaceNotFound') throw explainMissing(error, client);
    throw new HansaError(
      `there is no Rollout "${name}" in namespace "${namespace}": "hansa rollout list -A" shows what there is`,
      { reason: 'NotFound', retry: 'never' },
    );
  }
}

/** Absent namespace = all. */
export async function listRollouts(
  client: ApiClient,
  namespace: string | undefined,
  call: CallOptions,
): Promise<readonly RolloutObject[]> {
  const found: RolloutObject[] = [];
  try {
    for await (const { items } of client.list<RolloutObject>(rolloutAddress, { ...call, namespace })) {
      const { group, version, kind } = rolloutAddress;
      found.push(...items.map((item) => ({ ...item, apiVersion: `${group}/${version}`, kind })));
    }
  } catch (error) {
    throw explainMissing(error, client);
  }
  return found;
}

/** The kept revisions of one Rollout, the oldest first. */
export async function listRevisions(
  client: ApiClient,
  { namespace, name }: RolloutRef,
  call: CallOptions,
): Promise<readonly RevisionObject[]> {
  const found: RevisionObject[] = [];
  try {
    for await (const { items } of client.list<RevisionObject>(rolloutRevisionAddress, {
      ...call,
      namespace,
    })) {
      found.push(...items.filter(({ spec }) => spec.rollout === name));
    }
  } catch (error) {
    throw explainMissing(error, client);
  }
  return found.toSorted((a, b) => a.spec.number - b.spec.number);
}

function explainMissing(error: unknown, { server }: ApiClient): unknown {
  if (!(error instanceof HansaError) || error.reason !== 'KindNotServed') return error;
  return new HansaError(
    `the host ${server} does not serve Rollouts: run "hansa install", or apply the files in crds/`,
    { reason: 'CrdsMissing', retry: 'never' },
  );
}
