import type { DemoRow } from './demo-rows.ts';
import type { Phase } from './phases.ts';

export interface DemoResultInput {
  readonly ok: boolean;
  readonly kubernetesVersion: string;
  readonly kubeconfigPath: string;
  readonly kubectlPath: string | undefined;
  readonly controller: { readonly address: string; readonly logPath: string };
  readonly rows: readonly DemoRow[];
  readonly missing: readonly string[];
  readonly tookMs: Readonly<Partial<Record<Phase, number>>>;
  readonly elapsedMs: number;
}

/** What `-o json` prints. */
export interface DemoResult {
  readonly ok: boolean;
  readonly kubernetesVersion: string;
  readonly kubeconfig: string;
  readonly kubectl: string | undefined;
  readonly controller: { readonly address: string; readonly log: string };
  readonly tookMs: Readonly<Partial<Record<Phase, number>>> & { readonly total: number };
  readonly workloads: readonly DemoResultRow[];
  /** A sentence for each workload in each cluster that lacks something. */
  readonly missing: readonly string[];
}

export interface DemoResultRow {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the federated object. */
  readonly apiVersion: string;
  readonly state: DemoRow['state'];
  /** By cluster: pods of a Deployment, 1 for another object. */
  readonly wanted: Readonly<Record<string, number>>;
  readonly ready: Readonly<Record<string, number>>;
}

export function demoResult({
  kubeconfigPath,
  kubectlPath,
  controller,
  rows,
  tookMs,
  elapsedMs,
  ok,
  kubernetesVersion,
  missing,
}: DemoResultInput): DemoResult {
  return {
    ok,
    kubernetesVersion,
    kubeconfig: kubeconfigPath,
    kubectl: kubectlPath,
    controller: { address: controller.address, log: controller.logPath },
    tookMs: { ...tookMs, total: elapsedMs },
    workloads: rows.map(({ expectation: { kind, namespace, name, apiVersion }, cells, state }) => ({
      kind,
      namespace,
      name,
      apiVersion,
      state,
      wanted: Object.fromEntries(cells.map(({ member, wanted }) => [member, wanted])),
      ready: Object.fromEntries(cells.map(({ member, seen }) => [member, seen])),
    })),
    missing,
  };
}
