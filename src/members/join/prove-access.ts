import { type Clock, HansaError, type Json } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import { explainAccess } from './explain-access.ts';
import {
  describePermissions,
  memberRules,
  missingPermissions,
  type Permission,
  type PolicyRule,
  permissionsOf,
} from './member-rules.ts';

export interface Proof {
  readonly version: string;
}

/** A new account and its roles take a moment to reach the caches of each API server behind one address. */
const settleMs = 10_000;
const pauseMs = 200;
const callDeadlineMs = 10_000;

/**
 * Uses a member exactly as the host will: endpoint, CA and token as they are to be stored.
 *
 * Guarantees: sends nothing that changes the member; 401 and missing rights are asked again for some seconds, since
 * API servers learn of a new account with a delay; what the network says is final.
 * @throws HansaError with one sentence
 */
export async function proveAccess(
  member: ApiClient,
  {
    name,
    clock,
    signal,
  }: { readonly name: string; readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<Proof> {
  const untilMs = clock.monotonic() + settleMs;
  for (;;) {
    try {
      return await proveOnce(member, name, signal);
    } catch (error) {
      const mayPass =
        error instanceof HansaError && ['Unauthorized', 'MissingPermissions'].includes(error.reason);
      if (!mayPass || clock.monotonic() >= untilMs) throw error;
      await clock.sleep(pauseMs, signal);
    }
  }
}

async function proveOnce(member: ApiClient, name: string, signal: AbortSignal | undefined): Promise<Proof> {
  const options = { deadlineMs: callDeadlineMs, ...(signal ? { signal } : {}) };
  try {
    const version = versionOf(await member.raw('/version', options), member.server);
    await member.raw('/readyz', options);
    const missing = await findMissing(member, options);
    if (missing.length > 0) {
      throw new HansaError(
        `member ${name}: the token may not ${describePermissions(missing)}; refresh its rights with ` +
          `"hansa join ${name} --update-rbac"`,
        { reason: 'MissingPermissions' },
      );
    }
    return { version };
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'ServerError') {
      throw new HansaError(`member ${name}: ${member.server} answers, but says that it is not ready`, {
        reason: 'ClusterNotReady',
      });
    }
    throw explainAccess(error, { who: `member ${name}`, server: member.server, by: 'stored' });
  }
}

function versionOf(text: string, server: string): string {
  try {
    const { gitVersion } = JSON.parse(text) as { gitVersion?: string };
    if (gitVersion) return gitVersion;
  } catch {
    // Falls to the sentence below.
  }
  throw new HansaError(`${server} answers, but not as a Kubernetes API server does; check the address`, {
    reason: 'NotAnApiServer',
    retry: 'never',
  });
}

type Options = { readonly signal?: AbortSignal; readonly deadlineMs: number };

/** One review tells nearly all; only what it doesn't show is asked for one by one. */
async function findMissing(member: ApiClient, options: Options): Promise<readonly Permission[]> {
  const status = await review(member, 'SelfSubjectRulesReview', { namespace: 'default' }, options);
  const rules = [status['resourceRules'], status['nonResourceRules']].flatMap((list) =>
    Array.isArray(list) ? (list as PolicyRule[]) : [],
  );
  const unseen = missingPermissions(rules, permissionsOf(memberRules()));
  const missing: Permission[] = [];
  for (const permission of unseen) {
    const { allowed } = await review(member, 'SelfSubjectAccessReview', accessSpec(permission), options);
    if (allowed !== true) missing.push(permission);
  }
  return missing;
}

async function review(
  member: ApiClient,
  kind: 'SelfSubjectRulesReview' | 'SelfSubjectAccessReview',
  spec: Json,
  options: Options,
): Promise<Record<string, unknown>> {
  const path = `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`;
  const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec };
  const answer = JSON.parse(await member.raw(path, { method: 'POST', body, ...options })) as {
    status?: Record<string, unknown>;
  };
  return answer.status ?? {};
}

function accessSpec(permission: Permission): Json {
  switch (permission.kind) {
    case 'resource':
      return {
        resourceAttributes: { verb: permission.verb, group: permission.group, resource: permission.resource },
      };
    case 'path':
      return { nonResourceAttributes: { verb: permission.verb, path: permission.path } };
  }
}
