import { HansaError } from '../../base/index.ts';
import { blobsDirectory, bytesOf } from '../bundle/machine-blobs.ts';
import {
  type BlobLook,
  lookForBlobs,
  megabytes,
  refuseFullDisk,
  uploadBlobs,
} from '../bundle/upload-blobs.ts';
import type { BundleItem, Executor, Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { machineOf } from './step-machine.ts';

/**
 * Brings what a machine needs of the bundle into its cache, under the names of the hashes. With `inputs.only` =
 * `programs` all but the images.
 * *Guarantees*: a file under such a name has that hash; a broken upload goes on where it stopped.
 */
export const loadBundle: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const { missing } = await look(context, step, machine);
    if (missing.length === 0) return { kind: 'done' };
    return {
      kind: 'todo',
      why: `${missing.length} files, ${megabytes(bytesOf(missing))} MB, are not on ${machine.spec.name}`,
    };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    const seen = await look(context, step, machine);
    const { missing } = seen;
    if (missing.length === 0) return;
    refuseFullDisk(machine.spec.name, seen);
    await context.intent({ files: String(missing.length), bytes: String(bytesOf(missing)) });
    await uploadBlobs(receiver(machine), context.bundle, missing, {
      signal: context.signal,
      update: (detail) => context.update(detail),
    });
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const { missing } = await look(context, step, machine);
    if (missing.length === 0) return;
    throw new HansaError(
      `${missing.length} files of the bundle are not on ${machine.spec.name} though they were sent: something removes them from ${blobsDirectory}; find out what, then apply again`,
      { reason: 'BlobMissing' },
    );
  },
};

/** What the machine of a step needs: of the version the step is about, else of the cluster's. */
export function neededItems(
  { bundle, cluster }: Pick<StepContext, 'bundle' | 'cluster'>,
  { inputs }: Pick<Step, 'inputs'>,
  { facts, spec }: Pick<Machine, 'facts' | 'spec'>,
): readonly BundleItem[] {
  const { version } = inputs;
  return bundle.items({
    arch: facts.arch,
    role: spec.role,
    version: typeof version === 'string' ? version : cluster.version,
  });
}

function look(context: StepContext, step: Step, machine: Machine): Promise<BlobLook> {
  const items = neededItems(context, step, machine);
  const chosen = step.inputs['only'] === 'programs' ? items.filter(({ kind }) => kind !== 'image') : items;
  return lookForBlobs(receiver(machine), chosen, context.signal);
}

function receiver({ spec, transport }: Machine) {
  return { name: spec.name, transport };
}
