import { isJsonObject, type Json, type JsonObject, stableJson } from '../../../base/index.ts';

/** The shares that were last ordered, and of which pods: an edit that nobody ordered anything for has a share of 0. */
export interface OrderedShares {
  readonly hash: string;
  readonly contender: number;
  readonly incumbent: number;
  /** Absent where traffic is not steered. */
  readonly traffic?: { readonly contender: number; readonly incumbent: number };
}

/** What a workload said before it was armed, and who had said it. */
export interface Originals {
  readonly values: JsonObject;
  readonly manager: string | undefined;
}

/** Pods of one template, and the revision that they stand for. */
export interface Version {
  readonly hash: string;
  readonly revision: string;
}

/**
 * What the mode must remember in a member. It is kept in a ConfigMap beside the workload, not in the workload:
 * `kubectl rollout undo` replaces a Deployment's annotations by those of the old ReplicaSet.
 */
export interface GatedState {
  readonly workload: { readonly kind: string; readonly name: string; readonly uid: string };
  /** What is not held back. */
  readonly stable: Version;
  /** What was stable before the last revision was finished here: an abort of a later wave goes back to it. */
  readonly previous?: Version;
  /** The pod hash that the rollout's newest revision turned out to have here. */
  readonly contender?: Version;
  readonly shares?: OrderedShares;
  readonly originals?: Originals;
}

export function writeGatedState(state: GatedState): string {
  return stableJson(state);
}

/** Undefined for a text that is none of ours. */
export function readGatedState(text: string | undefined): GatedState | undefined {
  const value = parse(text);
  if (!isJsonObject(value)) return undefined;
  const { workload, stable, previous, contender, shares, originals } = value;
  if (!isJsonObject(workload) || !isJsonObject(stable)) return undefined;
  const { kind, name, uid } = workload;
  const steady = readVersion(stable);
  const older = readVersion(previous);
  const newer = readVersion(contender);
  if (typeof kind !== 'string' || typeof name !== 'string' || typeof uid !== 'string') return undefined;
  if (!steady) return undefined;
  const ordered = readShares(shares);
  const before = readOriginals(originals);
  return {
    workload: { kind, name, uid },
    stable: steady,
    ...(older ? { previous: older } : {}),
    ...(newer ? { contender: newer } : {}),
    ...(ordered ? { shares: ordered } : {}),
    ...(before ? { originals: before } : {}),
  };
}

/** Shares of these pods; what nobody ordered is nothing for the new and everything for the old. */
export function sharesOf(state: GatedState, hash: string | undefined): Omit<OrderedShares, 'hash'> {
  const { shares } = state;
  return shares && shares.hash === hash ? shares : { contender: 0, incumbent: 100 };
}

function readVersion(value: Json | undefined): Version | undefined {
  if (!isJsonObject(value)) return undefined;
  const { hash, revision } = value;
  return typeof hash === 'string' && typeof revision === 'string' ? { hash, revision } : undefined;
}

/**
 * The shares after one more order.
 *
 * Pods of one workload are either new or old, so a greater share of the old ones is a smaller one of the new: a way back
 * is said about the side that grows, and done at once.
 */
export function orderShares(
  state: GatedState,
  hash: string,
  { capacity = {}, traffic }: { readonly capacity?: Partial<Pair>; readonly traffic?: Partial<Pair> },
): OrderedShares {
  const before = sharesOf(state, hash);
  const { incumbent = before.incumbent } = capacity;
  const left = incumbent > before.incumbent ? Math.min(before.contender, 100 - incumbent) : before.contender;
  const steered = before.traffic ?? traffic;
  return {
    hash,
    contender: capacity.contender ?? left,
    incumbent,
    ...(steered ? { traffic: { contender: 0, incumbent: 100, ...before.traffic, ...traffic } } : {}),
  };
}

interface Pair {
  readonly contender: number;
  readonly incumbent: number;
}

function readShares(value: Json | undefined): OrderedShares | undefined {
  if (!isJsonObject(value)) return undefined;
  const { hash, traffic } = value;
  const capacity = readPair(value);
  const steered = isJsonObject(traffic) ? readPair(traffic) : undefined;
  if (typeof hash !== 'string' || !capacity) return undefined;
  return { hash, ...capacity, ...(steered ? { traffic: steered } : {}) };
}

function readPair({ contender, incumbent }: JsonObject): Pair | undefined {
  if (typeof contender !== 'number' || typeof incumbent !== 'number') return undefined;
  return { contender, incumbent };
}

function readOriginals(value: Json | undefined): Originals | undefined {
  if (!isJsonObject(value) || !isJsonObject(value['values'])) return undefined;
  const manager = value['manager'];
  return { values: value['values'], manager: typeof manager === 'string' ? manager : undefined };
}

function parse(text: string | undefined): Json | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
