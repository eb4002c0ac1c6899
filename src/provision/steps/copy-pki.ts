import { createHash } from 'node:crypto';
import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { type PkiFile, pki, readSharedPki, stagedPki, stagePki } from './pki-files.ts';
import { machineOf } from './step-machine.ts';

/**
 * Brings the CAs and the key of service accounts from a control plane that is well to one that is to join: over our own
 * connections, so that no key ever lies in the cluster itself, not even sealed.
 */
export const copyPki: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const missing = await missingFiles(context, machine, await sharedPki(context, machine));
    return missing.length === 0
      ? { kind: 'done' }
      : { kind: 'todo', why: `${missing.join(', ')} of the PKI is not there, or differs` };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    context.update('copying the PKI');
    await stagePki(context, machine, await sharedPki(context, machine));
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const missing = await missingFiles(context, machine, await sharedPki(context, machine));
    if (missing.length === 0) return;
    throw new HansaError(`the PKI on ${machine.spec.name} is not whole: ${missing.join(', ')}`, {
      reason: 'PkiIncomplete',
    });
  },
};

async function sharedPki(context: StepContext, machine: Machine): Promise<readonly PkiFile[]> {
  return readSharedPki(context, await context.healthyControlPlane([machine.spec.name]));
}

/** Those that neither wait for kubeadm nor are in their place; compared by hash, so that no key is read without need. */
export async function missingFiles(
  { signal }: Pick<StepContext, 'signal'>,
  machine: Machine,
  files: readonly PkiFile[],
): Promise<readonly string[]> {
  const { stdout } = await machine.transport.exec({
    script: `staged=$1 pki=$2
shift 2
for name in "$@"; do
  for directory in "$staged" "$pki"; do
    [ ! -f "$directory/$name" ] || echo "$name $(sha256sum <"$directory/$name" | cut -d' ' -f1)"
  done
done`,
    args: [stagedPki, pki, ...files.map(({ name }) => name)],
    root: true,
    signal,
  });
  const there = new Set(stdout.split('\n'));
  return files
    .filter(
      ({ name, content }) => !there.has(`${name} ${createHash('sha256').update(content).digest('hex')}`),
    )
    .map(({ name }) => name);
}
