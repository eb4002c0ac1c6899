import { describe, expect, it } from 'vitest';
import { parseExactJson } from '../../../../src/provision/etcd/exact-json.ts';
import { judgeMembers } from '../../../../src/provision/etcd/judge-members.ts';
import {
  parseAlarms,
  parseEndpointStatus,
  parseMemberList,
} from '../../../../src/provision/etcd/parse-answers.ts';

// What etcdctl 3.6.5 printed for three members and a learner that never started.
const list =
  '{"header":{"cluster_id":17300438976491492131,"member_id":13668033151171901709,"raft_term":2},"members":[{"ID":185828541645115251,"name":"m2","peerURLs":["http://127.0.0.1:23802"],"clientURLs":["http://127.0.0.1:23792"]},{"ID":3990370604368066554,"name":"m3","peerURLs":["http://127.0.0.1:23803"],"clientURLs":["http://127.0.0.1:23793"]},{"ID":13668033151171901709,"name":"m1","peerURLs":["http://127.0.0.1:23801"],"clientURLs":["http://127.0.0.1:23791"]},{"ID":16986632176974278212,"peerURLs":["http://127.0.0.1:23809"],"isLearner":true}]}';
const hexList =
  '{"header":{"cluster_id":"f017819664191323","member_id":"bdae9bbc11dd390d","raft_term":2},"members":[{"ID":"2943212f5e2cf73","name":"m2","peerURLs":["http://127.0.0.1:23802"],"clientURLs":["http://127.0.0.1:23792"]},{"ID":"3760a4ec3b84f7fa","name":"m3","peerURLs":["http://127.0.0.1:23803"],"clientURLs":["http://127.0.0.1:23793"]},{"ID":"bdae9bbc11dd390d","name":"m1","peerURLs":["http://127.0.0.1:23801"],"clientURLs":["http://127.0.0.1:23791"]},{"ID":"ebbca3f746c5ae44","name":"","peerURLs":["http://127.0.0.1:23809"],"clientURLs":null}]}';
// m3 was dead.
const status =
  '[{"Endpoint":"http://127.0.0.1:23792","Status":{"header":{"cluster_id":17300438976491492131,"member_id":185828541645115251,"revision":1,"raft_term":2},"version":"3.6.5","dbSize":20480,"leader":185828541645115251,"raftIndex":9,"raftTerm":2,"raftAppliedIndex":9,"dbSizeInUse":16384,"storageVersion":"3.6.0","downgradeInfo":{}}},{"Endpoint":"http://127.0.0.1:23791","Status":{"header":{"cluster_id":17300438976491492131,"member_id":13668033151171901709,"revision":1,"raft_term":2},"version":"3.6.5","dbSize":20480,"leader":185828541645115251,"raftIndex":9,"raftTerm":2,"raftAppliedIndex":9,"dbSizeInUse":16384,"storageVersion":"3.6.0","downgradeInfo":{}}}]';
// m1 alone, without quorum.
const aloneStatus =
  '[{"Endpoint":"http://127.0.0.1:23791","Status":{"header":{"cluster_id":17300438976491492131,"member_id":13668033151171901709,"revision":1,"raft_term":3},"version":"3.6.5","dbSize":20480,"raftIndex":13,"raftTerm":3,"raftAppliedIndex":13,"errors":["etcdserver: no leader"],"dbSizeInUse":16384,"storageVersion":"3.6.0","downgradeInfo":{}}}]';

describe('ids of etcd members', () => {
  it('are exact, though JavaScript would round them', () => {
    expect(parseMemberList(list).members.map(({ id }) => id)).toEqual([
      '2943212f5e2cf73',
      '3760a4ec3b84f7fa',
      'bdae9bbc11dd390d',
      'ebbca3f746c5ae44',
    ]);
    // The trap: a plain parse names a member that doesn't exist.
    const plain = JSON.parse(list) as { members: { ID: number }[] };
    expect(plain.members[2]?.ID.toString(16)).not.toBe('bdae9bbc11dd390d');
  });

  it('are the same in both forms of the list', () => {
    expect(parseMemberList(hexList).members.map(({ id }) => id)).toEqual(
      parseMemberList(list).members.map(({ id }) => id),
    );
  });

  it.each(['0', '9007199254740991', '9007199254740993', '18446744073709551615'])('survive at %s', (id) => {
    const { members } = parseMemberList(`{"header":{"cluster_id":1},"members":[{"ID":${id},"name":"m"}]}`);
    expect(BigInt(`0x${members[0]?.id}`).toString()).toBe(id);
  });

  it('never come from something that is no id', () => {
    expect(() => parseMemberList('{"header":{"cluster_id":1},"members":[{"ID":1.5}]}')).toThrow(/no id/);
    expect(() => parseMemberList('Error: context deadline exceeded')).toThrow(/not JSON/);
  });
});

describe('numbers in exact JSON', () => {
  it('stay numbers where a number holds them, and become bigint where it does not', () => {
    expect(
      parseExactJson('{"a":1,"b":[9007199254740993],"c":1.5,"d":1e300,"e":"18446744073709551615"}'),
    ).toEqual({
      a: 1,
      b: [9007199254740993n],
      c: 1.5,
      d: 1e300,
      e: '18446744073709551615',
    });
  });
});

describe('the members of etcd', () => {
  const members = judgeMembers(parseMemberList(list), parseEndpointStatus(status), []);
  const named = (name: string) => members.find((member) => member.name === name);

  it('are well when they answer, and not when they don’t', () => {
    expect(named('m1')).toMatchObject({
      isHealthy: true,
      isLeader: false,
      dbSizeBytes: 20480,
      raftIndex: '9',
    });
    expect(named('m2')).toMatchObject({ isHealthy: true, isLeader: true });
    expect(named('m3')).toMatchObject({ isHealthy: false, isLeader: undefined, raftIndex: undefined });
  });

  it('show a learner that never started', () => {
    expect(named('')).toMatchObject({
      isLearner: true,
      isHealthy: false,
      peerUrls: ['http://127.0.0.1:23809'],
      clientUrls: [],
    });
  });

  it('are none of them well without a leader, and the one that answers can be told', () => {
    const alone = judgeMembers(parseMemberList(list), parseEndpointStatus(aloneStatus), []);
    expect(alone.filter(({ isHealthy }) => isHealthy)).toEqual([]);
    expect(alone.filter(({ raftIndex }) => raftIndex !== undefined).map(({ name }) => name)).toEqual(['m1']);
  });

  it('are not well with an alarm of their own', () => {
    const alarms = parseAlarms(
      '{"header":{"cluster_id":1},"alarms":[{"memberID":13668033151171901709,"alarm":1}]}',
    );
    const full = judgeMembers(parseMemberList(list), parseEndpointStatus(status), alarms);
    expect(full.find(({ name }) => name === 'm1')).toMatchObject({ isHealthy: false, alarms: ['NOSPACE'] });
    expect(full.find(({ name }) => name === 'm2')).toMatchObject({ isHealthy: true, alarms: [] });
  });

  it('are not well when another cluster answers at their address', () => {
    const foreign = status.replace(
      '"cluster_id":17300438976491492131,"member_id":13668033151171901709',
      '"cluster_id":5,"member_id":13668033151171901709',
    );
    expect(
      judgeMembers(parseMemberList(list), parseEndpointStatus(foreign), []).find(({ name }) => name === 'm1'),
    ).toMatchObject({
      isHealthy: false,
    });
  });

  it('are not well when another member answers at their address', () => {
    const other = status.replace('"member_id":13668033151171901709', '"member_id":42');
    expect(
      judgeMembers(parseMemberList(list), parseEndpointStatus(other), []).find(({ name }) => name === 'm1'),
    ).toMatchObject({
      isHealthy: false,
    });
  });

  it('are not well while far behind', () => {
    const behind = status.replace(
      '"raftIndex":9,"raftTerm":2,"raftAppliedIndex":9',
      '"raftIndex":900000,"raftTerm":2,"raftAppliedIndex":900000',
    );
    const judged = judgeMembers(parseMemberList(list), parseEndpointStatus(behind), []);
    expect(judged.find(({ name }) => name === 'm2')).toMatchObject({ isHealthy: true });
    expect(judged.find(({ name }) => name === 'm1')).toMatchObject({ isHealthy: false });
  });
});
