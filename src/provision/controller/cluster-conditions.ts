import type { KubeClusterConditionType } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import type { ConditionSaid } from '../../kube/index.ts';
import type { CertificateVerdict } from '../plan/certificate-verdict.ts';
import { type ClusterSpec, controlPlanes } from '../plan/cluster-spec.ts';
import type { ClusterSight } from '../plan/facts.ts';
import { hasQuorum, quorumOf, tallyOf, tell } from '../plan/quorum.ts';
import type { Step } from '../plan/steps.ts';
import { type BackupStory, type ClusterStory, isMade, timeOf } from './cluster-story.ts';
import { say } from './status-parts.ts';

export type Said = ConditionSaid & { readonly type: KubeClusterConditionType };

/** Every condition of a KubeCluster, each with what is so and what to do. */
export function conditionsOf(story: ClusterStory): readonly Said[] {
  const { spec, observed, isDeleting } = story;
  const cluster = observed?.cluster;
  return [
    availableOf(spec, cluster),
    isMade(story)
      ? say('ControlPlaneInitialized', 'True', 'AsDesired', 'the first control plane was up')
      : say('ControlPlaneInitialized', 'False', 'NotYet', 'the first control plane was never up'),
    etcdOf(spec, cluster),
    componentsOf(spec, cluster),
    certificatesOf(story.certificates),
    backupOf(spec, story.backup),
    ...changesOf(story),
    upToDateOf(story),
    registeredOf(story),
    spec.paused
      ? say('Paused', 'True', 'Paused', 'nothing is done until spec.paused is taken back')
      : say('Paused', 'False', 'NotAsked', 'it is kept as the spec wants it'),
    isDeleting
      ? say('Deleting', 'True', 'Deleting', story.failure?.message ?? deletionOf(spec))
      : say('Deleting', 'False', 'NotAsked', 'it stays'),
  ];
}

function deletionOf({ deletionPolicy }: ClusterSpec): string {
  return deletionPolicy === 'Reset'
    ? 'its machines are reset, as spec.deletionPolicy says'
    : 'its machines run on, as spec.deletionPolicy says';
}

function availableOf(spec: ClusterSpec, cluster: ClusterSight | undefined): Said {
  switch (cluster?.kind) {
    case undefined:
      return say('Available', 'Unknown', 'NotYet', 'the machines have not been looked at yet');
    case 'absent':
      return say('Available', 'False', 'NotYet', 'no machine that could be reached has a control plane');
    case 'down': {
      const lost = cluster.members && !hasQuorum(tallyOf(cluster.members));
      return say('Available', 'False', lost ? 'QuorumLost' : 'Unknown', cluster.message);
    }
    case 'up':
      return say(
        'Available',
        'True',
        'AsDesired',
        `the API server answers at ${spec.endpoint.host}:${spec.endpoint.port}`,
      );
  }
}

function etcdOf(spec: ClusterSpec, cluster: ClusterSight | undefined): Said {
  const type = 'EtcdClusterHealthy';
  if (spec.etcd.kind === 'external') {
    return say(type, 'Unknown', 'NotAsked', 'etcd is kept by others: see there');
  }
  const members = cluster && cluster.kind !== 'absent' ? cluster.members : undefined;
  if (!members) return say(type, 'Unknown', 'Unknown', 'no member of etcd could be asked');
  const tally = tallyOf(members);
  const text = `${tell(tally)}, ${quorumOf(tally.voters)} needed`;
  if (!hasQuorum(tally)) return say(type, 'False', 'QuorumLost', text);
  const bad = members.filter(({ isHealthy }) => isHealthy !== true);
  const alarms = members.flatMap(({ name, alarms: raised }) => raised.map((alarm) => `${alarm} on ${name}`));
  if (alarms.length > 0) return say(type, 'False', 'QuorumAtRisk', `${text}; alarm ${alarms.join(', ')}`);
  if (bad.length > 0) {
    const names = bad.map(({ name, id }) => name || id).join(', ');
    return say(type, 'False', 'QuorumAtRisk', `${text}; not well: ${names}`);
  }
  const planes = controlPlanes(spec).map(({ nodeName }) => nodeName);
  const strays = members.filter(({ name }) => !planes.includes(name)).map(({ name, id }) => name || id);
  if (strays.length > 0) {
    return say(
      type,
      'False',
      'InProgress',
      `${text}; ${strays.join(', ')} ${strays.length === 1 ? 'is' : 'are'} of no machine of the spec`,
    );
  }
  return say(type, 'True', 'AsDesired', text);
}

function componentsOf(spec: ClusterSpec, cluster: ClusterSight | undefined): Said {
  const type = 'ControlPlaneComponentsHealthy';
  if (cluster?.kind !== 'up') return say(type, 'Unknown', 'Unknown', 'no API server could be asked');
  const planes = controlPlanes(spec);
  const silent = planes.filter(({ name }) => cluster.apiServers[name] === undefined);
  // Those of kind have no machines.
  if (silent.length === 0) return say(type, 'True', 'AsDesired', 'every API server answers');
  return say(
    type,
    'False',
    'InProgress',
    `the API server of ${silent.map(({ name }) => name).join(', ')} does not answer: look there with "crictl ps -a"`,
  );
}

function certificatesOf(verdict: CertificateVerdict | undefined): Said {
  const type = 'CertificatesValid';
  if (!verdict) return say(type, 'Unknown', 'NotYet', 'certificates have not been looked at yet');
  const reasons = {
    Valid: 'AsDesired',
    RenewalDue: 'NearExpiry',
    ReplacementDue: verdict.status === 'True' ? 'NearExpiry' : 'Expired',
    AuthorityExpiring: 'NearExpiry',
    Expired: 'Expired',
    AuthorityExpired: 'Expired',
    ClockWrong: 'Unknown',
    NotSeen: 'Unknown',
  } as const;
  return say(type, verdict.status, reasons[verdict.reason], verdict.message);
}

function backupOf(spec: ClusterSpec, { verdict, newest, complaint }: BackupStory): Said {
  const type = 'BackupRecent';
  if (!spec.backup) return say(type, 'Unknown', 'NotAsked', 'spec.backup names no place for backups');
  if (complaint !== undefined) {
    return say(type, 'Unknown', 'Unknown', `the target of backups can't be read: ${complaint}`);
  }
  const last = newest ? `the newest is ${newest.name}` : 'there is none yet';
  switch (verdict.kind) {
    case 'never':
      return newest
        ? say(type, 'True', 'AsDesired', `${last}; there is no schedule`)
        : say(type, 'False', 'NotYet', `${last}, and no schedule: set spec.backup.schedule`);
    case 'later':
      return newest
        ? say(type, 'True', 'AsDesired', `${last}; the next is due ${timeOf(verdict.at)}`)
        : say(type, 'False', 'NotYet', `${last}; the first is due ${timeOf(verdict.at)}`);
    case 'due':
      return say(type, 'False', 'InProgress', `${last}; one is due since ${timeOf(verdict.since)}`);
  }
}

const growing: readonly Step['kind'][] = ['init-control-plane', 'join-control-plane', 'join-worker'];
const shrinking: readonly Step['kind'][] = ['leave-etcd', 'delete-node', 'reset-machine'];

function changesOf(story: ClusterStory): readonly Said[] {
  const { plan, failure } = story;
  const steps = plan?.steps ?? [];
  const of = (kinds: readonly Step['kind'][]) => steps.filter(({ kind }) => kinds.includes(kind));
  // What is set on machines that are only just coming is a part of their coming.
  const rest = steps.filter(
    ({ kind, machine }) =>
      isMade(story) &&
      (kind.startsWith('upgrade') || kind.startsWith('set-')) &&
      !of(growing).some((each) => each.machine === machine),
  );
  const change = (type: KubeClusterConditionType, which: readonly Step[], none: string): Said =>
    which.length === 0
      ? say(type, 'False', 'AsDesired', none)
      : say(
          type,
          'True',
          failure ? 'StepFailed' : 'InProgress',
          [...new Set(which.map(({ machine, title }) => (machine ? `${machine}: ${title}` : title)))].join(
            ', ',
          ),
        );
  return [
    change('RollingOut', rest, 'no machine waits for another version or configuration'),
    change('ScalingUp', of(growing), 'no machine waits to join'),
    change('ScalingDown', of(shrinking), 'no machine waits to leave'),
  ];
}

function upToDateOf({ plan, failure, isDeleting, spec }: ClusterStory): Said {
  const type = 'UpToDate';
  if (failure) return say(type, 'False', failure.reason, failure.message);
  if (isDeleting) return say(type, 'Unknown', 'Deleting', 'the cluster is being deleted');
  if (spec.paused)
    return say(type, 'Unknown', 'Paused', 'nothing is compared until spec.paused is taken back');
  if (!plan) return say(type, 'Unknown', 'NotYet', 'the machines have not been compared with the spec yet');
  const [refusal] = plan.refusals;
  if (refusal) return say(type, 'False', refusal.reason, refusal.message);
  const [first] = plan.steps;
  if (!first) return say(type, 'True', 'AsDesired', 'every machine is as the spec wants it');
  return say(
    type,
    'False',
    'InProgress',
    `${plan.steps.length} steps are left, from ${first.id}: ${first.reason}`,
  );
}

function registeredOf({ spec, plan, observed }: ClusterStory): Said {
  const type = 'Registered';
  if (!spec.register) return say(type, 'False', 'NotAsked', 'spec.register does not ask for it');
  const noHost = plan?.warnings.find(({ reason }) => reason === 'NoHost');
  if (noHost) return say(type, 'False', 'NoHost', noHost.message);
  const waits = plan?.steps.some(({ kind }) => kind === 'register-member') ?? true;
  if (waits || observed?.cluster.kind !== 'up') {
    return say(type, 'False', 'NotYet', 'it is joined when its control plane is up');
  }
  return say(type, 'True', 'AsDesired', 'it is a member of the federation');
}
