import type { Clock, JsonObject } from '../../base/index.ts';
import { type ApiClient, secretType } from '../../kube/index.ts';
import { resolveChartVersion } from '../plan/shipper/index.ts';
import { chartError } from '../render/chart-errors.ts';
import { type ChartRepositories, createChartRepositories } from '../render/chart-repositories.ts';
import { renderChart } from '../render/render-chart.ts';
import { repositoryAccess, type RepositorySecretData } from '../render/repository-access.ts';
import type { RenderHelm } from './options.ts';

export interface ChartRendererDeps {
  readonly host: ApiClient;
  /** Found or got when the first chart is rendered. */
  readonly helm: () => Promise<{ readonly path: string }>;
  readonly clock: Clock;
}

/** Fetches charts and renders them, for rollouts whose source is one. */
export function createChartRenderer({ host, helm, clock }: ChartRendererDeps): RenderHelm {
  let opened: { readonly path: string; readonly repositories: ChartRepositories } | undefined;
  const open = async () => {
    const { path } = await helm();
    if (opened?.path !== path) {
      opened = { path, repositories: createChartRepositories({ helmPath: path, clock }) };
    }
    return opened;
  };

  return async ({ namespace, name }, source, signal) => {
    const { chart, url } = placeOf(source);
    const secret = source.secretRef
      ? await host.get(secretType, { namespace, name: source.secretRef.name }, { signal })
      : undefined;
    const access = repositoryAccess(url, (secret?.['data'] ?? {}) as RepositorySecretData);
    const { path: helmPath, repositories } = await open();
    const { versions } = await repositories.versions(access, chart, signal);
    const resolved = resolveChartVersion(versions, source.version);
    if (resolved.kind !== 'resolved') {
      throw chartError(
        'ChartVersionResolutionFailed',
        `spec.source.helm.version "${source.version}": ${resolved.message} of ${chart} in ${access.url}`,
      );
    }
    const pulled = await repositories.pull(access, chart, resolved.version, signal);
    return renderChart({
      helmPath,
      chart: { kind: 'archive', bytes: pulled.bytes },
      releaseName: source.releaseName ?? name.slice(0, 53),
      namespace,
      values: (source.values ?? {}) as JsonObject,
      signal,
    });
  };
}

/** `oci://registry/path/chart` is repository and chart in one. */
function placeOf({ chart, repoURL }: Parameters<RenderHelm>[1]): {
  readonly chart: string;
  readonly url: string;
} {
  if (chart.startsWith('oci://')) {
    const slash = chart.lastIndexOf('/');
    return { chart: chart.slice(slash + 1), url: chart.slice(0, slash) };
  }
  if (repoURL !== undefined) return { chart, url: repoURL };
  throw chartError(
    'BrokenChartSpec',
    'spec.source.helm.repoURL: say where the chart is, or write an oci:// reference in spec.source.helm.chart',
  );
}
