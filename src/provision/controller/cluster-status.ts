import type { KubeClusterStatus } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import type { KubeClusterConditionType } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { type Condition, setConditions } from '../../kube/index.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../plan/cluster-spec.ts';
import type { ClusterSight } from '../plan/facts.ts';
import { compareVersions, readVersion } from '../plan/version.ts';
import { conditionsOf, type Said } from './cluster-conditions.ts';
import { type ClusterStory, isMade, isReady, timeOf, unready } from './cluster-story.ts';
import { keep } from './status-parts.ts';

export function clusterStatus(story: ClusterStory): KubeClusterStatus {
  const { spec, before, generation, observed, certificates, backup, operation, now } = story;
  const said = conditionsOf(story);
  const phase = phaseOf(story, said);
  const cluster = observed?.cluster;
  const version = cluster?.kind === 'up' ? lowestVersion(cluster) : before?.version;
  const uid = cluster?.kind === 'up' ? cluster.uid : before?.uid;
  const expiry = certificates?.firstExpiry;
  const { newest, newestName } = backup;
  return {
    observedGeneration: generation,
    phase,
    summary: summaryOf(story, said, phase),
    ...(version !== undefined && { version }),
    ...(spec.endpoint.host !== '' && { endpoint: `${spec.endpoint.host}:${spec.endpoint.port}` }),
    ...(uid !== undefined && { uid }),
    initialization: { controlPlaneInitialized: isMade(story) },
    controlPlane: countOf(controlPlanes(spec), story),
    workers: countOf(
      spec.machines.filter(({ role }) => role === 'worker'),
      story,
    ),
    etcdMembers: etcdMembersOf(spec, cluster) ?? before?.etcdMembers ?? [],
    ...(expiry === undefined
      ? keep(before, 'certificatesExpiryDate')
      : { certificatesExpiryDate: timeOf(expiry) }),
    ...(newest && newestName !== undefined
      ? { lastBackup: { name: newestName, at: timeOf(newest.takenAt) } }
      : keep(before, 'lastBackup')),
    ...(operation !== undefined && { currentOperation: operation }),
    conditions: [
      ...setConditions((before?.conditions ?? []) as readonly Condition[], said, { nowMs: now }),
    ] as NonNullable<KubeClusterStatus['conditions']>,
  };
}

function phaseOf(story: ClusterStory, said: readonly Said[]): NonNullable<KubeClusterStatus['phase']> {
  const { spec, isDeleting, failure, observed, plan } = story;
  const is = (type: KubeClusterConditionType) => said.find((each) => each.type === type)?.status;
  if (isDeleting) return 'Deleting';
  if (spec.paused) return 'Paused';
  if (!isMade(story)) {
    if (failure) return 'Failed';
    return observed ? 'Provisioning' : 'Pending';
  }
  const isUnwell =
    (is('Available') !== 'True' && observed !== undefined) ||
    is('EtcdClusterHealthy') === 'False' ||
    is('ControlPlaneComponentsHealthy') === 'False' ||
    is('CertificatesValid') === 'False' ||
    unready(story).length > 0;
  if (failure) return 'Degraded';
  if ((plan?.steps.length ?? 0) > 0) return 'Changing';
  return isUnwell ? 'Degraded' : 'Ready';
}

function summaryOf(story: ClusterStory, said: readonly Said[], phase: string): string {
  const { failure } = story;
  if (failure) return failure.message;
  const message = (type: KubeClusterConditionType) => said.find((each) => each.type === type)?.message ?? '';
  switch (phase) {
    case 'Deleting':
      return message('Deleting');
    case 'Paused':
      return message('Paused');
    case 'Degraded': {
      const bad = said.find(
        ({ type, status }) =>
          status === 'False' &&
          ['Available', 'EtcdClusterHealthy', 'ControlPlaneComponentsHealthy', 'CertificatesValid'].includes(
            type,
          ),
      );
      const names = unready(story).map(({ name }) => name);
      return bad?.message ?? `not ready: ${names.join(', ')}`;
    }
    case 'Ready':
      return 'all is as the spec wants it';
    default:
      return message('UpToDate');
  }
}

function countOf(
  machines: readonly MachineSpec[],
  { observed, plan }: ClusterStory,
): NonNullable<KubeClusterStatus['controlPlane']> {
  const cluster = observed?.cluster;
  return {
    desired: machines.length,
    ready: cluster?.kind === 'up' ? machines.filter(({ nodeName }) => isReady(cluster, nodeName)).length : 0,
    ...(plan && {
      upToDate: machines.filter(({ name }) => !plan.steps.some(({ machine }) => machine === name)).length,
    }),
  };
}

function etcdMembersOf(
  spec: ClusterSpec,
  cluster: ClusterSight | undefined,
): KubeClusterStatus['etcdMembers'] | undefined {
  if (!cluster || cluster.kind === 'absent' || !cluster.members) return undefined;
  return cluster.members.map(({ id, name, peerUrls, isLearner, isHealthy }) => {
    const machine = spec.machines.find(({ nodeName }) => nodeName === name)?.name;
    const [peerURL] = peerUrls;
    return {
      id,
      ...(name !== '' && { name }),
      ...(machine !== undefined && { machine }),
      ...(peerURL !== undefined && { peerURL }),
      learner: isLearner,
      ...(isHealthy !== undefined && { healthy: isHealthy }),
    };
  });
}

function lowestVersion({ apiServers }: Extract<ClusterSight, { readonly kind: 'up' }>): string | undefined {
  const versions = Object.values(apiServers).map((text) => text.replace(/^v/, ''));
  return versions
    .flatMap((text) => readVersion(text) ?? [])
    .toSorted(compareVersions)
    .map(({ text }) => text)[0];
}
