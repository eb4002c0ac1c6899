import type { JsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { chartError } from './chart-errors.ts';
import { parseManifests } from './parse-manifests.ts';
import { helmComplaint, openHelmHome, runHelm } from './run-helm.ts';

/** Packed as a repository has it, or a directory. */
export type ChartSource =
  | { readonly kind: 'archive'; readonly bytes: Uint8Array }
  | { readonly kind: 'directory'; readonly path: string };

export interface RenderOptions {
  readonly helmPath: string;
  readonly chart: ChartSource;
  readonly releaseName: string;
  readonly namespace: string;
  readonly values: JsonObject;
  /** Such as `1.36.3`: what the chart sees as `.Capabilities.KubeVersion`. */
  readonly kubeVersion?: string | undefined;
  /** Such as `monitoring.coreos.com/v1`: what the chart sees as `.Capabilities.APIVersions`, besides helm's own. */
  readonly apiVersions?: readonly string[];
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
}

const usualLimitMs = 60_000;

/**
 * Renders a chart with helm, as for a first installation.
 *
 * *Guarantees*: no cluster is asked; values go in by standard input, so that none is seen in a list of processes; hooks
 * and CRDs come out as plain objects, tests (`helm.sh/hook: test`) do not.
 * *Caveats*: objects have a namespace only where the template says so. Charts that draw random words render
 * differently each time, which is why a rendering is kept.
 * @throws HansaError BrokenChartSpec, HelmUnusable; or the signal's reason
 */
export async function renderChart(options: RenderOptions): Promise<readonly KubeObject[]> {
  const { helmPath, chart, releaseName, namespace, values, kubeVersion, apiVersions = [] } = options;
  const { limitMs = usualLimitMs, signal } = options;
  await using home = await openHelmHome();
  const path = chart.kind === 'directory' ? chart.path : await home.write('chart.tgz', chart.bytes);
  const outcome = await runHelm({
    helmPath,
    args: [
      'template',
      '--namespace',
      namespace,
      '--include-crds',
      '--skip-tests',
      '--values',
      '-',
      ...(kubeVersion === undefined ? [] : ['--kube-version', kubeVersion]),
      ...apiVersions.flatMap((each) => ['--api-versions', each]),
      // A name that starts with a dash is a name all the same.
      '--',
      releaseName,
      path,
    ],
    home,
    input: valuesText(values),
    limitMs,
    signal,
  });
  switch (outcome.kind) {
    case 'done':
      return parseManifests(outcome.stdout);
    case 'failed':
      throw chartError(
        'BrokenChartSpec',
        `helm cannot render the chart: ${helmComplaint(outcome.stderr, home)}`,
      );
    case 'late':
      throw chartError(
        'BrokenChartSpec',
        `helm did not finish rendering the chart within ${limitMs / 1000} s: look for a loop in its templates`,
        // The machine may just have been busy.
        { retry: 'backoff' },
      );
    case 'too-much':
      throw chartError('BrokenChartSpec', 'the chart renders to more than 64 MB: split it');
  }
}

/**
 * JSON is YAML, but for a few characters that end a line or are forbidden in YAML and stand as they are in JSON: they
 * are written as escapes.
 */
function valuesText(values: JsonObject): string {
  return JSON.stringify(values).replace(
    /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
