import type { CapacityTargetStatus } from '../../api/shipper.booking.com/v1alpha1/capacity-target.ts';
import { shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import {
  achievedPercent,
  type CapacityVerdict,
  conditionsOfPods,
  type ContainerSeen,
  judgeCapacity,
  type PodSeen,
  reportCapacity,
  shiftTraffic,
  type TrafficShift,
} from '../plan/shipper/index.ts';
import type { ClusterState } from '../plan/shipper-door/sum-up-clusters.ts';
import type { ContainerStatus, DeploymentRecord, PodRecord } from './member-records.ts';
import { type MemberSite, ofApplication, releaseKey, type Sent, sentLimitMs } from './member-site.ts';
import {
  applicationKeyOf,
  type CapacityRecord,
  type InstallationRecord,
  type TrafficRecord,
} from './records.ts';

/** Not known yet, but soon: nothing is told and nothing is decided. */
export interface Pending {
  readonly kind: 'pending';
}
const pending: Pending = { kind: 'pending' };

export type CapacityEntry = NonNullable<CapacityTargetStatus['clusters']>[number];

/** Ways to see members as they are now. */
export interface Sight {
  /** The site of a joined member; or why there is none. */
  site(
    cluster: string,
  ):
    | { readonly kind: 'site'; readonly site: MemberSite }
    | { readonly kind: 'unreachable'; readonly message: string }
    | Pending;
  /** What an installation depends on, in one text: an outcome counts for that alone. */
  installVersion(target: InstallationRecord): string;
  now(): number;
  monotonic(): number;
  /** TrafficTargets of an Application. */
  trafficOf(application: string): readonly TrafficRecord[];
}

function reach(
  sight: Sight,
  cluster: string,
): { readonly site: MemberSite } | { readonly state: ClusterState | Pending } {
  const seen = sight.site(cluster);
  switch (seen.kind) {
    case 'pending':
      return { state: pending };
    case 'unreachable':
      return { state: { kind: 'unreachable', reason: 'TargetClusterClientError', message: seen.message } };
    case 'site':
      return { site: seen.site };
  }
}

export function observeInstallation(
  sight: Sight,
  target: InstallationRecord,
  cluster: string,
): ClusterState | Pending {
  const reached = reach(sight, cluster);
  if ('state' in reached) return reached.state;
  const { namespace = '', name } = target.metadata;
  const outcome = reached.site.installed.get(releaseKey(namespace, name));
  if (!outcome || outcome.version !== sight.installVersion(target)) return pending;
  if (outcome.kind === 'done') return { kind: 'ready' };
  return { kind: 'not-ready', reason: reasonOf(outcome.reason), message: outcome.message };
}

function reasonOf(reason: string) {
  switch (reason) {
    case 'ChartError':
    case 'UnknownError':
    case 'TargetClusterClientError':
      return reason;
    default:
      return 'InternalError' as const;
  }
}

export interface CapacitySeen {
  readonly state: ClusterState;
  readonly entry: Omit<CapacityEntry, 'conditions'>;
  readonly verdict: CapacityVerdict | undefined;
  readonly deployment: DeploymentRecord | undefined;
}

export function observeCapacity(
  sight: Sight,
  target: CapacityRecord,
  share: CapacityRecord['spec']['clusters'][number],
): CapacitySeen | Pending {
  const { name, percent, totalReplicaCount = 0 } = share;
  const nothing: CapacityEntry = { name, availableReplicas: 0, achievedPercent: 0 };
  const reached = reach(sight, name);
  if ('state' in reached) {
    if (reached.state.kind === 'pending') return pending;
    // What was last seen there may still run.
    const before = target.status.clusters?.find((each) => each.name === name);
    const { conditions: _, ...entry } = before ?? nothing;
    return { state: reached.state, entry, verdict: undefined, deployment: undefined };
  }
  const { site } = reached;
  const application = applicationKeyOf(target) ?? '';
  const deployment = deploymentOf(site, application, target.metadata.name);
  if (!deployment) {
    return {
      state: { kind: 'not-ready', reason: 'InProgress', message: 'its Deployment is not there yet' },
      entry: nothing,
      verdict: undefined,
      deployment: undefined,
    };
  }
  const pods = podsOf(site, application, target.metadata.name);
  const verdict = judgeCapacity({ percent, totalReplicaCount }, { ...deployment, pods: pods.map(podSeen) });
  const sad = new Map(pods.map((pod) => [pod.name, pod]));
  return {
    state: isUnderWay(
      sight,
      site.sentReplicas.get(releaseKey(deployment.namespace, target.metadata.name)),
      deployment.replicas,
    )
      ? inProgress('its replicas are just being changed')
      : capacityState(verdict, deployment, pods, sight.now()),
    entry: {
      name,
      availableReplicas: deployment.availableReplicas,
      achievedPercent: achievedPercent(totalReplicaCount, deployment.availableReplicas),
      ...(verdict.sadPods.length > 0
        ? { sadPods: verdict.sadPods.flatMap((each) => sadPodOf(sad.get(each.name))) }
        : {}),
      // A Release without pods has nothing to report.
      ...(pods.length > 0 ? { reports: [reportOf(deployment.name, pods)] } : {}),
    },
    verdict,
    deployment,
  };
}

function inProgress(message: string): ClusterState {
  return { kind: 'not-ready', reason: 'InProgress', message };
}

/** Something else was sent a moment ago than the cache shows. */
function isUnderWay<T>(sight: Sight, sent: Sent<T> | undefined, shown: T | undefined): boolean {
  return sent !== undefined && sent.value !== shown && sight.monotonic() - sent.atMs < sentLimitMs;
}

function capacityState(
  verdict: CapacityVerdict,
  deployment: DeploymentRecord,
  pods: readonly PodRecord[],
  nowMs: number,
): ClusterState {
  if (!verdict.isReady) {
    return {
      kind: 'not-ready',
      reason: verdict.reason === '' ? 'InProgress' : verdict.reason,
      message: verdict.message,
    };
  }
  if (nowMs < deployment.settlesAtMs) return inProgress('it was just scaled back up');
  // A Deployment copies the status of its ReplicaSet, which may be old; its pods come by another watch.
  const ready = pods.filter((pod) => pod.isReady && !pod.isLeaving).length;
  if (ready < deployment.availableReplicas) return inProgress('its pods are just coming or going');
  return { kind: 'ready' };
}

function reportOf(owner: string, pods: readonly PodRecord[]): NonNullable<CapacityEntry['reports']>[number] {
  const reported = pods.map(({ name, conditions, containers }) => ({
    metadata: { name },
    status: { conditions, containerStatuses: containers },
  }));
  return reportCapacity(owner, conditionsOfPods(reported)) as NonNullable<CapacityEntry['reports']>[number];
}

function sadPodOf(pod: PodRecord | undefined): NonNullable<CapacityEntry['sadPods']> {
  if (!pod) return [];
  const condition = pod.conditions.find(({ status }) => status === 'False');
  return [
    {
      name: pod.name,
      ...(pod.containers.length > 0 ? { containers: plain(pod.containers) } : {}),
      ...(pod.initContainers.length > 0 ? { initContainers: plain(pod.initContainers) } : {}),
      ...(condition ? { condition: { ...condition } } : {}),
    },
  ];
}

function plain(statuses: readonly ContainerStatus[]): Record<string, unknown>[] {
  return statuses.map((status) => ({ ...status }));
}

function podSeen({ name, conditions, containers, initContainers }: PodRecord): PodSeen {
  return {
    name,
    conditions,
    containers: containers.map(containerSeen),
    initContainers: initContainers.map(containerSeen),
  };
}

function containerSeen({ name, ready, state }: ContainerStatus): ContainerSeen {
  const { running, waiting, terminated } = state ?? {};
  return {
    name,
    isReady: ready === true,
    state: running ? 'Running' : waiting ? 'Waiting' : terminated ? 'Terminated' : undefined,
    reason: waiting?.reason ?? terminated?.reason ?? '',
  };
}

/** The Deployment of a release; the chart has exactly one. */
export function deploymentOf(
  site: MemberSite,
  application: string,
  release: string,
): DeploymentRecord | undefined {
  return ofApplication(site.deployments, application).find((each) => each.release === release);
}

export function podsOf(site: MemberSite, application: string, release: string): readonly PodRecord[] {
  return ofApplication(site.pods, application).filter((each) => each.release === release);
}

/** Names of the pods that the Application's production Service sends traffic to. */
export function podsWithTraffic(site: MemberSite, application: string): ReadonlySet<string> {
  const services = ofApplication(site.services, application).filter(
    ({ selector }) => selector[shipperLabels.trafficStatus] === 'enabled',
  );
  const names = new Set(services.map(({ name }) => name));
  return new Set(
    ofApplication(site.slices, application)
      .filter(({ service }) => names.has(service))
      .flatMap(({ readyPods }) => readyPods),
  );
}

/** What shall change in one cluster for all Releases of an Application. */
export function trafficIn(sight: Sight, site: MemberSite, application: string): readonly TrafficShift[] {
  const weights = sight.trafficOf(application).flatMap(({ metadata, spec }) => {
    const own = spec.clusters.find(({ name }) => name === site.name);
    return own ? [{ release: metadata.name, weight: own.weight }] : [];
  });
  const withTraffic = podsWithTraffic(site, application);
  const pods = ofApplication(site.pods, application).map(({ name, release, trafficStatus }) => ({
    name,
    release,
    label: trafficStatus,
    isReady: withTraffic.has(name),
  }));
  return shiftTraffic(weights, pods);
}

export interface TrafficSeen {
  readonly state: ClusterState;
  readonly achievedTraffic: number;
}

export function observeTraffic(sight: Sight, target: TrafficRecord, cluster: string): TrafficSeen | Pending {
  const reached = reach(sight, cluster);
  if ('state' in reached) {
    if (reached.state.kind === 'pending') return pending;
    const before = target.status.clusters?.find(({ name }) => name === cluster);
    return { state: reached.state, achievedTraffic: before?.achievedTraffic ?? 0 };
  }
  const { site } = reached;
  const application = applicationKeyOf(target) ?? '';
  const release = target.metadata.name;
  const shift = trafficIn(sight, site, application).find((each) => each.release === release);
  if (!shift) return pending;
  const achievedTraffic = shift.achievedWeight;
  const deployment = deploymentOf(site, application, release);
  const pods = podsOf(site, application, release).filter((pod) => !pod.isLeaving);
  // Pods come by another watch than their Deployment. Judged without the newest, all would seem to have traffic.
  if (deployment && pods.length < deployment.availableReplicas) {
    return { state: inProgress('new pods are just coming'), achievedTraffic };
  }
  if (pods.some((pod) => isUnderWay(sight, site.sentLabels.get(pod.uid), pod.trafficStatus))) {
    return { state: inProgress('labels for traffic are just being changed'), achievedTraffic };
  }
  if (shift.isReady && shift.toEnable.length === 0 && shift.toDisable.length === 0) {
    return { state: { kind: 'ready' }, achievedTraffic };
  }
  const { podsReady, podsLabeled, targetPods } = shift;
  return {
    state: {
      kind: 'not-ready',
      reason: podsLabeled === targetPods ? 'PodsNotInEndpoints' : 'InProgress',
      message:
        podsLabeled === targetPods
          ? `${podsReady} of ${targetPods} pods with the label for traffic are ready endpoints of the Service`
          : `${podsLabeled} pods have the label for traffic, ${targetPods} shall`,
    },
    achievedTraffic,
  };
}
