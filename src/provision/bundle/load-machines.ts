import { HansaError, type Progress, silentProgress } from '../../base/index.ts';
import { machineAccess } from '../access/connect-machine.ts';
import type { SecretStore } from '../engine/executor.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { FirstSight } from '../transport/index.ts';
import type { Transport } from '../transport/transport.ts';
import { bytesOf } from './machine-blobs.ts';
import type { Bundle } from './open-bundle.ts';
import { lookForBlobs, megabytes, refuseFullDisk, uploadBlobs } from './upload-blobs.ts';

export interface LoadOptions {
  readonly cluster: ClusterSpec;
  /** Of the cluster; others are left alone. undefined: all. */
  readonly machines: readonly string[] | undefined;
  readonly bundle: Bundle;
  readonly secrets: SecretStore;
  readonly knownHostsFiles: readonly string[];
  readonly onFirstSight?: (machine: string, sight: FirstSight) => void;
  readonly progress?: Progress;
  readonly signal: AbortSignal;
}

export interface LoadedMachine {
  readonly machine: string;
  readonly sentBytes: number;
  /** A sentence; undefined: all is there. */
  readonly failure: string | undefined;
}

/** Brings a bundle onto machines ahead of time. One that can't be reached holds up no other. */
export async function loadMachines(options: LoadOptions): Promise<readonly LoadedMachine[]> {
  const { cluster, machines, progress = silentProgress, secrets, knownHostsFiles, onFirstSight } = options;
  const chosen = chooseMachines(cluster, machines);
  const connect = machineAccess({
    cluster: cluster.name,
    secrets,
    knownHostsFiles,
    ...(onFirstSight ? { onFirstSight } : {}),
  });
  const work = chosen.map(async (machine): Promise<LoadedMachine> => {
    const step = progress.step(`load onto ${machine.name}`);
    try {
      await using transport = await connect(machine, options.signal);
      const sentBytes = await loadMachine(machine, transport, options, (detail) => step.update(detail));
      step.done(sentBytes === 0 ? 'all was there' : `${megabytes(sentBytes)} MB`);
      return { machine: machine.name, sentBytes, failure: undefined };
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof HansaError)) throw error;
      step.fail(error.message);
      return { machine: machine.name, sentBytes: 0, failure: error.message };
    }
  });
  return Promise.all(work);
}

function chooseMachines(
  { name, machines }: ClusterSpec,
  wanted: readonly string[] | undefined,
): readonly MachineSpec[] {
  const unknown = wanted?.find((each) => machines.every((machine) => machine.name !== each));
  if (unknown) {
    throw new HansaError(
      `the cluster ${name} has no machine ${unknown}: it has ${machines.map((machine) => machine.name).join(', ')}`,
      { reason: 'InvalidOption', retry: 'never' },
    );
  }
  return wanted ? machines.filter((machine) => wanted.includes(machine.name)) : machines;
}

async function loadMachine(
  { name, role }: MachineSpec,
  transport: Transport,
  { bundle, cluster, signal }: LoadOptions,
  update: (detail: string) => void,
): Promise<number> {
  const items = bundle.items({
    arch: await architectureOn(name, transport, signal),
    role,
    version: cluster.version,
  });
  const seen = await lookForBlobs({ name, transport }, items, signal);
  refuseFullDisk(name, seen);
  await uploadBlobs({ name, transport }, bundle, seen.missing, { signal, update });
  return bytesOf(seen.missing);
}

/** The kernel's names and Go's. */
const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

async function architectureOn(name: string, transport: Transport, signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await transport.exec({ script: 'uname -m', signal });
  const machine = stdout.trim();
  if (code === 0 && machine) return architectures[machine] ?? machine;
  throw new HansaError(`${name} doesn't tell its architecture: ${stderr.trim()}`, { reason: 'LookFailed' });
}
