import type { ApiClient } from '../kube/index.ts';
import type { Member as MemberView, MemberName } from '../scheduling/index.ts';
import type { Health } from './health.ts';

/** One joined cluster, as long as its address and credentials stay the same; new ones make a new Member. */
export interface Member {
  readonly name: MemberName;
  /** Name, alias and labels as they are now. */
  readonly view: MemberView;
  readonly health: Health;
  /** Absent while no client can be made from the cluster object; the health then says why. */
  readonly client: ApiClient | undefined;
  /** Aborts when the cluster is unjoined or gets another address or credentials. */
  readonly lifetime: AbortSignal;
}

export function isReady(member: Pick<Member, 'health' | 'client'>): boolean {
  return member.client !== undefined && member.health.kind === 'ready';
}
