import { type Clock, HansaError, type Logger, type Rng } from '../../base/index.ts';
import { type ApiClient, elect, type KubeObject, type ResourceType } from '../../kube/index.ts';
import { ageOf } from './file-lock.ts';
import type { ClusterKey } from './state-content.ts';

export interface LeaseLockOptions {
  readonly client: ApiClient;
  readonly key: ClusterKey;
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
}

const leaseType: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

const defaults = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 } as const;

/**
 * One writer of a cluster at a time, over all who reach the host. It is waited for as long as a dead holder's Lease may
 * last, and no longer.
 * @throws HansaError Locked, with the owner and its age
 */
export async function takeLeaseLock({
  client,
  key,
  owner,
  signal,
  clock,
  rng,
  logger,
  ...given
}: LeaseLockOptions): Promise<AsyncDisposable & { readonly lost: AbortSignal }> {
  const rules = { ...defaults, ...given };
  const name = `${key.name}-provision`;
  const giveUp = new AbortController();
  const cancel = clock.after(rules.leaseDurationMs + 2 * rules.retryPeriodMs, () => giveUp.abort());
  try {
    const leadership = await elect({
      client,
      namespace: key.namespace,
      name,
      // No two may share one, a restart of the same owner included.
      identity: `${owner}_${suffix(clock, rng)}`,
      clock,
      rng,
      logger,
      ...rules,
      signal: AbortSignal.any([signal, giveUp.signal]),
    });
    return { lost: leadership.lost, [Symbol.asyncDispose]: () => leadership.release() };
  } catch (error) {
    if (signal.aborted || !giveUp.signal.aborted) throw error;
    throw await locked({ client, key, name, clock, cause: error });
  } finally {
    cancel();
  }
}

function suffix(clock: Clock, rng: Rng): string {
  return `${clock.now().toString(36)}${Math.floor(rng() * 36 ** 6).toString(36)}`;
}

async function locked({
  client,
  key,
  name,
  clock,
  cause,
}: Pick<LeaseLockOptions, 'client' | 'key' | 'clock'> & {
  readonly name: string;
  readonly cause: unknown;
}): Promise<HansaError> {
  const what = `cluster ${key.namespace}/${key.name}`;
  try {
    const { spec } = await client.get<
      KubeObject & { spec: { holderIdentity?: string; acquireTime?: string } }
    >(leaseType, { namespace: key.namespace, name });
    const holder = spec.holderIdentity?.replace(/_[0-9a-z]+$/, '') || 'somebody';
    const age = spec.acquireTime ? `, for ${ageOf(clock.now() - Date.parse(spec.acquireTime))}` : '';
    return new HansaError(
      `${what} is being changed by ${holder}${age} (Lease ${key.namespace}/${name}): wait until that is done, or end it`,
      { reason: 'Locked', cause },
    );
  } catch {
    // The Lease itself can't be read or written: what the election ran into says more.
    return new HansaError(
      `the lock on ${what} could not be taken: the Lease ${key.namespace}/${name} can’t be read or written. Look whether the host answers, and whether this account may use Leases there`,
      { reason: 'LockUnavailable', cause },
    );
  }
}
