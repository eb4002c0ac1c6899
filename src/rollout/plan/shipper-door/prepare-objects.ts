import { shipperLabels } from '../../../api/shipper.booking.com/v1alpha1/names.ts';
import { isJsonObject, type JsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import { productionService } from '../shipper/index.ts';

export interface ReleaseIdentity {
  readonly application: string;
  readonly release: string;
  /** Of the InstallationTarget: Shipper's and the Application's own. */
  readonly labels: Readonly<Record<string, string>>;
}

export type PreparedRelease =
  | {
      readonly ok: true;
      /** In the order in which they are made. */
      readonly objects: readonly KubeObject[];
      readonly deployment: string;
      /** Replicas of the whole release in one cluster. */
      readonly totalReplicas: number;
      readonly service: string;
    }
  | {
      readonly ok: false;
      readonly reason: 'WrongChartDeployments' | 'ChartError';
      readonly message: string;
    };

/**
 * What a release has in each of its clusters, from what its chart renders to: marked as its own, without capacity, and
 * with the one Service that sends traffic to pods with the label for it.
 */
export function prepareObjects(rendered: readonly KubeObject[], owner: ReleaseIdentity): PreparedRelease {
  const deployments = rendered.filter(isDeployment);
  const [deployment] = deployments;
  if (!deployment || deployments.length !== 1) {
    return {
      ok: false,
      reason: 'WrongChartDeployments',
      message: `the chart has ${deployments.length} Deployments and needs exactly one: its pods are what capacity and traffic are counted in`,
    };
  }
  if (!deployment.metadata.name.includes(owner.release)) {
    return chartError(
      `Deployment "${deployment.metadata.name}" of the chart must have the release's name in its own, or two releases could not run side by side: name it "{{ .Release.Name }}-${deployment.metadata.name}"`,
    );
  }
  const service = productionService(
    rendered.filter(isService).map((each) => ({
      name: each.metadata.name,
      labels: each.metadata.labels ?? {},
      selector: at(each, 'spec', 'selector') as Readonly<Record<string, string>> | undefined,
    })),
    {
      application: owner.application,
      release: owner.release,
      workaround: owner.labels[shipperLabels.helmReleaseWorkaround],
    },
  );
  if (service.kind === 'invalid-chart') return chartError(service.message);
  const replicas = at(deployment, 'spec', 'replicas');
  return {
    ok: true,
    objects: rendered
      .map((object) => marked(object, owner))
      .map((object) => {
        if (isDeployment(object)) return withoutCapacity(object, owner);
        return isService(object) && object.metadata.name === service.name
          ? steered(object, service.selector)
          : object;
      })
      .toSorted((a, b) => placeOf(a.kind) - placeOf(b.kind)),
    deployment: deployment.metadata.name,
    totalReplicas: typeof replicas === 'number' ? replicas : 1,
    service: service.name,
  };
}

function chartError(message: string): PreparedRelease {
  return { ok: false, reason: 'ChartError', message };
}

function isDeployment({ kind, apiVersion }: KubeObject): boolean {
  return kind === 'Deployment' && /^(apps|extensions)\//.test(apiVersion);
}

function isService({ kind, apiVersion }: KubeObject): boolean {
  return kind === 'Service' && apiVersion === 'v1';
}

/** The namespace is that of the release, whatever the template says; it is set where the kind is known to have one. */
function marked(object: KubeObject, { labels, release }: ReleaseIdentity): KubeObject {
  const { namespace: _, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, ...labels, [shipperLabels.ownedBy]: release },
    },
  };
}

/** Installed without pods: capacity comes in steps. Its selector must not take the pods of another release. */
function withoutCapacity(deployment: KubeObject, { labels }: ReleaseIdentity): KubeObject {
  const spec = objectAt(deployment, 'spec');
  const template = objectIn(spec['template']);
  const metadata = objectIn(template['metadata']);
  const podLabels = withMarks(objectIn(metadata['labels']), labels);
  const selector = objectIn(spec['selector']);
  return {
    ...deployment,
    // extensions/v1beta1 is long gone.
    apiVersion: 'apps/v1',
    spec: {
      ...spec,
      replicas: 0,
      selector: {
        ...selector,
        matchLabels: withMarks(objectIn(selector['matchLabels'] ?? podLabels), labels),
      },
      template: { ...template, metadata: { ...metadata, labels: podLabels } },
    },
  };
}

/** The chart's own labels stay where they meet labels of the Application: its Service selects by them. */
function withMarks(own: JsonObject, labels: Readonly<Record<string, string>>): JsonObject {
  const marks = Object.entries(labels).filter(([label]) => label.startsWith('shipper-') || !(label in own));
  return { ...own, ...Object.fromEntries(marks) };
}

function steered(service: KubeObject, selector: Readonly<Record<string, string>>): KubeObject {
  return {
    ...service,
    metadata: {
      ...service.metadata,
      labels: { ...service.metadata.labels, [shipperLabels.lb]: 'production' },
    },
    spec: { ...objectAt(service, 'spec'), selector },
  };
}

function at(object: KubeObject, ...path: readonly [string, string]): unknown {
  return objectAt(object, path[0])[path[1]];
}

function objectAt(object: KubeObject, field: string): JsonObject {
  return objectIn(object[field]);
}

function objectIn(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** What others need comes before them, as helm has it. */
const order = [
  'Namespace',
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'StorageClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'Service',
  'DaemonSet',
  'Pod',
  'Deployment',
  'HorizontalPodAutoscaler',
  'StatefulSet',
  'Job',
  'CronJob',
  'Ingress',
];

function placeOf(kind: string): number {
  const place = order.indexOf(kind);
  return place < 0 ? order.length : place;
}
