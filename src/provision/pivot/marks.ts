import type { ClusterKey } from '../store/state-content.ts';

/** Where a cluster is kept, as far as the two homes that a move is between tell it. */
export type HomeSight =
  | { readonly kind: 'absent' }
  /** Worked on from there. */
  | { readonly kind: 'active'; readonly ca: string | undefined }
  /** Read-only: it says that the cluster is kept elsewhere. */
  | { readonly kind: 'marked'; readonly movedTo: string; readonly ca: string | undefined };

export interface Homes {
  readonly key: ClusterKey;
  readonly file: HomeSight;
  readonly host: HomeSight;
}

export type Decision =
  /** All of it is copied, then the marks change hands. */
  | { readonly kind: 'move' }
  /**
   * A move broke off between its two last writes: both homes are marked. What the host has is whole, whichever way the
   * move went, so either direction may end it.
   */
  | { readonly kind: 'finish' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refuse'; readonly reason: string; readonly message: string };

/** `state file … (move 0123456789ab)`: for people, and to tell the two ends of one move from those of another. */
export function markOf(place: string, token: string): string {
  return `${place} (move ${token})`;
}

export function tokenOf(mark: string): string | undefined {
  return /\(move ([0-9a-f]+)\)$/.exec(mark)?.[1];
}

export function decideToHost(homes: Homes): Decision {
  const { key, file, host } = homes;
  const name = `${key.namespace}/${key.name}`;
  switch (file.kind) {
    case 'absent':
      return refuse(
        'NotFound',
        `there is no cluster ${name} in the state file: "hansa cluster status" lists what there is`,
      );
    case 'active':
      if (host.kind === 'active') return bothActive(name);
      return otherCluster(homes) ?? { kind: 'move' };
    case 'marked':
      switch (host.kind) {
        case 'absent':
          return refuse(
            'NotFound',
            `cluster ${name} was moved to ${file.movedTo}, and this host has no such KubeCluster: name that host, or say "hansa pivot to-file ${key.name} --host-is-lost" if it is gone for good`,
          );
        case 'active':
          return { kind: 'nothing' };
        case 'marked':
          return isSameMove(file, host) ? { kind: 'finish' } : keptElsewhere(name, host.movedTo);
      }
  }
}

export function decideToFile(homes: Homes): Decision {
  const { key, file, host } = homes;
  const name = `${key.namespace}/${key.name}`;
  switch (host.kind) {
    case 'absent':
      return refuse(
        'NotFound',
        `the host has no KubeCluster ${name}${file.kind === 'marked' ? `; the state file says that it is kept in ${file.movedTo}` : ''}`,
      );
    case 'active':
      if (file.kind === 'active') return bothActive(name);
      return otherCluster(homes) ?? { kind: 'move' };
    case 'marked':
      switch (file.kind) {
        case 'absent':
          return keptElsewhere(name, host.movedTo);
        case 'active':
          return otherCluster(homes) ?? { kind: 'nothing' };
        case 'marked':
          return isSameMove(file, host) ? { kind: 'finish' } : keptElsewhere(name, host.movedTo);
      }
  }
}

function isSameMove(a: { readonly movedTo: string }, b: { readonly movedTo: string }): boolean {
  const token = tokenOf(a.movedTo);
  return token !== undefined && token === tokenOf(b.movedTo);
}

/** A cluster's own CA can't be changed, and no two have the same. */
function otherCluster({ key, file, host }: Homes): Decision | undefined {
  if (file.kind === 'absent' || host.kind === 'absent') return undefined;
  if (file.ca === undefined || host.ca === undefined || file.ca.trim() === host.ca.trim()) return undefined;
  return refuse(
    'AnotherCluster',
    `${key.namespace}/${key.name} of the host and of the state file are two clusters: the Secrets ${key.name}-ca hold different CAs. Take the one that is not wanted away first`,
  );
}

function bothActive(name: string): Decision {
  return refuse(
    'KeptTwice',
    `cluster ${name} is kept in the state file and on the host, and neither says that it was moved: look which of them is right, and take the other away before anybody works on it`,
  );
}

function keptElsewhere(name: string, place: string): Decision {
  return refuse(
    'KeptElsewhere',
    `the host says that cluster ${name} is kept in ${place}: run the command there`,
  );
}

function refuse(reason: string, message: string): Decision {
  return { kind: 'refuse', reason, message };
}
