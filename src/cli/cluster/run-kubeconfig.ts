import { writeFile } from 'node:fs/promises';
import { HansaError } from '../../base/index.ts';
import { fileClusterStore } from '../../provision/index.ts';
import type { ClusterFlags } from './cluster-options.ts';
import { findStored } from './load-clusters.ts';
import { openState } from './state-place.ts';

export interface KubeconfigFlags extends ClusterFlags {
  readonly to?: string;
}

/** Prints the kubeconfig that was kept when the cluster was made. */
export async function runClusterKubeconfig(name: string, flags: KubeconfigFlags): Promise<void> {
  const state = openState(flags);
  const key = await findStored(name, flags.namespace, state);
  const values = await fileClusterStore(state, key).secrets.get(`${key.name}-kubeconfig`);
  const text = values?.['value'];
  if (!text) {
    throw new HansaError(`cluster ${key.name} has no kubeconfig yet: "hansa cluster apply" makes it`, {
      reason: 'NotFound',
      retry: 'never',
    });
  }
  if (flags.to === undefined) {
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    return;
  }
  await writeFile(flags.to, text, { mode: 0o600 });
  process.stderr.write(`kubectl --kubeconfig ${flags.to} get nodes\n`);
}
