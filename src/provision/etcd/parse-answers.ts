import { HansaError, messageOf } from '../../base/index.ts';
import { parseExactJson } from './exact-json.ts';

/** The answer of `etcdctl member list`. Ids are uint64, here and everywhere as hex text, as etcdctl takes them. */
export interface MemberList {
  readonly clusterId: string;
  readonly members: readonly ListedMember[];
}

export interface ListedMember {
  readonly id: string;
  /** Empty until the member started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** What one member says of itself: an entry of `etcdctl endpoint status`. */
export interface MemberStatus {
  readonly endpoint: string;
  readonly clusterId: string;
  readonly memberId: string;
  /** undefined: it knows of no leader. */
  readonly leaderId: string | undefined;
  readonly version: string;
  readonly dbSizeBytes: number;
  readonly raftIndex: bigint;
  readonly raftAppliedIndex: bigint;
  readonly errors: readonly string[];
}

export interface MemberAlarm {
  readonly memberId: string;
  /** `NOSPACE`, `CORRUPT`. */
  readonly kind: string;
}

/**
 * Reads `etcdctl member list -w json`, with or without `--hex`.
 *
 * Don't ask with `--hex`: that form leaves `isLearner` out, and a leftover learner would look like a voter that never
 * started.
 */
export function parseMemberList(text: string): MemberList {
  const answer = objectOf(parse(text, 'member list'), 'member list');
  return {
    clusterId: idOf(objectOf(answer.header, 'header').cluster_id, 'header.cluster_id'),
    members: listOf(answer.members, 'members').map((entry) => {
      const member = objectOf(entry, 'members[]');
      return {
        id: idOf(member.ID, 'members[].ID'),
        name: typeof member.name === 'string' ? member.name : '',
        peerUrls: textsOf(member.peerURLs, 'peerURLs'),
        clientUrls: textsOf(member.clientURLs, 'clientURLs'),
        isLearner: member.isLearner === true,
      };
    }),
  };
}

/** Reads `etcdctl endpoint status -w json`: those endpoints that answered. */
export function parseEndpointStatus(text: string): readonly MemberStatus[] {
  return listOf(parse(text, 'endpoint status'), 'endpoint status').map((entry) => {
    const { Endpoint, Status } = objectOf(entry, 'endpoint status[]');
    const status = objectOf(Status, 'Status');
    const header = objectOf(status.header, 'Status.header');
    const leader = status.leader === undefined ? '0' : idOf(status.leader, 'Status.leader');
    return {
      endpoint: String(Endpoint),
      clusterId: idOf(header.cluster_id, 'Status.header.cluster_id'),
      memberId: idOf(header.member_id, 'Status.header.member_id'),
      leaderId: leader === '0' ? undefined : leader,
      version: typeof status.version === 'string' ? status.version : '',
      dbSizeBytes: Number(integerOf(status.dbSize ?? 0, 'Status.dbSize')),
      raftIndex: integerOf(status.raftIndex ?? 0, 'Status.raftIndex'),
      raftAppliedIndex: integerOf(status.raftAppliedIndex ?? 0, 'Status.raftAppliedIndex'),
      errors: textsOf(status.errors, 'Status.errors'),
    };
  });
}

/** Reads `etcdctl alarm list -w json`. */
export function parseAlarms(text: string): readonly MemberAlarm[] {
  const answer = objectOf(parse(text, 'alarm list'), 'alarm list');
  return listOf(answer.alarms, 'alarms').map((entry) => {
    const { memberID, alarm } = objectOf(entry, 'alarms[]');
    return {
      memberId: idOf(memberID, 'alarms[].memberID'),
      kind: alarmNames[String(alarm)] ?? String(alarm),
    };
  });
}

const alarmNames: Readonly<Record<string, string>> = { '0': 'NONE', '1': 'NOSPACE', '2': 'CORRUPT' };

function parse(text: string, what: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    throw unreadable(`etcdctl's answer to "${what}" is not JSON (${messageOf(error)})`, error);
  }
}

function idOf(value: unknown, field: string): string {
  if (typeof value === 'bigint') return value.toString(16);
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value.toString(16);
  // A string is the form that `--hex` writes.
  if (typeof value === 'string' && /^[0-9a-f]{1,16}$/i.test(value)) return value.toLowerCase();
  throw unreadable(`etcdctl's answer has no id in ${field}`);
}

function integerOf(value: unknown, field: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  throw unreadable(`etcdctl's answer has no whole number in ${field}`);
}

function objectOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw unreadable(`etcdctl's answer has no ${field}`);
}

function listOf(value: unknown, field: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw unreadable(`etcdctl's answer has no list in ${field}`);
}

function textsOf(value: unknown, field: string): readonly string[] {
  return listOf(value, field).map(String);
}

function unreadable(message: string, cause?: unknown): HansaError {
  return new HansaError(`${message}: check that etcdctl on the machine is of etcd 3.5 or later`, {
    reason: 'EtcdAnswerUnreadable',
    retry: 'never',
    cause,
  });
}
