import { hasLabels, type MemberRecord } from '../registration/membership.ts';
import { isSameSource, registeredUidLabel, sourceOf } from '../registration/words.ts';
import { type ClusterView, sourceOfCluster } from './cluster-view.ts';

/** A member as this door sees it. */
export interface SeenMember extends MemberRecord {
  readonly name: string;
  readonly isDeleting: boolean;
}

export interface Sight {
  readonly key: { readonly namespace: string; readonly name: string };
  /** `gone`: the API server said that there is none, and that it serves the kind. */
  readonly cluster: ClusterView | 'gone';
  /** Of a Cluster that is gone: somebody had paused it when it was last seen. */
  readonly wasPaused: boolean;
  /** All of the host. */
  readonly members: readonly SeenMember[];
  /** Names that were members by this Cluster and whose leave broke off half way. */
  readonly halfLeft: readonly string[];
}

export type Verdict =
  | { readonly kind: 'nothing'; readonly because: string }
  | { readonly kind: 'join'; readonly member: string; readonly labels: Readonly<Record<string, string>> }
  | {
      readonly kind: 'leave';
      readonly member: string;
      /**
       * `needed`: the cluster lives on, so its account there must be taken away; `if-possible`: it is dying; `none`:
       * nothing leads to it any more.
       */
      readonly access: 'needed' | 'if-possible' | 'none';
      readonly because: string;
    }
  /** Not done, and a person should know. */
  | { readonly kind: 'hold'; readonly reason: string; readonly message: string };

/**
 * What is next for a Cluster of Cluster API. Only members that came in by this Cluster are ever taken out, and only for
 * what was seen: its label gone, its deletion, its absence.
 */
export function decide(sight: Sight): Verdict {
  const { key, cluster, members, halfLeft } = sight;
  const source = sourceOfCluster(key);
  const own = members.filter(({ labels }) => isSameSource(sourceOf(labels), source));
  const present = [...own.map(({ name }) => name), ...halfLeft];

  if (cluster === 'gone') return decideGone(sight, present);
  if (cluster.isPaused) return nothing('it is paused');
  if (cluster.isDeleting) return leaveFirst(present, 'if-possible', 'the Cluster is being deleted');
  if (!cluster.isWanted) return leaveFirst(present, 'needed', 'the Cluster does not ask for it any more');
  const misnamed = present.filter((name) => name !== cluster.memberName);
  if (misnamed.length > 0) return leaveFirst(misnamed, 'needed', `it is called ${cluster.memberName} now`);
  return decideWanted(cluster, own, members);
}

function decideGone({ key, wasPaused }: Sight, present: readonly string[]): Verdict {
  const [first] = present;
  if (first === undefined) return nothing('it is gone, and no member');
  if (wasPaused) {
    return {
      kind: 'hold',
      reason: 'ClusterMovedAway',
      message:
        `Cluster ${key.namespace}/${key.name} went while it was paused, as "clusterctl move" does: member ${first} stays. ` +
        `If it is really gone, run "hansa unjoin ${first} --force"`,
    };
  }
  return leaveFirst(present, 'none', 'the Cluster is gone');
}

function decideWanted(
  cluster: ClusterView,
  own: readonly SeenMember[],
  members: readonly SeenMember[],
): Verdict {
  const { memberName: member, labels } = cluster;
  const holder = members.find(({ name }) => name === member);
  if (holder && !own.includes(holder)) return holdFor(member, holder);
  if (holder?.isDeleting) return nothing('its KubeFedCluster is being deleted');
  if (holder && hasLabels(holder, labels)) return nothing('it is a member');
  if (!cluster.isInitialized) return nothing('its control plane is not initialized yet');
  return { kind: 'join', member, labels };
}

function holdFor(member: string, holder: SeenMember): Verdict {
  const other = sourceOf(holder.labels);
  if (!other) {
    return {
      kind: 'hold',
      reason: 'JoinedByHand',
      message: `a person has joined a member ${member} (${holder.apiEndpoint}), and it is left to them: to have it kept by its Cluster, run "hansa unjoin ${member}"`,
    };
  }
  return {
    kind: 'hold',
    reason: 'NameTaken',
    message: `the name ${member} belongs to the member of ${other.by} ${other.namespace}/${other.name}: give this one another with the annotation provision.hansa.dev/member-name`,
  };
}

/** Whether this member was made for an earlier Cluster of the same name. */
export function isOfEarlier(member: Pick<SeenMember, 'labels'>, { uid }: ClusterView): boolean {
  return member.labels[registeredUidLabel] !== uid;
}

function leaveFirst(
  names: readonly string[],
  access: 'needed' | 'if-possible' | 'none',
  because: string,
): Verdict {
  const [member] = names;
  return member === undefined ? nothing(because) : { kind: 'leave', member, access, because };
}

function nothing(because: string): Verdict {
  return { kind: 'nothing', because };
}
