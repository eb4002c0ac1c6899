import { stringify } from 'yaml';
import type { Machine, StepContext } from '../engine/executor.ts';
import { writePhaseConfig } from './kubeadm-config.ts';

/** kubeadm's UpgradeConfiguration for `upgrade apply` and `upgrade node`; images lie on the machine already. */
export function renderUpgradeConfig(
  version: string,
  {
    ignorePreflightErrors,
    hasPatches,
  }: { readonly ignorePreflightErrors: readonly string[]; readonly hasPatches: boolean },
): string {
  const both = {
    certificateRenewal: true,
    etcdUpgrade: true,
    ignorePreflightErrors: [...ignorePreflightErrors],
    imagePullPolicy: 'IfNotPresent',
    ...(hasPatches && { patches: { directory: patchesDirectory } }),
  };
  return stringify({
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'UpgradeConfiguration',
    // Nobody is there to answer its question.
    apply: { kubernetesVersion: `v${version}`, forceUpgrade: true, ...both },
    node: both,
  });
}

export const patchesDirectory = '/etc/kubernetes/hansa/patches';

export async function writeUpgradeConfig(
  { cluster, signal }: StepContext,
  machine: Machine,
  version: string,
): Promise<string> {
  const { ignorePreflightErrors } = cluster.kubeadm;
  const { code } = await machine.transport.exec({
    script: 'test -d "$1"',
    args: [patchesDirectory],
    root: true,
    signal,
  });
  const content = renderUpgradeConfig(version, { ignorePreflightErrors, hasPatches: code === 0 });
  return writePhaseConfig(machine, 'upgrade', content, signal);
}
